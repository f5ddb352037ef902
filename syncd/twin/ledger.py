"""Every request as the twin met it, for those who judge what a client did."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from syncd.twin.checks import format_time

_KEPT = 200_000  # requests; a twin that runs for weeks forgets the oldest
_SECRET = {"authorization", "proxy-authorization", "x-api-key", "cookie"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Attributes:
        n: its number, from 1; `requestId` of an error is made of it.
        at: when it was answered, by the twin's clock.
        query: the first value of each name.
        headers: by lower-case name; of those that carry a secret only the scheme is kept.
        credentials: which known credential it carried, whether or not it was good for this
            path: "v1", "basic", "token" (an exchanged one), "downstream"; None: none of them.
        body: parsed JSON; text where it is none; None where it is empty.
        status: of the answer, also where a fault kept it from arriving; 0: none was made.
        applied: whether a sync took effect.
        fault: the kind of fault it met.
        changes: for a sync that was applied, each field's value before and after.
    """

    n: int
    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    credentials: str | None
    body: Any
    status: int
    applied: bool
    fault: str | None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def s2e_id(self) -> str | None:
        """The work order that was asked for or synced; None for a list."""
        parts = self.path.split("/")
        return unquote(parts[4]) if parts[3:4] == ["work-orders"] and parts[4:] else None


class Ledger:
    """The requests in the order in which they took effect. Safe to use from any thread."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """All entries; a copy."""
        with self._lock:
            return list(self._entries)

    def requests(
        self, method: str | None = None, path: str = "", *, path_prefix: str = ""
    ) -> list[Entry]:
        """The requests with this method, with this somewhere in their path, or at its start."""
        return [
            entry
            for entry in self.entries
            if method in {None, entry.method}
            and path in entry.path
            and entry.path.startswith(path_prefix)
        ]

    def writes(self, s2e_id: str | None = None) -> list[Entry]:
        """The sync calls that took effect, of all orders or of one."""
        return [entry for entry in self.entries if entry.applied and s2e_id in {None, entry.s2e_id}]

    def clear(self) -> None:
        """Forget the requests so far; numbers go on."""
        with self._lock:
            self._entries.clear()


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without what may be a secret in them."""
    return {name: _scheme(value) if name in _SECRET else value for name, value in headers.items()}


def _scheme(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space and scheme.lower() in {"bearer", "basic"} else "***"


def as_json(entry: Entry) -> dict[str, Any]:
    """The entry for the control API."""
    return {
        "n": entry.n,
        "at": format_time(entry.at),
        "method": entry.method,
        "path": entry.path,
        "s2e_id": entry.s2e_id,
        "query": dict(entry.query),
        "headers": dict(entry.headers),
        "credentials": entry.credentials,
        "body": entry.body,
        "status": entry.status,
        "applied": entry.applied,
        "fault": entry.fault,
        "changes": {name: list(pair) for name, pair in entry.changes.items()},
    }
