"""Paging decisions over a list: the next request, or the verdict.

The list has offset paging, no stated order and no filter by change time, so rows move between
pages while it is read. Only a list that came whole in one answer is `complete`; one that took
several pages is `partial(unverified)`, and nothing is concluded from an absence in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

PAGE_LIMIT = 200  # rows; the largest page the API serves
UNVERIFIED = "unverified"
# Rows beyond the total of the first page, before a server is taken for one that never ends; of
# a server that tells no total, rows at all.
_SLACK_PAGES = 10
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class SeenPage:
    """What one answer said: the ids in order, and its own paging words (None: not said)."""

    ids: Sequence[str]
    total: int | None
    offset: int | None
    has_more: bool | None
    unreadable: int = 0


@dataclass(slots=True)
class Sweep:
    """One pass over the list.

    Ask `next_offset`, read that page, `take` it, until `next_offset` is None; then `verdict`.
    """

    limit: int = PAGE_LIMIT
    pages: int = 0
    next_offset: int | None = 0
    seen: set[str] = field(default_factory=set)
    total: int | None = None
    promised: int | None = None
    reason: str | None = None
    rows: int = 0

    def take(self, page: SeenPage) -> None:
        """Take the answer to the request at `next_offset`."""
        if self.next_offset is None:
            raise ValueError("the sweep has ended")
        asked = self.next_offset
        self.pages += 1
        self.rows += len(page.ids)
        new = set(page.ids) - self.seen
        self.seen |= new
        self.total = page.total
        if self.promised is None:
            self.promised = page.total
        if page.unreadable:
            self._anomaly("a row without an id")
        if page.offset is not None and page.offset != asked:
            self._anomaly(f"asked for offset {asked}, got {page.offset}")
        if len(page.ids) != len(set(page.ids)):
            self._anomaly("an id twice on one page")
        length = len(page.ids) + page.unreadable
        self.next_offset = self._following(asked, length, len(new), page)

    def _following(self, asked: int, length: int, new: int, page: SeenPage) -> int | None:
        end = asked + length
        said_more = page.total is not None and end < page.total
        if page.has_more is False and not (said_more and length):
            if said_more:
                self._anomaly(f"the list ended at {end} of {page.total}")
            return None
        if page.has_more is None and not said_more and length < self.limit:
            return None
        if length == 0:
            self._anomaly("an empty page before the end")
            return None
        if new == 0:
            self._anomaly("a page without a new row")
            return None
        # Rows, not pages, are bounded: a server may serve smaller pages than it was asked for.
        promised = _MOST_ROWS if self.promised is None else max(self.promised, 0)
        if end > promised + _SLACK_PAGES * self.limit:
            self._anomaly(f"more rows than the total of {promised}")
            return None
        return end

    def _anomaly(self, what: str) -> None:
        self.reason = self.reason or what

    @property
    def anomaly(self) -> str | None:
        """What the server said that cannot be; None if all fitted."""
        return self.reason

    def verdict(self) -> tuple[str, str | None]:
        """("complete", None) or ("partial", reason)."""
        if self.reason is not None:
            return "partial", self.reason
        if self.pages > 1:
            return "partial", UNVERIFIED
        if self.total is not None and self.total != len(self.seen):
            return "partial", f"total says {self.total}, {len(self.seen)} came"
        return "complete", None

    @property
    def pages_expected(self) -> int | None:
        """Pages the list will take, by its own total."""
        return None if self.total is None else max(1, ceil(self.total / self.limit))
