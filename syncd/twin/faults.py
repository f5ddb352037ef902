"""What goes wrong, on purpose: for which requests, how often, and how.

A fault is scripted before it happens. Of the requests that match it, the first `after` get an
honest answer, and the next `times` get the fault. If several faults match a request, it gets the
one that was added first. A request over the rate limit gets its honest 429 and uses up no fault.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.twin.lies import LIES


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault.

    Attributes:
        text: what the twin does, for people.
        applied: whether the request takes effect; a fault overrules it by `applied=`.
        args: the arguments with their defaults; the command line sets the first.
    """

    text: str
    applied: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)


KINDS: Mapping[str, FaultKind] = {
    "drop_before": FaultKind("the connection is closed, nothing is applied"),
    "drop_after": FaultKind("it is applied, and the connection is reset instead of answered", True),
    "drop_after_fin": FaultKind("it is applied, and the connection is closed instead", True),
    "status": FaultKind("it answers with this status", args={"status": 500}),
    "retry_after": FaultKind("it answers 429 with this Retry-After", args={"text": "1"}),
    "slow": FaultKind("it is applied, and answered after so many seconds", True, {"seconds": 1.0}),
    "dribble": FaultKind(
        "it answers one byte at a time, one every so many seconds; with head, the headers too",
        True,
        {"interval": 0.05, "head": False},
    ),
    "truncate": FaultKind("it cuts the body in half", True),
    "html": FaultKind("it answers 200 with a login page"),
    "not_object": FaultKind("it answers 200 with JSON that is no object", args={"body": "[]"}),
    "bad_json": FaultKind("it answers 200 with broken JSON", args={"body": '{"workOrders": ['}),
    "success_false": FaultKind("it answers 200 with success: false"),
    "hang": FaultKind("it never answers"),
    "gzip_bomb": FaultKind("it answers 200 with a small body that inflates to so many MiB",
                           args={"mib": 100}),
    "redirect": FaultKind("it answers 302 to there", args={"location": "http://127.0.0.1:9/"}),
    "headers": FaultKind("it answers honestly, with these headers; None: without it", True,
                         {"headers": {}}),
    "lie": FaultKind("a list contradicts itself; what: " + ", ".join(LIES), True,
                     {"what": "total"}),
}  # fmt: skip
# Short names: the kind each stands for, and `applied` where it differs from the kind's.
SHORT: Mapping[str, tuple[str, bool | None]] = {
    "drop": ("drop_before", None),
    "lost": ("drop_after", None),
    "lost_fin": ("drop_after_fin", None),
    "throttle": ("retry_after", None),
    "applied_status": ("status", True),
}


@dataclass(slots=True)
class ScriptedFault:
    """One scripted fault. `times` None: until `Faults.clear`."""

    kind: str
    method: str | None
    path: re.Pattern[str] | None
    times: int | None
    after: int
    applied: bool
    args: Mapping[str, Any]

    def matches(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return self.path is None or self.path.search(path) is not None


class Faults:
    """The faults still to come, in the order they were added. Safe to use from any thread."""

    def __init__(self) -> None:
        self._waiting: list[ScriptedFault] = []
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
        after: int = 0,
        *,
        arg: str = "",
        **args: Any,
    ) -> None:
        """Script a fault.

        Args:
            kind: one of KINDS, or of SHORT.
            method: only requests with this method; None: with any.
            path: a regular expression that is searched for in the path; None: any path.
            times: how many requests get it; None: all, until `clear`.
            after: how many matching requests get an honest answer before.
            arg: the kind's first argument, as text; "": the default.
            args: the kind's arguments by name, and `applied` to overrule the kind's.

        Raises ValueError.
        """
        kind, applied = SHORT.get(kind, (kind, None))
        known = KINDS.get(kind)
        if known is None:
            raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")
        if applied is None:
            applied = known.applied
        applied = bool(args.pop("applied", applied))
        if arg:
            args = _argument(kind, known, arg) | args
        unknown = sorted(set(args) - set(known.args))
        if unknown:
            raise ValueError(f"the fault {kind} takes no {', '.join(unknown)}")
        if kind == "lie" and args.get("what", "total") not in LIES:
            raise ValueError(f"a list lies about {', '.join(LIES)}")
        if (times is not None and times < 1) or after < 0:
            raise ValueError("times is 1 or more, after is 0 or more")
        try:
            pattern = None if path is None else re.compile(path)
        except re.error as error:
            raise ValueError(f"{path!r} is no regular expression: {error}") from None
        fault = ScriptedFault(kind, method, pattern, times, after, applied, {**known.args, **args})
        with self._lock:
            self._waiting.append(fault)

    def add_text(self, text: str) -> None:
        """Script a fault from `kind[:METHOD[:times[:arg]]]`, as on the command line.

        No METHOD means every method, and `*` for times means always. arg is the kind's first
        argument; for `headers` it is `Name=value`. Raises ValueError.

        >>> faults = Faults()
        >>> faults.add_text("drop_after:POST:3")
        >>> faults.add_text("status::*:503")
        >>> faults.waiting
        2
        """
        kind, _, rest = text.partition(":")
        method, _, rest = rest.partition(":")
        times, _, arg = rest.partition(":")
        if times not in {"", "*"} and not times.isdecimal():
            raise ValueError(f"{text!r}: times is a number or *")
        count = None if times == "*" else int(times or 1)
        self.add(kind, method.upper() or None, times=count, arg=arg)

    @property
    def waiting(self) -> int:
        """Return how many scripted faults are not used up."""
        with self._lock:
            return len(self._waiting)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> ScriptedFault | None:
        """Use up one turn of the fault for this request and return it; None: answer honestly."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                return fault
        return None


def _argument(kind: str, known: FaultKind, text: str) -> dict[str, Any]:
    if not known.args:
        raise ValueError(f"the fault {kind} takes nothing")
    name, default = next(iter(known.args.items()))
    if isinstance(default, dict):
        header, _, value = text.partition("=")
        return {name: {header: value}}
    try:
        return {name: type(default)(text)}
    except ValueError:
        raise ValueError(f"the fault {kind} takes a number, not {text!r}") from None
