"""Rules of other systems, which set a field back a while after syncd has written it."""

from tests.simulation.clock import Clock
from tests.simulation.cmms import FakeCmms
from tests.simulation.ledger import Event, Ledger, Plain
from tests.simulation.upstream import Upstream

_AFTER_S = 90.0  # later than the reads that confirm a write


class Rules:
    """On both sides one for each of these fields: a change that goes to and fro for ever."""

    def __init__(
        self,
        fields: frozenset[str],
        upstream: Upstream,
        cmms: FakeCmms,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._fields = fields
        self._upstream, self._cmms = upstream, cmms
        self._ledger, self._clock = ledger, clock
        self._followed = 0  # events of the ledger

    def follow(self) -> None:
        """Set back what was written long enough ago and is still there."""
        if not self._fields:
            return
        events = self._ledger.events
        while self._followed < len(events):
            event = events[self._followed]
            ours = event.actor == "syncd" and event.op == "set"
            if ours and self._clock.now - event.at < _AFTER_S:
                return
            self._followed += 1
            for name in sorted(self._fields & event.after.keys()) if ours else ():
                self._set_back(event, name, event.before[name])

    def _set_back(self, event: Event, name: str, value: Plain) -> None:
        s2e_id, number = str(event.s2e_id), str(event.record)
        if event.side == "cmms":
            record = self._cmms.records.get(number)
            if record is not None and self._cmms.values(record)[name] == event.after[name]:
                self._cmms.update("person", number, {name: value})
            return
        there = s2e_id in self._upstream.ids()
        if there and self._upstream.values(s2e_id)[name] == event.after[name]:
            self._upstream.edit(s2e_id, name, value)
