"""Every request that the twin got, for those who judge what a client did."""

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
class LedgerEntry:
    """One request.

    Attributes:
        n: its number, from 1; the `requestId` of an error is made of it.
        at: the time of the answer, by the twin's clock.
        query: the first value of each name.
        headers: by lower-case name; of a header with a secret only the scheme is kept.
        credentials: the known credential it carried, which may be the wrong one for the path:
            "v1", "basic", "token" (an issued one), "downstream"; None: none of them.
        body: parsed JSON; text if it is not JSON; None if it is empty.
        status: of the answer, even if a fault kept the answer from arriving; 0: no answer.
        applied: whether a sync took effect.
        fault: the kind of fault that it got.
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
        """Return the work order that was read or synced; None for a list."""
        parts = self.path.split("/")
        return unquote(parts[4]) if parts[3:4] == ["work-orders"] and parts[4:] else None


class Ledger:
    """The requests in the order in which they took effect. Safe to use from any thread."""

    def __init__(self) -> None:
        self._entries: deque[LedgerEntry] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def append(self, entry: LedgerEntry) -> None:
        with self._lock:
            self._entries.append(entry)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def entries(self) -> list[LedgerEntry]:
        """Return a copy of all entries."""
        with self._lock:
            return list(self._entries)

    def requests(
        self, method: str | None = None, path: str = "", *, path_prefix: str = ""
    ) -> list[LedgerEntry]:
        """Return the requests with this method, this part of a path, this start of a path."""
        return [
            entry
            for entry in self.entries
            if method in {None, entry.method}
            and path in entry.path
            and entry.path.startswith(path_prefix)
        ]

    def writes(self, s2e_id: str | None = None) -> list[LedgerEntry]:
        """Return the sync calls that took effect, of all orders or of one."""
        return [entry for entry in self.entries if entry.applied and s2e_id in {None, entry.s2e_id}]

    def clear(self) -> None:
        """Forget the requests so far. The numbers go on."""
        with self._lock:
            self._entries.clear()


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with each secret masked."""
    return {name: _scheme(value) if name in _SECRET else value for name, value in headers.items()}


def _scheme(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space and scheme.lower() in {"bearer", "basic"} else "***"


def as_json(entry: LedgerEntry) -> dict[str, Any]:
    """Return the entry as the control API shows it."""
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
