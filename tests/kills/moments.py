"""The moments at which the two servers meet the real process, counted one by one.

Each request makes two: `arrived`, before anything is done, and `answered`, when it was applied
and nothing was sent back yet. Something may be made to happen at any of them: an edit, a signal.
"""

import threading
from collections.abc import Callable

Action = Callable[[], object]
_WRITES = {"sync", "create", "update"}


class Moments:
    """Counts moments and has things happen at them, in the server's thread. Safe to use from
    any thread.

    Attributes:
        met: set by the first moment after `forget`.
        errors: of what was to happen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = self._writes = 0
        self._numbered: dict[int, list[Action]] = {}
        self._of_writes: dict[int, list[Action]] = {}
        self._named: list[tuple[str, Action]] = []
        self.met = threading.Event()
        self.errors: list[Exception] = []

    @property
    def count(self) -> int:
        return self._count

    def at(self, number: int, action: Action) -> None:
        """Run `action` at the moment of this number, counted from now: 1 is the next."""
        with self._lock:
            self._numbered.setdefault(self._count + number, []).append(action)

    def at_write(self, number: int, action: Action) -> None:
        """The same, where only the moments of writes count."""
        with self._lock:
            self._of_writes.setdefault(self._writes + number, []).append(action)

    def on(self, name: str, action: Action) -> None:
        """Run `action` once, at the next moment of this name, as `cmms.create.answered`."""
        with self._lock:
            self._named.append((name, action))

    def happen(self, name: str) -> None:
        with self._lock:
            self._count += 1
            due = self._numbered.pop(self._count, [])
            if name.split(".")[1] in _WRITES:
                self._writes += 1
                due += self._of_writes.pop(self._writes, [])
            due += [action for told, action in self._named if told == name]
            self._named = [(told, action) for told, action in self._named if told != name]
        self.met.set()
        for action in due:
            try:
                action()
            except Exception as error:
                self.errors.append(error)

    def forget(self) -> None:
        """What was planned and has not happened does not happen any more."""
        with self._lock:
            self._numbered.clear()
            self._of_writes.clear()
            self._named.clear()
        self.met.clear()
