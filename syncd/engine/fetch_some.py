"""Some orders, read at the least cost: by pages that show several at once, or each by its id.

they are                                      read by
───────────────────────────────────────────   ────────────────────────────────────────────
many, and the list begins with what changed   its first pages, as long as these show enough
at least two for each page of their status    that status
what is left                                  one request for each
"""

from collections.abc import Collection

from syncd.core.paging.lane import Lane
from syncd.core.paging.list_order import ListOrder, still_possible
from syncd.core.paging.pages import quiet_pages
from syncd.core.work_order import OPEN_STATUSES, Status
from syncd.engine.request import ReadRequest
from syncd.engine.s2e_pages import S2ePages
from syncd.mirror import lanes, observations, state

_WORTH_A_LIST = 2  # orders that a list request has to show; fewer are asked for by id


def fetch_some(
    request: ReadRequest,
    pages: S2ePages,
    wanted: Collection[str],
    *,
    may_wait: Collection[str] = frozenset(),
    again: bool = False,
) -> set[str]:
    """Read pages that show several of these orders at once.

    Args:
        may_wait: orders that make a page worth reading too, but are never left to be asked for.
        again: what this cycle has read of them before does not count.

    Returns those of `wanted` that are left to be asked for by id. Raises RemoteError.
    """
    since = pages.utcnow() if again else request.started
    rest, welcome = set(wanted), set(may_wait)
    with pages.mirror.read() as tx:
        newest_first = state.get_state(tx, state.LIST_ORDER) == ListOrder.UPDATED_DOWN
    if newest_first and not again and len(rest) + len(welcome) > _WORTH_A_LIST:
        _read_head(request, pages, rest, welcome)
    listed = frozenset[Status]() if again else frozenset(OPEN_STATUSES)
    for status, ids, needed in _statuses_of(pages, rest | welcome, listed):
        if len(ids) >= _WORTH_A_LIST * needed and not request.reads_over():
            pages.read_to_end(Lane(), status=status)
            with pages.mirror.read() as tx:
                rest -= observations.s2e_seen_since(tx, rest, since)
    return rest


def _read_head(request: ReadRequest, pages: S2ePages, rest: set[str], welcome: set[str]) -> None:
    """Read the first pages of a list that shows the newest change first, as the last sweep saw it.

    That order saves requests and proves nothing: an order that no page shows is asked for by id.
    """
    lane = Lane()
    while lane.next_offset is not None and len(rest) + len(welcome) > _WORTH_A_LIST:
        met = set(pages.read_page(lane))
        if not still_possible({ListOrder.UPDATED_DOWN}, lane.line):
            with pages.mirror.transaction() as tx:
                state.set_state(tx, state.LIST_ORDER, None)
            return
        useful = len(met & rest) + len(met & welcome)
        rest -= met
        welcome -= met
        if useful < _WORTH_A_LIST or request.reads_over():
            return


def _statuses_of(
    pages: S2ePages, ids: Collection[str], listed: frozenset[Status]
) -> list[tuple[Status, set[str], int]]:
    """The statuses last seen of these orders, without those that were listed already: each with
    its orders, and the pages it takes to list it."""
    by_status: dict[Status, set[str]] = {}
    with pages.mirror.read() as tx:
        for s2e_id, status in lanes.statuses_of(tx, ids).items():
            if status in Status.__members__ and status not in listed:
                by_status.setdefault(Status(status), set()).add(s2e_id)
        return [
            (status, of_status, quiet_pages(lanes.status_count(tx, status)))
            for status, of_status in by_status.items()
        ]
