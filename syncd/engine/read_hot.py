"""The hot lanes: open orders in every tick, and the totals of PENDING and FAILED.

the open orders           what a tick does
───────────────────────   ─────────────────────────────────────────────────────────────────
fit into half the budget  reads every page of each open status
do not fit                reads the first page of each, and goes on where the last tick ended
the total of PENDING or   lists these, if they are few; else the sweep shows them
FAILED has changed
"""

from datetime import datetime

from syncd.core.paging.lane import Lane
from syncd.core.paging.pages import quiet_pages
from syncd.core.work_order import OPEN_STATUSES, Status
from syncd.engine.request import ReadRequest
from syncd.engine.s2e_pages import S2ePages
from syncd.mirror import observations, state

_LANE_PAGES = 3  # of a lane whose total has changed, before it is left to the sweep


def read_open_orders(request: ReadRequest, pages: S2ePages) -> datetime | None:
    """Read the open statuses, or as much as may be spent on them.

    Returns a time since which every open order has been seen; None if some may not have been.
    Raises RemoteError.
    """
    lanes = {status: Lane() for status in OPEN_STATUSES}
    for status, lane in lanes.items():
        pages.read_page(lane, status=status)
    left, needed = pages.client.reads_left(), sum(lane.pages_left for lane in lanes.values())
    if left is not None and needed > left // 2:
        return _rotate(request, pages, lanes, max(left // 2, 1))
    for status, lane in lanes.items():
        pages.read_to_end(lane, status=status)
    # Where the server has contradicted itself in a list, a missing order may well be open still,
    # and each would be asked for by its id in every tick.
    odd = any(lane.anomaly is not None for lane in lanes.values())
    return None if odd else request.started


def _rotate(
    request: ReadRequest, pages: S2ePages, first_pages: dict[Status, Lane], at_most: int
) -> datetime | None:
    """The first pages were read; read on where the last tick ended, and keep the place."""
    with pages.mirror.read() as tx:
        stored = state.get_state(tx, state.LANES)
    began, lanes = request.started, first_pages
    if stored is not None:
        began = datetime.fromisoformat(stored["began"])
        lanes = {Status(name): Lane.load(lane) for name, lane in stored["lanes"].items()}
    for status, lane in lanes.items():
        while lane.next_offset is not None and at_most > 0:
            pages.read_page(lane, status=status)
            at_most -= 1
    through = all(lane.next_offset is None for lane in lanes.values())
    dumped = {status.value: lane.dump() for status, lane in lanes.items()}
    place = None if through else {"began": began.isoformat(), "lanes": dumped}
    with pages.mirror.transaction() as tx:
        state.set_state(tx, state.LANES, place)
    odd = any(lane.anomaly is not None for lane in lanes.values())
    return began if through and not odd else None


def watch_totals(pages: S2ePages) -> None:
    """List the orders PENDING or FAILED if their number has changed. Raises RemoteError."""
    for sync_status in ("PENDING", "FAILED"):
        with pages.mirror.read() as tx:
            known = observations.sync_status_count(tx, sync_status)
        total = pages.read_total(sync_status)
        if total not in {known, None} and quiet_pages(total or 0) <= _LANE_PAGES:
            pages.read_to_end(Lane(), sync_status=sync_status)
