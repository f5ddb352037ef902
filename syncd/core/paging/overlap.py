"""Whether one page joins the rows read before it. Pure.

A row that was not edited has not moved, whatever the list is sorted by: so a row is met *again*
only if it has the content it had. In an order in which no edit moves a row, its id is enough.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from syncd.core.paging.list_order import ListOrder, Row, begins_before

_ENOUGH = 5  # rows that show an overlap, where rows have moved out of it
_HEAD = 20  # rows of an earlier head that have to be met again


@dataclass(frozen=True, slots=True)
class Join:
    """How a page joins the rows read before it.

    Attributes:
        rows: rows met again, in their order; 0: none, and the list's order proves the join.
        shift: by how many places they have moved towards the head since.
    """

    rows: int
    shift: int


def join(
    line: Sequence[Row], overlap: int, rows: Sequence[Row], orders: Collection[ListOrder]
) -> Join | None:
    """How a page joins the rows read before it; None: it does not.

    Args:
        line: the rows read before, in order.
        overlap: how many of their last are expected at the head of the page.
        orders: those that the list may be in.
    """
    expected = len(line) - overlap
    if expected >= 0 and len(rows) >= overlap > 0 and same_ids(line[expected:], rows):
        return Join(overlap, 0)
    places = {row.s2e_id: (place, row.version) for place, row in enumerate(line)}
    stays = bool(orders) and not any(order.moves for order in orders)
    again = [
        (places[row.s2e_id][0], index)
        for index, row in enumerate(rows)
        if row.s2e_id in places and (stays or places[row.s2e_id][1] == row.version)
    ]
    if _in_order([place for place, _ in again]) and len(again) >= _enough(line, rows):
        (first_place, first), (place, last) = again[0], again[-1]
        # Between rows met again a few may be new, and a few gone; most have to be there.
        new, gone = last - first + 1 - len(again), place - first_place + 1 - len(again)
        if max(new, gone) <= len(again):
            return Join(len(again), place - last - expected)
    if rows and line and begins_before(orders, rows, line[-1]):
        # All rows of the overlap may have been edited since. Then the order is the proof: a page
        # that begins before the place of the last row read has left out nothing after it.
        return Join(0, 0)
    return None


def joins_head(head: Sequence[Row], rows: Sequence[Row], orders: Collection[ListOrder]) -> bool:
    """Whether a page reaches down to the head that was read earlier.

    If it does, all that was edited since stands above that head, and has been read. Always True
    where the list does not show the newest change first: an edit moves no old row to its head.
    """
    if ListOrder.UPDATED_DOWN not in orders:
        return True
    places = {row.s2e_id: (place, row.version) for place, row in enumerate(head)}
    again = [
        places[row.s2e_id][0]
        for row in rows
        if row.s2e_id in places and places[row.s2e_id][1] == row.version
    ]
    if len(again) >= min(_HEAD, max(len(head) // 2, 1)) and _in_order(again):
        return True
    if set(orders) != {ListOrder.UPDATED_DOWN} or not head:
        return False
    # Every row of the earlier head may have been edited since: then its time is the proof. Not the
    # very newest: a few rows at the top may bear times that have not come, below which all rows
    # are, those that have been edited since among them.
    newest = head[min(_HEAD, len(head) // 2)].updated
    older = sum(
        row.updated is not None and newest is not None and row.updated <= newest for row in rows
    )
    return older >= min(_HEAD, len(rows))


def same_ids(ones: Sequence[Row], others: Sequence[Row]) -> bool:
    """Whether both have the same ids in the same places, up to the end of the shorter one."""
    return bool(ones) and all(
        one.s2e_id == other.s2e_id for one, other in zip(ones, others, strict=False)
    )


def _in_order(places: Sequence[int]) -> bool:
    return all(one < two for one, two in pairwise(places))


def _enough(line: Sequence[Row], rows: Sequence[Row]) -> int:
    return min(max(min(len(line), len(rows)) // 4, 1), _ENOUGH)
