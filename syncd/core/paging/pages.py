"""One page as it was seen, what a sweep has proved, and how many pages a list takes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.paging.list_order import Row

PAGE_LIMIT = 200  # rows; the largest page the API serves
_OVERLAP = 10  # rows, of a full page, while nothing moves; a sweep takes more where rows do


@dataclass(frozen=True, slots=True)
class SeenPage:
    """One page as the server answered it; None: the answer does not say.

    Attributes:
        rows: in the order they came.
        first: how many of them this sweep had not met before.
        unreadable: rows without a usable id.
        foreign: rows that the filter should have kept out.
    """

    rows: Sequence[Row]
    total: int | None
    offset: int | None
    has_more: bool | None
    first: int | None = None
    unreadable: int = 0
    foreign: int = 0


@dataclass(slots=True)
class Certificate:
    """What a sweep has proved, for `status` and for people who want to check it.

    Attributes:
        pages: list requests, of which `head_pages` were for the head, in `head_passes`.
        overlaps: page boundaries that joined, `keyed` of them by the order alone.
        steps_back: requests to find a lost overlap again.
        shifts: boundaries at which rows had moved.
        unseen: known orders met on no page and asked for by id; `gone` of them answered 404,
            `passed_over` are there.
        order: the orders the list can be in; empty: none that we know.
    """

    pages: int = 0
    head_pages: int = 0
    head_passes: int = 0
    overlaps: int = 0
    keyed: int = 0
    steps_back: int = 0
    shifts: int = 0
    unseen: int = 0
    gone: int = 0
    passed_over: int = 0
    order: tuple[str, ...] = ()


def quiet_pages(total: int, length: int = PAGE_LIMIT) -> int:
    """List requests of a whole sweep during which nothing moves.

    >>> quiet_pages(200), quiet_pages(201), quiet_pages(100_000)
    (1, 3, 528)
    """
    if total <= length:
        return 1
    return 2 + -(-(total - length) // max(length - overlap_of(length), 1))


def overlap_of(length: int) -> int:
    """Rows that two pages of this length share: a twentieth, at least two."""
    return min(max(length * _OVERLAP // PAGE_LIMIT, 2), max(length - 1, 0))
