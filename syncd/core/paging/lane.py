"""The next request of a list whose rows move while it is read. Pure.

The list has offset paging, no stated order and no filter by change time, so rows move between
pages while it is read. A lane therefore overlaps its pages, checks that the overlap is really
there, and steps back where it is not.

    what comes                                             next
    ────────────────────────────────────────────────────   ─────────────────────────────────────
    a page that joins the one before, and more             the next one, overlapping
    no join, and the rows are new                          a page back, then further back
    no join, but all rows were met before                  onwards, to where it joins
    no join, too often: the order is not stable            onwards without proof, to the end
    a page that joins, and the end                         over
    a server that contradicts itself                       over; `anomaly` says how

A lane reads a few pages, such as those of one status. `sweep.Sweep` is a lane that also proves
that it has missed no order.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from syncd.core.paging.list_order import ALL_ORDERS, ListOrder, Row, still_possible
from syncd.core.paging.overlap import Join, join, same_ids
from syncd.core.paging.pages import PAGE_LIMIT, Certificate, SeenPage, overlap_of

NOT_STABLE = "the order is not stable"
_STALLS = 3  # pages in a row that repeat the one before
_TRIES = 12  # pages read to find a lost overlap again
_SLACK_PAGES = 50  # beyond what the total promises, before a server is taken for endless
_MOST_ROWS = 1_000_000  # for a server that gives no total
L = TypeVar("L", bound="Lane")


@dataclass(slots=True)
class Lane:
    """One pass over a list. Read the page at `next_offset` and `take` it, until that is None.

    Attributes:
        limit: rows asked for in one page; a server may serve fewer.
        total: as the last page gave it; the last totals that differed are in `totals`.
        met: orders met at least once.
        reason: why the pass proves nothing; None while there is no reason.
        anomaly: what is odd about the server's answers, even if the pass goes on.
        orders: the orders that the list may be in, as far as its rows show.
        line, line_end: the rows read last, and the offset just behind them.
        lost: places by which rows have lately moved towards the head, at a boundary.
    """

    limit: int = PAGE_LIMIT
    next_offset: int | None = 0
    total: int | None = None
    totals: list[int] = field(default_factory=list)
    promised: int | None = None  # the first total; a server whose total grows on is not followed
    met: int = 0
    reason: str | None = None
    anomaly: str | None = None
    certificate: Certificate = field(default_factory=Certificate)
    orders: frozenset[ListOrder] = ALL_ORDERS
    line: list[Row] = field(default_factory=list)
    line_end: int = 0
    lost: int = 0
    tries: int = 0
    stalls: int = 0

    _PLAIN: ClassVar[tuple[str, ...]] = (
        *("limit", "next_offset", "total", "totals", "promised", "met", "reason", "anomaly"),
        *("line_end", "lost", "tries", "stalls"),
    )
    _ROWS: ClassVar[tuple[str, ...]] = ("line",)
    _ENUMS: ClassVar[Mapping[str, type[StrEnum]]] = MappingProxyType({})

    # ── a page ────────────────────────────────────────────────────────────────────────────

    def take(self, page: SeenPage) -> None:
        """Take the answer to the request at `next_offset`."""
        if self.next_offset is None:
            raise ValueError("nothing more is asked for")
        asked = self.next_offset
        self._count(page)
        self._check(page, asked)
        self.orders = still_possible(self.orders, page.rows)
        if self.next_offset is None:
            return
        if self.line and asked > 0 and self.reason is None:
            joined = join(self.line, self.line_end - asked, page.rows, self.orders)
            if joined is None:
                self._find_again(page, asked)
                return
            self._note_join(joined)
        self._advance(page, asked)

    def _count(self, page: SeenPage) -> None:
        self.certificate.pages += 1
        self.met += len(page.rows) if page.first is None else page.first
        self.total = page.total
        self.promised = page.total if self.promised is None else self.promised
        if page.total is not None and (not self.totals or self.totals[-1] != page.total):
            self.totals = [*self.totals[-9:], page.total]

    def _check(self, page: SeenPage, asked: int) -> None:
        """End the pass if the server contradicts itself; note what is merely odd."""
        if page.unreadable:
            self._odd("a row without an id")
        if page.foreign:
            self._odd("rows that the filter should have kept out")
        if len({row.s2e_id for row in page.rows}) != len(page.rows):
            self._odd("an id twice on one page")
        if page.offset is not None and page.offset != asked:
            self._end(f"asked for offset {asked}, got {page.offset}", odd=True)
        promised = _MOST_ROWS // 3 if self.promised is None else max(self.promised, 0)
        length = max(len(page.rows), 1)
        most = 3 * (promised // max(length - overlap_of(length), 1)) + _SLACK_PAGES
        if self.certificate.pages - self.certificate.head_pages > most:
            self._end(f"more pages than the total of {promised} rows explains", odd=True)

    def _note_join(self, joined: Join) -> None:
        self.tries = 0
        self.lost = max(joined.shift, self.lost // 2, 0)
        self.certificate.overlaps += 1
        self.certificate.keyed += 0 if joined.rows else 1
        if joined.shift or not joined.rows:
            self.certificate.shifts += 1

    def _find_again(self, page: SeenPage, asked: int) -> None:
        """The overlap is lost: go back until it is there, or go on through rows met before."""
        self.tries += 1
        self.certificate.steps_back += 1
        if self.tries > _TRIES:
            # Without proof, but to the end: a row that is read is not lost.
            self.reason = NOT_STABLE
            self.next_offset = max(self.line_end, asked)
            return
        length = len(page.rows)
        step = max(length, len(self.line), 1) // 2
        if length and page.first == 0 and page.has_more is not False:
            self.next_offset = asked + max(length - overlap_of(length), 1)
            return
        if length == 0 and page.total is not None:
            asked = min(asked, max(page.total, 0))
        self.next_offset = max(asked - step * (1 << min(self.tries - 1, 6)), 0)

    def _advance(self, page: SeenPage, asked: int) -> None:
        rows, length = page.rows, len(page.rows) + page.unreadable
        again = asked > 0 and page.first in {0, None} and same_ids(self.line, rows)
        again = again and len(rows) == len(self.line)
        self.stalls = self.stalls + 1 if again else 0
        self.line = list(rows) or self.line
        self.line_end = asked + length
        self._continue(page, asked, length)

    def _continue(self, page: SeenPage, asked: int, length: int) -> None:
        """The next request, or the end, after a page that has its place."""
        if self._at_end(page, asked, length):
            self._end_of_list()
        elif self.next_offset is not None:
            self._go_on(asked + length, length)

    def _go_on(self, end: int, length: int) -> None:
        # As many rows again as have been moving out of the overlap lately.
        overlap = min(overlap_of(length) + 2 * self.lost, max(length // 2, overlap_of(length)))
        if length == 1:
            self.reason = self.reason or "pages of one row cannot be overlapped"
        if self.reason is not None:
            overlap = 0
        self.next_offset = end - overlap

    def _at_end(self, page: SeenPage, asked: int, length: int) -> bool:
        end = asked + length
        more_promised = page.total is not None and end < page.total
        if page.has_more is False and not (more_promised and length):
            if more_promised:
                self._odd(f"the list ended at {end} of {page.total}")
            return True
        if length == 0:
            self._odd("an empty page before the end")
            return True
        if self.stalls > _STALLS:
            self._end("the same page again and again", odd=True)
        elif page.has_more is None:
            return not more_promised and (page.total is not None or length < self.limit)
        elif page.total is not None and end > page.total + _SLACK_PAGES * self.limit:
            self._end(f"more rows than the total of {page.total}", odd=True)
        return False

    # ── the end ───────────────────────────────────────────────────────────────────────────

    def _end_of_list(self) -> None:
        self.next_offset = None

    def _odd(self, what: str) -> None:
        self.anomaly = self.anomaly or what

    def _end(self, reason: str, *, odd: bool = False) -> None:
        if odd:
            self._odd(reason)
        self.next_offset = None
        self.reason = self.reason or reason

    @property
    def pages_left(self) -> int:
        """List requests to the end of the list, by its last total; 0 at the end."""
        if self.next_offset is None:
            return 0
        length = max(len(self.line), 1)
        step = max(length - overlap_of(length), 1)
        return max(-(-((self.total or 0) - self.line_end) // step), 1)

    # ── across restarts ───────────────────────────────────────────────────────────────────

    def dump(self) -> dict[str, Any]:
        """Its state as JSON, from which `load` goes on."""
        plain = {name: getattr(self, name) for name in self._PLAIN}
        rows = {name: [list(row) for row in getattr(self, name)] for name in self._ROWS}
        orders = sorted(self.orders)
        return {**plain, **rows, "orders": orders, "certificate": asdict(self.certificate)}

    @classmethod
    def load(cls: type[L], stored: Mapping[str, Any]) -> L:
        """The pass that was dumped. Raises KeyError, TypeError or ValueError for anything else."""
        state: dict[str, Any] = {name: stored[name] for name in cls._PLAIN}
        state |= {name: [Row(*cells) for cells in stored[name]] for name in cls._ROWS}
        state |= {name: kind(stored[name]) for name, kind in cls._ENUMS.items()}
        certificate = dict(stored["certificate"])
        certificate["order"] = tuple(certificate["order"])
        state["orders"] = frozenset(ListOrder(name) for name in stored["orders"])
        return cls(**state, certificate=Certificate(**certificate))
