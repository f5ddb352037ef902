"""Which order a list is in, learned from its own rows.

The API promises no order. A known order saves requests. It is trusted only as long as every
page confirms it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter, ge, le
from types import MappingProxyType
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row of a page, as far as paging is concerned.

    Attributes:
        version: the same as long as its content is the same.
        created, updated: createdAt and updatedAt in milliseconds since 1970; None: unknown.
    """

    s2e_id: str
    version: str
    created: int | None = None
    updated: int | None = None


class ListOrder(StrEnum):
    """An order a list may be in; `-` is newest, or highest, first."""

    CREATED = "createdAt"
    CREATED_DOWN = "-createdAt"
    UPDATED = "updatedAt"
    UPDATED_DOWN = "-updatedAt"
    ID = "id"
    ID_DOWN = "-id"

    @property
    def down(self) -> bool:
        return self.value.startswith("-")

    @property
    def moves(self) -> bool:
        """Whether an edit takes a row to another place."""
        return self in {ListOrder.UPDATED, ListOrder.UPDATED_DOWN}

    @property
    def key(self) -> Callable[[Row], Any]:
        """The function that gets what a row is sorted by; it gets None where that is unknown."""
        return _KEYS[self.value.removeprefix("-")]


_KEYS: Mapping[str, Callable[[Row], Any]] = MappingProxyType(
    {
        "createdAt": attrgetter("created"),
        "updatedAt": attrgetter("updated"),
        "id": attrgetter("s2e_id"),
    }
)
ALL_ORDERS = frozenset(ListOrder)


def still_possible(orders: Iterable[ListOrder], rows: Sequence[Row]) -> frozenset[ListOrder]:
    """Those of the orders that rows in this sequence can be in.

    >>> rows = [Row("wo_b", "1", created=1, updated=9), Row("wo_a", "1", created=2, updated=5)]
    >>> [str(order) for order in sorted(still_possible(ALL_ORDERS, rows))]
    ['-id', '-updatedAt', 'createdAt']
    """
    return frozenset(order for order in orders if _holds(order, rows))


def _holds(order: ListOrder, rows: Sequence[Row]) -> bool:
    keys = list(map(order.key, rows))
    return None not in keys and all(map(ge if order.down else le, keys, keys[1:]))


def begins_before(orders: Iterable[ListOrder], rows: Sequence[Row], last: Row) -> bool:
    """Whether the rows begin before the place of `last`, whichever of the orders it is.

    False where no order is possible, or where it is unknown what a row is sorted by.
    """
    known = list(orders)
    return bool(known) and all(_before(order, rows[0], last) for order in known)


def _before(order: ListOrder, row: Row, last: Row) -> bool:
    mine, its = order.key(row), order.key(last)
    if mine is None or its is None:
        return False
    return bool(mine > its if order.down else mine < its)
