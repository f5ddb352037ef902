"""Read Scan2Evolve's work orders into the mirror: the lanes of one tick.

    lane   what                                       how
    ────   ────────────────────────────────────────   ──────────────────────────────────────────
    hot    each open status                           in every tick (`read_hot.py`)
           PENDING, FAILED                            their totals; listed if these differ
    cold   everything                                 a slice of a sweep (`read_sweep.py`)
    -      what no list of this tick has shown        by id (`absence.py`), or by pages that
           though it should have                      show several at once (`fetch_some.py`)

They are read in the order of this table (`_read_due`). The hot lane is left out until the first
read has shown an order or come to its end, and by `--full` unless a sweep is running already.
Nothing here decides what is written: what was seen is saved, and that is all.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.policy import Policy
from syncd.engine.absence import nominate, read_missing
from syncd.engine.fetch_some import fetch_some
from syncd.engine.read_hot import read_open_orders, watch_totals
from syncd.engine.read_sweep import Progress, SweepReader
from syncd.engine.request import ReadRequest
from syncd.engine.results import S2eRead
from syncd.engine.s2e_pages import Filters, S2ePages
from syncd.errors import RemoteError
from syncd.mirror import observations, state
from syncd.mirror.db.database import Mirror
from syncd.scan2evolve.client import Scan2EvolveClient


class S2eReader:
    """Reads one side of one connection, cycle after cycle."""

    def __init__(
        self,
        client: Scan2EvolveClient,
        mirror: Mirror,
        policy: Policy,
        utcnow: Callable[[], datetime],
        sweep_every: timedelta,
        progressed: Callable[[Progress], None],
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._utcnow = utcnow
        self._sweep_every = sweep_every
        self._filters = Filters.of(policy)
        self._sweeps = SweepReader(mirror, utcnow, sweep_every, progressed)
        # Orders that were read by id because something was to be sent to them, and whose write
        # has not been confirmed.
        self._unconfirmed: set[str] = set()

    def read(self, request: ReadRequest) -> S2eRead:
        """Read what is due. An error ends the reading, keeps what was read, and is returned."""
        pages = self._pages()
        error: RemoteError | None = None
        try:
            if request.only is not None:
                rest = fetch_some(request, pages, request.only, again=True)
                pages.read_orders(request, sorted(rest), nothing_else=True)
            else:
                self._read_due(request, pages)
        except RemoteError as ended:
            error = ended
        nominate(self._mirror, request.cycle_id, pages.not_found)
        return pages.result(error)

    def read_again(self, request: ReadRequest, read: S2eRead, s2e_ids: Collection[str]) -> S2eRead:
        """Read these orders once more before writes are based on what they hold; return what the
        cycle has read in all."""
        pages = self._pages()
        error = read.error
        try:
            rest = fetch_some(request, pages, s2e_ids, again=True)
            self._unconfirmed |= rest
            pages.read_orders(request, sorted(rest))
        except RemoteError as ended:
            error = ended
        if pages.not_found:
            nominate(self._mirror, request.cycle_id, (*read.not_found, *pages.not_found))
        return replace(
            read,
            observed=read.observed + pages.observed,
            changed=read.changed + pages.changed,
            error=error,
            not_found=(*read.not_found, *pages.not_found),
            failed=(*read.failed, *pages.failed),
        )

    def read_sweep(self, request: ReadRequest) -> S2eRead:
        """Read a slice of the sweep alone. Raises RemoteError."""
        pages = self._pages()
        self._sweeps.read_slice(request, pages)
        return pages.result(None)

    def _read_due(self, request: ReadRequest, pages: S2ePages) -> None:
        with self._mirror.read() as tx:
            # An organisation without orders is asked for new ones in each tick, as any other.
            first = state.last_sweep(tx) is None and not observations.has_live_orders(tx)
            resumed = state.running_sweep(tx) is not None
        open_since: datetime | None = request.started
        # A whole read that begins now shows the open orders too; one that goes on may have
        # passed them long ago.
        if not first and (resumed or not request.full):
            open_since = read_open_orders(request, pages)
            watch_totals(pages)
        self._sweeps.read_slice(request, pages)
        read_missing(request, pages, open_since, self._unconfirmed, self._sweep_every)

    def _pages(self) -> S2ePages:
        return S2ePages(self._client, self._mirror, self._utcnow, self._filters)
