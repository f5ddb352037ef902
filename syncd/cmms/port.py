"""What syncd asks of a CMMS, and what it promises in return.

An adapter translates its CMMS's words to ours and back and chooses the error class; it
decides nothing else. syncd calls from one thread at a time.

Errors of every method (`syncd.errors`): Unreachable, UnexpectedContent, Throttled,
CredentialsRefused, AccessRefused, NotFound, Refused, Changed. Those that were answered carry the
status. `may_have_applied` is set honestly: False only when a write certainly had no effect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, cast, runtime_checkable

from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import RemoteError

NOT_VERIFIED = "not verified"  # how `trust` ends where nobody has tried anything
# How an adapter, a preset or a mapping may have been verified, and what people are told of it.
VERIFIED: Mapping[str, str] = MappingProxyType(
    {
        "live": "tried against the real system",
        "spec": "written from its published specification, the real system not tried",
        "docs": "written from its documentation, the real system not tried",
        "none": NOT_VERIFIED,
    }
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do, as data.

    Attributes:
        reads: fields found in the records it returns.
        writes: fields it can write; a subset of `reads`, since a write is confirmed by reading.
        clears: fields it can set to empty.
        writes_once: of the fields it writes, those that only a create can.
        creates: whether it can create records.
        finds: whether it can find a record by its Scan2Evolve id.
        filters_changes: whether `fetch(changed_since)` narrows; if not, it returns everything.
        change_resolution_s: how finely the CMMS stamps changes; None if it does not.
        index_lag_s: how long after a create `find` may still miss the record.
        read_lag_s: how long after a write `get` may still show the old value.
        optimistic_lock: whether `update` refuses (Changed) a record that no longer is `expected`.
        creates_with: what a record holds as soon as it is made, when `create` makes it by several
            calls and may be cut off between them; None: everything that `create` was given.
        status_needs: for a target status, the fields that must be written with it or before it.
    """

    reads: frozenset[Field]
    writes: frozenset[Field]
    clears: frozenset[Field] = frozenset()
    creates: bool = True
    finds: bool = True
    filters_changes: bool = False
    change_resolution_s: float | None = None
    index_lag_s: float = 0.0
    read_lag_s: float = 0.0
    optimistic_lock: bool = False
    status_needs: Mapping[str, frozenset[Field]] | None = None
    writes_once: frozenset[Field] = frozenset()
    creates_with: frozenset[Field] | None = None


@runtime_checkable
class CmmsAdapter(Protocol):
    """One CMMS. See the module text for errors and threads."""

    @property
    def name(self) -> str:
        """The adapter's name, as in SYNCD_CMMS_ADAPTER."""

    @property
    def capabilities(self) -> Capabilities: ...

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Yield records changed at or after `changed_since` (UTC, the CMMS's clock); None: all.

        Too many rather than too few. A record may come twice; the last one counts. A page that
        fails raises: a short result is never a complete one. See also `unread`.
        """

    def get(self, cmms_id: str) -> CmmsRecord:
        """Read one record. Raises NotFound."""

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """Read all records that carry this Scan2Evolve id: none, one, or (a fault) several."""

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Create the record that carries `s2e_id`, or return the one that already does.

        We may call again after a lost answer, not knowing whether the first call landed.
        """

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` and no others; return the record as it is afterwards.

        `expected` is what we last saw in those fields. An adapter with an optimistic lock
        raises Changed when the record differs from it. None clears a field.
        """


def check(adapter: CmmsAdapter) -> str | None:
    """Ask the adapter whether its CMMS is reachable and its credentials hold, without writing.

    Returns a line for the operator, or None if the adapter has no such check.
    """
    asked = getattr(adapter, "check", None)
    return None if asked is None else str(asked())


def version(adapter: CmmsAdapter) -> str | None:
    """A text that stays the same only as long as no record of this CMMS has changed, come or
    gone, and only within this process; None if the adapter cannot tell.

    When in doubt it is another one: what has not changed may be read again, never the reverse.
    """
    asked = getattr(adapter, "version", None)
    told: str | None = None if asked is None else asked()
    return told


def unread(adapter: CmmsAdapter) -> Mapping[str, RemoteError]:
    """The records that the last `fetch` listed and could not read, each with the reason.

    An adapter that reads each record of a list by itself passes over one that cannot be read, and
    says so here: one record is not to keep syncd from all the others.
    """
    told: Mapping[str, RemoteError] = getattr(adapter, "unread", MappingProxyType({}))
    return told


class _ReadsNative(Protocol):
    def read_native(self, native: Mapping[str, object]) -> CmmsRecord: ...


def mapping_hash(adapter: CmmsAdapter) -> str:
    """The adapter's `mapping_hash`: a text that is another one when its mapping may have its
    native records read as something else. Empty: it has no mapping that changes.

    An adapter that has one has `read_native`, too.
    """
    return str(getattr(adapter, "mapping_hash", ""))


def read_native(adapter: CmmsAdapter, native: Mapping[str, object]) -> CmmsRecord:
    """Read a record from its own `native` values with the present mapping, and ask nobody.

    The values have been kept as JSON in between.
    """
    asked = cast("_ReadsNative", adapter)
    return asked.read_native(native)


def settled(adapter: CmmsAdapter, name: Field, value: Value) -> Value | Unwritable:
    """What a value reads back as, once it is written, or why it cannot be written; the value
    itself where the adapter does not tell. It is a pure function: nobody is asked."""
    asked = getattr(adapter, "settled", None)
    return value if asked is None else cast("Value | Unwritable", asked(name, value))


def trust(adapter: CmmsAdapter) -> str | None:
    """How far the mapping that the adapter works by can be trusted; None if it has none."""
    told: str | None = getattr(adapter, "mapping_trust", None)
    return told


def notes(adapter: CmmsAdapter) -> list[str]:
    """What cannot be done with the adapter as it is set up, each with its line."""
    return list(getattr(adapter, "notes", ()))


def host(adapter: CmmsAdapter) -> str | None:
    """The host that it talks to, where its setup says another than SYNCD_CMMS_URL."""
    said = getattr(adapter, "host", None)
    return None if said is None else str(said)


def close(adapter: CmmsAdapter) -> None:
    """Release what the adapter holds, if it holds anything."""
    closing = getattr(adapter, "close", None)
    if closing is not None:
        closing()
