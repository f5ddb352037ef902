"""Read the CMMS into the mirror. What was seen is saved, and that is all.

A record is asked for by its id. What the CMMS answers, and what follows:

    the record                       saved; no longer owed
    no such record                   no longer owed; a linked one counts as missing (`keep_missing`)
    another answer about this one    owed: asked for again in later cycles; the others go on
    no answer, or one about all      reading ends here, and the side counts as down

One bad row is one bad row. In a list, a value that cannot be read is one unreadable field; a record
that cannot be read is owed; a row without an id is named by its place, once, and is nobody's: the
rest of the list is read, a full read is complete, and its marks are kept.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import structlog

from syncd.cmms.port import AdapterBase
from syncd.cmms.received import id_of, received, shown
from syncd.core.case import IntentKind
from syncd.core.work_order import CmmsRecord, Side
from syncd.engine.bad_rows import name_rows
from syncd.engine.keep import keep_missing
from syncd.engine.pinning import Pinning
from syncd.engine.read_marks import ReadMarks, SeenStamps
from syncd.engine.request import ReadRequest
from syncd.engine.results import CmmsRead
from syncd.errors import NotFound, RemoteError, UnexpectedContent
from syncd.mirror import links, observations, state
from syncd.mirror.attention import set_aside_unclaimed
from syncd.mirror.db.database import Mirror
from syncd.mirror.intents import open_intents

_CHUNK = 500  # records saved in one transaction
_FUTURE = timedelta(days=1)  # more than any two clocks and time zones differ
_OWED_AT_ONCE = 20  # records asked for again in one cycle, and disputed ones


@dataclass(slots=True)
class _Tally:
    """What one cycle has read so far.

    Attributes:
        observed, changed, failed, owed, searched, requests: see `CmmsRead`; `owed` in the order
            in which they are asked for again.
        saved_owed: `owed` as the mirror holds it.
    """

    saved_owed: list[str]
    owed: dict[str, None]
    observed: int = 0
    changed: int = 0
    failed: list[str] = field(default_factory=list)
    searched: dict[str, datetime] = field(default_factory=dict)
    requests: int = 0

    def result(self, error: RemoteError | None) -> CmmsRead:
        return CmmsRead(
            observed=self.observed,
            changed=self.changed,
            error=error,
            failed=tuple(self.failed),
            owed=frozenset(self.owed),
            searched=dict(self.searched),
            requests=self.requests,
        )


class CmmsReader:
    """Reads the CMMS's records into the mirror, cycle after cycle."""

    def __init__(
        self,
        adapter: AdapterBase,
        mirror: Mirror,
        utcnow: Callable[[], datetime],
        full_every: timedelta,
        overlap: timedelta = timedelta(minutes=10),
    ) -> None:
        self._adapter = adapter
        self._mirror = mirror
        self._utcnow = utcnow
        self._marks = ReadMarks(adapter, mirror, utcnow, full_every, overlap)
        self._pinning = Pinning(adapter, mirror)
        self._log = structlog.get_logger()

    def read(self, request: ReadRequest) -> CmmsRead:
        """Read what changed, or everything when a full read is due. An error ends the reading,
        keeps what was read, and is returned."""
        with self._mirror.read() as tx:
            saved = list(state.get_state(tx, state.CMMS_OWED) or [])
        tally = _Tally(saved_owed=saved, owed=dict.fromkeys(saved))
        error: RemoteError | None = None
        try:
            whole = request.full or (request.only is None and self._marks.changed_since() is None)
            self._pinning.renew(request.cycle_id, whole=whole)
            if request.only is not None:
                self._read_records_of(request, tally, request.only)
            else:
                self._fetch(request, tally)
                self._ask_again(request, tally, tally.saved_owed[:_OWED_AT_ONCE])
            self._read_open_intents(tally)
        except RemoteError as ended:
            error = ended
        self._save_owed(tally)
        return tally.result(error)

    def _fetch(self, request: ReadRequest, tally: _Tally) -> None:
        # Asked again: what the pinning reads anew may need the whole.
        since = None if request.full else self._marks.changed_since()
        began = self._utcnow()
        tally.requests += 1
        # The version is read before the records, so that a change meanwhile shows the next time.
        version_now = self._adapter.version()
        if not request.full and self._marks.is_known(version_now):
            return
        stamps: SeenStamps | None = None
        nameless: dict[str, str] = {}
        for chunk in _chunks(self._received(tally, self._adapter.fetch(since), nameless)):
            self._save(tally, chunk, began)
            for record in chunk if tally.owed else ():
                tally.owed.pop(record.cmms_id, None)
            stamps = stamps or self._marks.stamps(began)
            stamps.take(chunk, self._utcnow() - began)
        for cmms_id, error in self._adapter.unread.items():
            self._owe(tally, cmms_id, error)
        name_rows(self._mirror, {**nameless, **self._adapter.nameless}, whole=since is None)
        if tally.changed:
            with self._mirror.transaction(durable=False) as tx:
                set_aside_unclaimed(tx)
        if since is not None:
            self._read_disputed(request, tally)
        all_there = since is not None or self._read_missing(request, tally, began)
        self._save_owed(tally)  # before the times that say up to when everything was read
        if since is None:
            # A missing record counts as lost only if the next cycle misses it too. Without a
            # version, that cycle reads everything again.
            self._marks.keep_whole(began, version_now if all_there else None)
        self._marks.keep(stamps or self._marks.stamps(began), whole=since is None)

    def _read_missing(self, request: ReadRequest, tally: _Tally, began: datetime) -> bool:
        """Ask by id for each record that a full read did not show. Return whether the full read
        showed every linked record and none had to be left out for lack of time."""
        with self._mirror.read() as tx:
            unseen = links.linked_unseen_since(tx, began)
            strangers = set(observations.claims_unseen_since(tx, began)) - set(unseen)
        self._forget_strangers(request, tally, sorted(strangers))
        failed = set(tally.failed)
        for cmms_id in unseen:
            if request.stopping():
                return False
            if cmms_id not in failed:
                self._get_linked(request, tally, cmms_id, began)
        return not unseen and not request.stopping()

    def _read_disputed(self, request: ReadRequest, tally: _Tally) -> None:
        """Ask for the records of which a person has to say which one is an order's. The answer may
        be that a record is deleted, which no list of changes shows."""
        with self._mirror.read() as tx:
            disputed = links.disputed_records(tx, _OWED_AT_ONCE)
            owners = {cmms_id: links.owner_of(tx, cmms_id) for cmms_id in disputed}
        for cmms_id in disputed:
            if request.stopping() or cmms_id in tally.failed:
                continue
            if owners[cmms_id] is not None:
                self._get_linked(request, tally, cmms_id, self._utcnow())
            elif not self._get(tally, cmms_id, self._utcnow()):
                with self._mirror.transaction() as tx:
                    observations.forget_record(tx, cmms_id)

    def _get_linked(
        self, request: ReadRequest, tally: _Tally, cmms_id: str, began: datetime
    ) -> None:
        if self._get(tally, cmms_id, began):
            return
        with self._mirror.transaction() as tx:
            keep_missing(tx, request.cycle_id, cmms_id)

    def _get(self, tally: _Tally, cmms_id: str, began: datetime) -> bool:
        """Read one record, as the table of the module says. False: there is no such record."""
        tally.requests += 1
        try:
            record = self._one(cmms_id)
        except NotFound:
            tally.owed.pop(cmms_id, None)
            return False
        except RemoteError as error:
            if not error.is_about_one:
                raise
            self._owe(tally, cmms_id, error)
        else:
            tally.owed.pop(cmms_id, None)
            self._save(tally, [record], began)
        return True

    def _one(self, cmms_id: str) -> CmmsRecord:
        """The record with this id. Raises RemoteError."""
        record = self._adapter.get(cmms_id)
        if id_of(record) is None:
            raise UnexpectedContent(
                f"the adapter returns {shown(record)} for {cmms_id:.60}, which has no id",
                side="cmms",
                status=200,  # it is an answer, and about this record alone
            )
        return received(record)

    def _forget_strangers(self, request: ReadRequest, tally: _Tally, cmms_ids: list[str]) -> None:
        """Forget records that carry an order's id, are linked to no order, and are gone."""
        for cmms_id in cmms_ids:
            if request.stopping():
                return
            tally.requests += 1
            try:
                self._adapter.get(cmms_id)
            except NotFound:
                with self._mirror.transaction() as tx:
                    observations.forget_record(tx, cmms_id)
            except RemoteError as error:
                if not error.is_about_one:
                    raise

    # ── rows and records that could not be read ───────────────────────────────────────────

    def _received(
        self, tally: _Tally, yielded: Iterable[CmmsRecord], nameless: dict[str, str]
    ) -> Iterator[CmmsRecord]:
        """What an adapter yields, as it can be kept; what has no id goes into `nameless`."""
        for number, record in enumerate(yielded, start=1):
            cmms_id = id_of(record)
            if cmms_id is None:
                what = shown(record)
                key = f"{what} #{len(nameless) + 1}" if what in nameless else what
                nameless[key] = f"record {number} of the adapter's fetch"
                continue
            try:
                kept = received(record)
            except UnexpectedContent as error:
                self._owe(tally, cmms_id, error)
            else:
                yield kept

    def _owe(self, tally: _Tally, cmms_id: str, error: RemoteError) -> None:
        """Put it at the end of those that are asked for again; log it when it is new."""
        tally.failed.append(cmms_id)
        # Of records with one name a list may show one, and tell of the others only later.
        if cmms_id not in tally.owed and cmms_id not in tally.saved_owed:
            self._log.warning("record.unread", cmms_id=cmms_id, error=str(error))
        tally.owed.pop(cmms_id, None)
        tally.owed[cmms_id] = None

    def _save_owed(self, tally: _Tally) -> None:
        owed = list(tally.owed)
        if owed != tally.saved_owed:
            tally.saved_owed = owed
            with self._mirror.transaction() as tx:
                state.set_state(tx, state.CMMS_OWED, owed)

    def _ask_again(self, request: ReadRequest, tally: _Tally, owed: list[str]) -> None:
        for cmms_id in owed:
            if request.stopping():
                return
            if cmms_id not in tally.failed:
                self._get(tally, cmms_id, self._utcnow())

    # ── writes whose outcome is open ──────────────────────────────────────────────────────

    def _read_open_intents(self, tally: _Tally) -> None:
        """Read back every write to the CMMS whose outcome is not known."""
        with self._mirror.read() as tx:
            intents = [i for i in open_intents(tx) if i.side is Side.CMMS]
        self._find(tally, [i.s2e_id for i in intents if i.kind is IntentKind.CREATE])
        asked = {None, *tally.failed}
        for intent in intents:
            if intent.kind is IntentKind.UPDATE and intent.cmms_id not in asked:
                self._get(tally, str(intent.cmms_id), self._utcnow())

    def _read_records_of(
        self, request: ReadRequest, tally: _Tally, s2e_ids: Collection[str]
    ) -> None:
        """Read the records of these orders: a linked one by its own id, others by the order's id
        and by the id that the order's externalId names."""
        with self._mirror.read() as tx:
            linked = links.linked_records(tx, s2e_ids)
            named = links.named_records(tx, s2e_ids)
        for s2e_id in s2e_ids:
            if request.stopping():
                return
            if s2e_id in linked:
                self._get_linked(request, tally, linked[s2e_id], self._utcnow())
                continue
            self._find(tally, [s2e_id])
            if s2e_id in named:
                self._get(tally, named[s2e_id], self._utcnow())

    def _find(self, tally: _Tally, s2e_ids: Iterable[str]) -> None:
        if not self._adapter.capabilities.finds:
            return
        for s2e_id in s2e_ids:
            began = self._utcnow()
            tally.requests += 1
            try:
                records = [received(record) for record in self._adapter.find(s2e_id)]
            except RemoteError as error:
                if not error.is_about_one:
                    raise
                tally.failed.append(s2e_id)
                self._log.warning("record.unread", s2e_id=s2e_id, error=str(error))
            else:
                self._save(tally, records, began)
                tally.searched[s2e_id] = began

    def _save(self, tally: _Tally, records: list[CmmsRecord], seen_at: datetime) -> None:
        if not records:
            return
        with self._mirror.transaction() as tx:
            saved = observations.save_cmms(tx, records, seen_at=seen_at)
        tally.observed += saved.observed
        tally.changed += len(saved.changed)


def _chunks(records: Iterator[CmmsRecord]) -> Iterator[list[CmmsRecord]]:
    while chunk := list(islice(records, _CHUNK)):
        yield chunk
