"""What syncd asks of a CMMS, and what it promises in return.

    CmmsAdapter     what every adapter has: seven members
    PartlyWritten   the record after a write of which not all was done
    AdapterBase     the same, with defaults for what may be left out; ours inherit it
    with_defaults   makes the one of the other, for an adapter that does not inherit it
    Capabilities    what an adapter can do

An adapter translates its CMMS's words to ours and back and chooses the error class; it
decides nothing else. syncd calls from one thread at a time.

Errors of every method (`syncd.errors`): Unreachable, UnexpectedContent, Throttled,
CredentialsRefused, AccessRefused, NotFound, Refused, Changed. Those that were answered carry the
status. `may_have_applied` is set honestly: False only when a write certainly had no effect.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from inspect import get_annotations
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from syncd.core.case import NO_EFFECTS, WriteEffects
from syncd.core.equality import same
from syncd.core.meaning import Meanings
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import Changed, ClearRefusal, RemoteError
from syncd.http import DEADLINE_S

NOT_VERIFIED = "not verified"  # how `mapping_trust` ends where nobody has tried anything
# What was learned from a server, as JSON: see `AdapterBase.learn`.
Learned = Mapping[str, Any]
NO_LEARNED: Learned = MappingProxyType({})
# How an adapter, a preset or a mapping may have been verified, and how people read it.
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
        reads: fields that the records it returns may hold; S2E_ID among them, if records say whose
            they are. Without it `check` warns that nothing guards a record's identity.
        writes: fields it can write; a subset of `reads`, since a write is confirmed by reading.
        clears: fields it can set to empty.
        writes_once: of the fields it writes, those that only a create can.
        creates: whether it can create records.
        finds: whether it can find a record by its Scan2Evolve id.
        filters_changes: whether `fetch(changed_since)` narrows; if not, it returns everything.
        change_resolution_s: how finely the CMMS stamps changes; None if it does not. The
            conformance suite reads it: a record is to be fetched by any time within its stamp.
        longest_request_s: how long one request may be at work in the CMMS, whether anybody waits
            for its answer or not; the deadline of the adapter's requests, if the CMMS is not known
            to take longer. After a write in doubt the lags begin when it has passed.
        index_lag_s: how long after a create `find` may still miss the record.
        read_lag_s: how long after a write `get` may still show the old value.
        optimistic_lock: whether `update` refuses (Changed) a record that no longer is `expected`.
            The conformance suite reads it: it chooses the rules of locking.
        creates_with: what a record holds as soon as it is made, when `create` makes it by several
            calls and may be cut off between them; None: everything that `create` was given.
        status_needs: for a target status, the fields that must be written with it or before it.
            The planner has the status wait for them (`core/planning/needs.py`).
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
    longest_request_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class PartlyWritten(CmmsRecord):
    """A record after a write of several steps, of which not all were done.

    Each field that was sent is in one of the two mappings, or it was written.

    Attributes:
        refused: fields whose own step was refused, each with what the CMMS said.
        in_doubt: fields whose step may or may not have been applied, or was not sent any more.
    """

    refused: Mapping[Field, ClearRefusal] = field(default_factory=dict)
    in_doubt: Mapping[Field, RemoteError] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        record: CmmsRecord,
        refused: Mapping[Field, ClearRefusal] | None = None,
        in_doubt: Mapping[Field, RemoteError] | None = None,
    ) -> "PartlyWritten":
        """This record, with what became of the fields that were not written."""
        if isinstance(record, PartlyWritten):
            return record
        return cls(
            record.cmms_id,
            record.s2e_id,
            record.fields,
            record.native,
            record.equivalents,
            record.updated_at,
            refused or {},
            in_doubt or {},
        )


class CmmsCalls(Protocol):
    """The five calls to a CMMS. See the module text for errors and threads."""

    @abstractmethod
    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Yield records changed at or after `changed_since` (UTC, the CMMS's clock); None: all.

        Yield too many rather than too few. A record may come twice; the last one counts. A page
        that fails raises, so that a short result is never taken for a complete one. One record
        that cannot be read does not: see `AdapterBase.unread` and `AdapterBase.nameless`.
        """

    @abstractmethod
    def get(self, cmms_id: str) -> CmmsRecord:
        """Read one record. Raises NotFound."""

    @abstractmethod
    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """Read all records that carry this Scan2Evolve id: none, one, or (a fault) several."""

    @abstractmethod
    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Create the record that carries `s2e_id`, or return the one that already does.

        Returns the record as it is afterwards: what it shows is what the CMMS keeps of `fields`.
        Once there is a record, no later step makes the create fail: see `PartlyWritten`.
        We may call again after a lost answer, not knowing whether the first call landed.
        """

    @abstractmethod
    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` and no others; return the record as it is afterwards: what it shows is
        what the CMMS keeps of them.

        Where one step of several was refused, see `PartlyWritten`. Where one has no clear answer,
        raise its error: the record is read back then.

        `expected` is what we last saw in those fields. An adapter with an optimistic lock
        raises Changed when the record differs from it. None clears a field.
        """


