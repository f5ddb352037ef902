"""Read the CMMS into the mirror. What was seen is saved, and that is all."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import structlog

from syncd.cmms.port import CmmsAdapter, unread, version
from syncd.core.case import IntentKind
from syncd.core.work_order import CmmsRecord, Side
from syncd.engine.request import ReadRequest, Seen
from syncd.errors import NotFound, RemoteError
from syncd.mirror import journal, links, observations, state
from syncd.mirror.attention import set_aside_unclaimed
from syncd.mirror.db.database import Mirror
from syncd.mirror.intents import open_intents

_CHUNK = 500  # records saved in one transaction
_OWED_AT_ONCE = 20  # records asked for again in one cycle


class CmmsPoll:
    """Reads the CMMS's records into the mirror.

    What a record that is asked for by its id is answered with, and what becomes of it:

        the record                       saved; no longer owed
        no such record                   missing, see `links.note_missing`; no longer owed
        another answer about this one    owed: asked for again in later cycles; the others go on
        no answer, or one about all      reading ends here, the side is taken for down
    """

    def __init__(
        self,
        adapter: CmmsAdapter,
        mirror: Mirror,
        utcnow: Callable[[], datetime],
        full_every: timedelta,
        overlap: timedelta = timedelta(minutes=10),
    ) -> None:
        self._adapter = adapter
        self._mirror = mirror
        self._utcnow = utcnow
        self._full_every = full_every
        self._overlap = overlap
        self._log = structlog.get_logger()
        self._owed: dict[str, None] = {}  # asked for again, in this order
        self._kept: list[str] = []  # the same as the mirror has it

    def read(self, reading: ReadRequest) -> Seen:
        """Read what changed, or everything when a full read is due."""
        seen = Seen()
        with self._mirror.read() as tx:
            self._kept = list(state.get_state(tx, state.CMMS_OWED) or [])
        self._owed = dict.fromkeys(self._kept)
        try:
            if reading.only is not None:
                self._look_at(reading, seen, reading.only)
            else:
                self._fetch(reading, seen)
                self._ask_again(reading, seen, self._kept[:_OWED_AT_ONCE])
            self._settle(seen)
        except RemoteError as error:
            seen.error = error
        self._keep_owed()
        seen.owed = frozenset(self._owed)
        return seen

    def _fetch(self, reading: ReadRequest, seen: Seen) -> None:
        since = None if reading.full else self._changed_since()
        began = self._utcnow()
        newest: datetime | None = None
        seen.requests += 1
        # Asked before the records are, so that a change meanwhile shows the next time.
        told = version(self._adapter)
        if not reading.full and self._is_known(told):
            return
        for chunk in _chunks(self._adapter.fetch(since)):
            self._save(seen, chunk, began)
            for record in chunk if self._owed else ():
                self._owed.pop(record.cmms_id, None)
            stamps = [record.updated_at for record in chunk if record.updated_at is not None]
            newest = max([*stamps, *([newest] if newest else [])], default=None)
        for cmms_id, error in unread(self._adapter).items():
            self._owe(seen, cmms_id, error)
        if seen.changed:
            with self._mirror.transaction(durable=False) as tx:
                set_aside_unclaimed(tx)
        all_there = since is not None or self._look_for_missing(reading, seen, began)
        self._keep_owed()  # before it is said up to when everything was read
        if since is None:
            with self._mirror.transaction() as tx:
                state.set_moment(tx, state.CMMS_FULL_READ_AT, began)
                # A record that is gone counts as missing when it is gone in the next cycle too.
                state.set_state(tx, state.CMMS_VERSION, told if all_there else None)
        if newest is not None:
            with self._mirror.transaction() as tx:
                state.set_moment(tx, state.CMMS_WATERMARK, newest)

    def _is_known(self, told: str | None) -> bool:
        """Whether nothing has changed since the last whole read, and no other is due."""
        if told is None:
            return False
        with self._mirror.read() as tx:
            last_full = state.get_moment(tx, state.CMMS_FULL_READ_AT)
            known = state.get_state(tx, state.CMMS_VERSION)
        due = last_full is None or self._utcnow() - last_full >= self._full_every
        return not due and told == known

    def _changed_since(self) -> datetime | None:
        """The watermark less an overlap; None when everything has to be read."""
        if not self._adapter.capabilities.filters_changes:
            return None
        with self._mirror.read() as tx:
            last_full = state.get_moment(tx, state.CMMS_FULL_READ_AT)
            watermark = state.get_moment(tx, state.CMMS_WATERMARK)
        if last_full is None or watermark is None:
            return None
        if self._utcnow() - last_full >= self._full_every:
            return None
        return watermark - self._overlap

    def _look_for_missing(self, reading: ReadRequest, seen: Seen, began: datetime) -> bool:
        """Ask by id for each record that a full read did not show. Return whether all are there,
        as far as they are linked, and all were asked for."""
        with self._mirror.read() as tx:
            unseen = links.linked_unseen_since(tx, began)
            strangers = set(observations.claims_unseen_since(tx, began)) - set(unseen)
        self._forget_strangers(reading, seen, sorted(strangers))
        failed = set(seen.failed)
        for cmms_id in unseen:
            if reading.stopping():
                return False
            if cmms_id not in failed:
                self._get_linked(reading, seen, cmms_id, began)
        return not unseen and not reading.stopping()

    def _get_linked(self, reading: ReadRequest, seen: Seen, cmms_id: str, began: datetime) -> None:
        if self._get(seen, cmms_id, began):
            return
        with self._mirror.transaction() as tx:
            s2e_id = links.note_missing(tx, cmms_id, reading.cycle_id)
            if s2e_id is not None:
                journal.write(
                    tx, "link.lost", cycle_id=reading.cycle_id, s2e_id=s2e_id, cmms_id=cmms_id
                )
                self._log.warning("link.lost", s2e_id=s2e_id, cmms_id=cmms_id)

    def _get(self, seen: Seen, cmms_id: str, began: datetime) -> bool:
        """Read one record; see the class for what it may be answered with. False: it is gone."""
        seen.requests += 1
        try:
            record = self._adapter.get(cmms_id)
        except NotFound:
            self._owed.pop(cmms_id, None)
            return False
        except RemoteError as error:
            if not error.is_about_one:
                raise
            self._owe(seen, cmms_id, error)
        else:
            self._owed.pop(cmms_id, None)
            self._save(seen, [record], began)
        return True

    def _forget_strangers(self, reading: ReadRequest, seen: Seen, cmms_ids: list[str]) -> None:
        """A record that carries an id, is linked to nothing and is gone claims nothing more."""
        for cmms_id in cmms_ids:
            if reading.stopping():
                return
            seen.requests += 1
            try:
                self._adapter.get(cmms_id)
            except NotFound:
                with self._mirror.transaction() as tx:
                    observations.forget_record(tx, cmms_id)
            except RemoteError as error:
                if not error.is_about_one:
                    raise

    # ── records that could not be read ────────────────────────────────────────────────────

    def _owe(self, seen: Seen, cmms_id: str, error: RemoteError) -> None:
        """Put it at the end of those that are asked for again; say so when it is new."""
        seen.failed.append(cmms_id)
        if cmms_id not in self._owed:
            self._log.warning("record.unread", cmms_id=cmms_id, error=str(error))
        self._owed.pop(cmms_id, None)
        self._owed[cmms_id] = None

    def _keep_owed(self) -> None:
        if list(self._owed) != self._kept:
            self._kept = list(self._owed)
            with self._mirror.transaction() as tx:
                state.set_state(tx, state.CMMS_OWED, self._kept)

    def _ask_again(self, reading: ReadRequest, seen: Seen, owed: list[str]) -> None:
        for cmms_id in owed:
            if reading.stopping():
                return
            if cmms_id not in seen.failed:
                self._get(seen, cmms_id, self._utcnow())

    # ── what is not settled ───────────────────────────────────────────────────────────────

    def _settle(self, seen: Seen) -> None:
        """Read back every write to the CMMS whose outcome is not known."""
        with self._mirror.read() as tx:
            intents = [i for i in open_intents(tx) if i.side is Side.CMMS]
        self._find(seen, [i.s2e_id for i in intents if i.kind is IntentKind.CREATE])
        asked = {None, *seen.failed}
        for intent in intents:
            if intent.kind is IntentKind.UPDATE and intent.cmms_id not in asked:
                self._get(seen, str(intent.cmms_id), self._utcnow())

    def _look_at(self, reading: ReadRequest, seen: Seen, s2e_ids: Collection[str]) -> None:
        """Read the records of these orders: linked ones by their own id, others by the order's
        or by the one that the order names."""
        with self._mirror.read() as tx:
            linked = links.linked_records(tx, s2e_ids)
            named = links.named_records(tx, s2e_ids)
        for s2e_id in s2e_ids:
            if reading.stopping():
                return
            if s2e_id in linked:
                self._get_linked(reading, seen, linked[s2e_id], self._utcnow())
                continue
            self._find(seen, [s2e_id])
            if s2e_id in named:
                self._get(seen, named[s2e_id], self._utcnow())

    def _find(self, seen: Seen, s2e_ids: Iterable[str]) -> None:
        if not self._adapter.capabilities.finds:
            return
        for s2e_id in s2e_ids:
            began = self._utcnow()
            seen.requests += 1
            try:
                found = self._adapter.find(s2e_id)
            except RemoteError as error:
                if not error.is_about_one:
                    raise
                seen.failed.append(s2e_id)
                seen.unsought.add(s2e_id)
                self._log.warning("record.unread", s2e_id=s2e_id, error=str(error))
            else:
                self._save(seen, found, began)

    def _save(self, seen: Seen, records: list[CmmsRecord], seen_at: datetime) -> None:
        if not records:
            return
        with self._mirror.transaction() as tx:
            saved = observations.save_cmms(tx, records, seen_at=seen_at)
        seen.observed += saved.observed
        seen.changed += len(saved.changed)


def _chunks(records: Iterator[CmmsRecord]) -> Iterator[list[CmmsRecord]]:
    while chunk := list(islice(records, _CHUNK)):
        yield chunk
