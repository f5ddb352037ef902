"""The moments at which the world can see what the engine has done, counted one by one.

A history may have something happen at the n-th moment of a run: a person's edit, another
holder of the lease, or the death of the process.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


class Crash(BaseException):
    """The process is dead. No handler of the engine may catch it."""


@dataclass(slots=True)
class Effects:
    """Counts effects and has things happen at them.

    Attributes:
        count: effects since the beginning.
        names: their names, in order, where they are kept.
    """

    count: int = 0
    names: list[str] = field(default_factory=list)
    _planned: dict[int, list[Callable[[], None]]] = field(default_factory=dict)

    def at(self, number: int, action: Callable[[], None]) -> None:
        """Have `action` run at the effect of this number, counted from now: 1 is the next."""
        self._planned.setdefault(self.count + number, []).append(action)

    def happen(self, name: str) -> None:
        self.count += 1
        self.names.append(name)
        for action in self._planned.pop(self.count, ()):
            action()

    def forget(self) -> None:
        """What was planned and has not happened does not happen any more."""
        self._planned.clear()


def crash() -> None:
    raise Crash