@runtime_checkable
class CmmsAdapter(CmmsCalls, Protocol):
    """What an adapter has to have, whether it inherits `AdapterBase` or not: seven members."""

    @property
    def name(self) -> str:
        """The adapter's name, as in SYNCD_CMMS_ADAPTER."""

    @property
    def capabilities(self) -> Capabilities: ...


class AdapterBase(CmmsCalls):
    """An adapter, with defaults for what it may leave out. Inherit it.

    An adapter that does not inherit it has the seven members of `CmmsAdapter`, and as many of
    the others as it likes: see `with_defaults`.

    Attributes:
        name: as in SYNCD_CMMS_ADAPTER.
        verified: how the adapter was verified, a key of `VERIFIED`.
        unread: the records that the last `fetch` listed and could not read, each with the
            reason. One such record does not keep syncd from the others; it is asked for again.
            A record with one value that cannot be read is yielded, with that field Unreadable.
        nameless: the rows that the last `fetch` met and that have no id which can be read: what
            each holds, shortened, with where it stands (page and position, or table). They are
            named to a person once; the others are read, and none counts as missing for them.
        mapping_hash: a text that changes when the adapter may read the same native record
            differently, or write it differently: with its mapping, its options, or with what it
            has learned from the server. "" where nothing of that bears on a record, or nothing is
            pinned yet. An adapter that has one overrides `read_native`, too.
        mapping_trust: how far the mapping can be trusted, for people; None without a mapping.
        notes: what cannot be done with the adapter as it is set up, a line each.
        host: the host that it talks to, where its setup names another than SYNCD_CMMS_URL.
    """

    name: str
    capabilities: Capabilities
    verified: str = "none"
    unread: Mapping[str, RemoteError] = MappingProxyType({})
    nameless: Mapping[str, str] = MappingProxyType({})
    mapping_hash: str = ""
    mapping_trust: str | None = None
    notes: Sequence[str] = ()
    host: str | None = None

    def check(self) -> str | None:
        """Ask whether the CMMS is reachable and takes the credentials, without writing.

        Returns a line for the operator; None: the adapter has no such check.
        """
        return None

    def warnings(self) -> Iterable[str]:
        """What `syncd check` warns of, where `check` has raised nothing: what may be wrong although
        the CMMS answers. It is learned by reading alone.
        """
        return ()

    def version(self) -> str | None:
        """A text that changes whenever a record of the CMMS changes, comes or goes; None: the
        adapter cannot tell.

        It is compared within this process only. In doubt, return another text: then records
        are read that have not changed. The reverse would miss a change.
        """
        return None

    def now(self) -> datetime | None:
        """The CMMS's own clock, now, aware; None: it is not known, and ours counts.

        A time of change beyond it is no mark up to which all has been read. An HTTP server tells
        its time with each answer, so None before the first is right.
        """
        return None

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """What this value reads back as, once it is written, or why it cannot be written.

        An adapter that rounds, cuts or trims has to say so here, and so has one whose CMMS keeps
        whole seconds, or no difference between 0 and nothing: two sides that differ in no more
        than that agree. Pure: nobody is asked.
        """
        return value

    def effects_of(self, fields: Fields, record: CmmsRecord | None) -> WriteEffects:
        """What a write of these fields does beside them, step by step: see `WriteEffects`. Pure.

        Args:
            record: as it was read last; None: it is to be made.
        """
        return NO_EFFECTS

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        """`update`, as long as the record carries one of these Scan2Evolve ids; else Changed.

        By default the record is read before it is written, and has to be as expected, too. An
        adapter that can make the look a condition of the write itself overrides this.
        """
        record = self.get(cmms_id)
        require_identity(record, s2e_ids)
        moved = [
            name
            for name, value in expected.items()
            if name in record.fields and not same(record.fields[name], value)
        ]
        if moved:
            raise Changed(f"record {cmms_id} has another {', '.join(moved)} now", side="cmms")
        return self.update(cmms_id, fields, expected)

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """Read a record from its own `native` values with the present mapping, and ask nobody.

        The values have been kept as JSON in between. A field that they do not tell is left out:
        it is read with the record the next time. Called only where there is a `mapping_hash`.
        """
        raise NotImplementedError(f"{self.name} has a mapping_hash and lacks read_native")

    def learn(self) -> Learned:
        """Ask the server for what records are read by beside the mapping: which stage comes
        first, the ids of priorities, the types of fields. JSON; empty: nothing.

        Asked when the daemon starts and with every whole read. The first answer is kept in the
        mirror and given to `pin`; another one changes nothing before a person accepts it.
        Raises RemoteError, and ConfigurationError for options that this server shows to be wrong.
        """
        return NO_LEARNED

    def meanings(self, learned: Learned) -> Meanings:
        """What this stands for, with the present options. Pure.

        Two answers that stand for the same make no difference, whatever else is in them.
        """
        return {}

    def pin(self, learned: Learned) -> None:
        """Read and write by this from now on. What it does not name has no meaning."""

    def probe(self) -> Iterator[tuple[str, str, str]] | None:
        """What `syncd probe` says (state, what, detail), found by reading alone; None: nothing."""
        return None

    def close(self) -> None:
        """Release what the adapter holds. A second call does nothing."""


