"""What goes wrong, on purpose: which requests, how often, and how."""

import re
import threading
from dataclasses import dataclass, field

KINDS = {
    "drop": "the connection is closed and nothing is applied",
    "lost": "it is applied, and the connection is reset instead of answered",
    "lost_fin": "it is applied, and the connection is closed instead of answered",
    "status": "it answers with the status in arg and applies nothing",
    "applied_status": "it is applied, and answers with the status in arg",
    "throttle": "it answers 429 with Retry-After: arg",
    "slow": "it answers after arg seconds",
    "dribble": "it answers one byte every arg seconds",
    "truncate": "it cuts the body in half",
    "html": "it answers 200 with a login page",
    "not_object": "it answers 200 with a JSON array",
    "bad_json": "it answers 200 with what is no JSON",
    "success_false": "it answers 200 with success: false and applies nothing",
    "hang": "it never answers",
    "redirect": "it answers 302 to arg",
}


@dataclass(slots=True)
class Fault:
    """One fault: of the requests that match, the first `after` pass, then `times` meet it."""

    kind: str
    method: str | None = None
    path: str | None = None
    times: int = 1
    after: int = 0
    arg: str = ""

    def matches(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return self.path is None or re.search(self.path, path) is not None


@dataclass(slots=True)
class Faults:
    """The faults still to come, in the order they were added."""

    waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        kind: str,
        method: str | None = None,
        path: str | None = None,
        times: int = 1,
        after: int = 0,
        arg: object = "",
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")
        with self._lock:
            self.waiting.append(Fault(kind, method, path, times, after, str(arg)))

    def add_text(self, text: str) -> None:
        """Add from `kind[:METHOD[:times[:arg]]]`, as on the command line."""
        kind, _, rest = text.partition(":")
        method, _, rest = rest.partition(":")
        times, _, arg = rest.partition(":")
        self.add(kind, method or None, times=int(times or 1), arg=arg)

    def clear(self) -> None:
        with self._lock:
            self.waiting.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one; None: it is served honestly."""
        with self._lock:
            for fault in self.waiting:
                if not fault.matches(method, path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