def require_identity(record: CmmsRecord, s2e_ids: Collection[str | None]) -> None:
    """Raise Changed unless the record carries one of these Scan2Evolve ids (None: no id)."""
    if record.s2e_id not in s2e_ids:
        carries = "no Scan2Evolve id" if record.s2e_id is None else f"the id of {record.s2e_id}"
        raise Changed(f"record {record.cmms_id} carries {carries} now", side="cmms")


def with_defaults(adapter: CmmsAdapter) -> AdapterBase:
    """The adapter itself if it inherits `AdapterBase`; else the same one with the defaults for
    the members that it lacks."""
    return adapter if isinstance(adapter, AdapterBase) else _WithDefaults(adapter)


_OPTIONAL = frozenset(
    name for name in {*vars(AdapterBase), *get_annotations(AdapterBase)} if not name.startswith("_")
)


class _WithDefaults(AdapterBase):
    """Every member of the adapter where it has it, now, and else the default."""

    def __init__(self, adapter: CmmsAdapter) -> None:
        self._adapter = adapter

    def __getattribute__(self, name: str) -> Any:
        if name in _OPTIONAL:
            adapter = super().__getattribute__("_adapter")
            if hasattr(adapter, name):
                return getattr(adapter, name)
        return super().__getattribute__(name)

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        return self._adapter.fetch(changed_since)

    def get(self, cmms_id: str) -> CmmsRecord:
        return self._adapter.get(cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        return self._adapter.find(s2e_id)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        return self._adapter.create(s2e_id, fields)

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        return self._adapter.update(cmms_id, fields, expected)
