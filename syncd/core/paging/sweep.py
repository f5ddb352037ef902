"""Reading a list that moves: the next request, or the verdict. Pure.

The list has offset paging, no stated order and no filter by change time, so rows move between
pages while it is read. A sweep therefore overlaps its pages and looks whether the overlap is
really there; it reads the head again, page by page, until it joins the head it has read before;
and whoever was known and is met nowhere is asked by id. Only what has proved itself that way is
`complete`, and only from a complete sweep may an absence nominate anything.

    phase     what comes                                   next
    ───────   ──────────────────────────────────────────   ────────────────────────────────────
    body      a page that joins the one before, and more   body: the next one, overlapping
    body      no join, and the rows are new                body: a page back, then further back
    body      no join, but all rows were met before        body: onwards, to where it joins
    body      no join, too often: the order is not stable  body, without proof, to the end
    body      a page that joins, and the end               head; ended after a single page
    head      joins the head of before within one page     unseen
    head      joins it after several pages                 head once more: it moved meanwhile
    head      does not join it yet                         head: the next page, overlapping
    head      not within the cap                           ended: head did not join
    unseen    those asked by id are settled                ended
    any       a server that contradicts itself             ended, with what it said
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from syncd.core.paging.list_order import ALL_ORDERS, ListOrder, Row, still_possible
from syncd.core.paging.overlap import Join, join, joins_head, same_ids
from syncd.core.paging.pages import PAGE_LIMIT, Certificate, SeenPage, overlap_of, quiet_pages

NOT_STABLE = "the order is not stable"
HEAD_DID_NOT_JOIN = "the head did not join"
_STALLS = 3  # pages in a row that are the one before
_TRIES = 12  # pages read to find a lost overlap again
_SLACK_PAGES = 50  # beyond what the total promises, before a server is taken for endless
_MOST_ROWS = 1_000_000  # of a server that tells no total


class Phase(StrEnum):
    BODY = "body"
    HEAD = "head"
    UNSEEN = "unseen"
    ENDED = "ended"


@dataclass(slots=True)
class Sweep:
    """One pass over the list.

    Ask `next_offset`, read that page, `take` it, until `next_offset` is None. Then, if the phase
    is UNSEEN, ask by id for the known orders it did not meet and `settle` them. Then `verdict`.

    Attributes:
        prove: False for a lane of a few pages, whose rows are only read, not accounted for.
        limit: rows asked for in one page; a server may serve fewer.
        total: as the list said last; totals it said before are in `totals`.
        met: orders met at least once.
    """

    prove: bool = True
    limit: int = PAGE_LIMIT
    phase: Phase = Phase.BODY
    next_offset: int | None = 0
    total: int | None = None
    totals: list[int] = field(default_factory=list)
    promised: int | None = None  # the first total; a server whose total grows on is not followed
    met: int = 0
    reason: str | None = None
    anomaly: str | None = None
    certificate: Certificate = field(default_factory=Certificate)
    orders: frozenset[ListOrder] = ALL_ORDERS
    # The rows read last, in order, and the offset just behind them.
    line: list[Row] = field(default_factory=list)
    line_end: int = 0
    # The first page of this pass, and of the one before.
    top: list[Row] = field(default_factory=list)
    target: list[Row] = field(default_factory=list)
    lost: int = 0  # places by which rows have lately moved towards the head, at a boundary
    tries: int = 0
    stalls: int = 0
    pass_pages: int = 0

    # ── a page ────────────────────────────────────────────────────────────────────────────

    def take(self, page: SeenPage) -> None:
        """Take the answer to the request at `next_offset`."""
        if self.next_offset is None:
            raise ValueError("the sweep asks for nothing")
        asked = self.next_offset
        self._count(page)
        self._check(page, asked)
        self.orders = still_possible(self.orders, page.rows)
        if self.phase is Phase.ENDED:
            return
        if self.line and asked > 0 and self.reason is None:
            found = join(self.line, self.line_end - asked, page.rows, self.orders)
            if found is None:
                self._find_again(page, asked)
                return
            self._note_join(found)
        self._advance(page, asked)

    def _count(self, page: SeenPage) -> None:
        self.certificate.pages += 1
        self.pass_pages += 1
        self.met += len(page.rows) if page.first is None else page.first
        self.total = page.total
        self.promised = page.total if self.promised is None else self.promised
        if page.total is not None and (not self.totals or self.totals[-1] != page.total):
            self.totals = [*self.totals[-9:], page.total]
        if self.phase is Phase.HEAD:
            self.certificate.head_pages += 1

    def _check(self, page: SeenPage, asked: int) -> None:
        """End the sweep of a server that contradicts itself; note what is merely odd."""
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

    def _note_join(self, found: Join) -> None:
        self.tries = 0
        self.lost = max(found.shift, self.lost // 2, 0)
        self.certificate.overlaps += 1
        self.certificate.keyed += 0 if found.rows else 1
        if found.shift or not found.rows:
            self.certificate.shifts += 1

    def _find_again(self, page: SeenPage, asked: int) -> None:
        """The overlap is lost: go back until it is there; or on, through rows met before."""
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
        if asked == 0:
            self.top = list(rows)
        again = asked > 0 and page.first in {0, None} and same_ids(self.line, rows)
        again = again and len(rows) == len(self.line)
        self.stalls = self.stalls + 1 if again else 0
        self.line = list(rows) or self.line
        end = self.line_end = asked + length
        if self.phase is Phase.HEAD:
            self._advance_head(page, end)
        elif self._at_end(page, asked, length):
            self._end_of_list()
        elif self.phase is not Phase.ENDED:
            self._go_on(end, length)

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
        more_told = page.total is not None and end < page.total
        if page.has_more is False and not (more_told and length):
            if more_told:
                self._odd(f"the list ended at {end} of {page.total}")
            return True
        if length == 0:
            self._odd("an empty page before the end")
            return True
        if self.stalls > _STALLS:
            self._end("the same page again and again", odd=True)
        elif page.has_more is None:
            return not more_told and (page.total is not None or length < self.limit)
        elif page.total is not None and end > page.total + _SLACK_PAGES * self.limit:
            self._end(f"more rows than the total of {page.total}", odd=True)
        return False

    # ── the head, and the end ─────────────────────────────────────────────────────────────

    def _end_of_list(self) -> None:
        if not self.prove or self.reason is not None:
            self._close()
        elif self.certificate.pages == 1:
            self._ask_unseen()  # one answer is one moment: nothing has moved
        else:
            self._read_head()

    def _read_head(self) -> None:
        """Begin a pass over the head: whatever was edited meanwhile may have gone there."""
        self.phase = Phase.HEAD
        self.certificate.head_passes += 1
        self.target, self.top, self.line = self.top, [], []
        self.line_end = self.pass_pages = self.stalls = 0
        self.next_offset = 0

    def _advance_head(self, page: SeenPage, end: int) -> None:
        if not self.orders:
            # Rows may go anywhere when they are edited: nothing may have moved at all.
            self.certificate.shifts += 0 if same_ids(self.target, page.rows) else 1
        if not self.orders or joins_head(self.target, page.rows, self.orders):
            if self.pass_pages == 1:
                self._ask_unseen()
            else:
                self._read_head()
            return
        body = self.certificate.pages - self.certificate.head_pages
        if self.certificate.head_pages > body + 20 or page.has_more is False or not page.rows:
            self._end(HEAD_DID_NOT_JOIN)
            return
        self._go_on(end, len(page.rows) + page.unreadable)

    def _ask_unseen(self) -> None:
        self.phase, self.next_offset = Phase.UNSEEN, None

    def settle(self, *, gone: int = 0, elsewhere: int = 0, passed_over: int = 0) -> None:
        """Some of those known and met on no page have been asked by id.

        Args:
            gone: they answered 404.
            elsewhere: they are there, and the filter keeps them out.
            passed_over: they are there, and should have been on a page.
        """
        if self.phase is not Phase.UNSEEN:
            raise ValueError("there is nobody to settle")
        self.certificate.unseen += gone + elsewhere + passed_over
        self.certificate.gone += gone
        self.certificate.passed_over += passed_over

    def finish(self) -> None:
        """All of them are settled."""
        if self.phase is not Phase.UNSEEN:
            raise ValueError("there is nothing to finish")
        self._close()

    def stop(self, reason: str) -> None:
        """End it before its end."""
        self._end(reason)

    def _close(self) -> None:
        """The end of an orderly sweep: what still speaks against it?"""
        self.phase, self.next_offset = Phase.ENDED, None
        self.certificate.order = tuple(sorted(self.orders))
        moved = self.certificate.shifts > 0 or len(self.totals) > 1
        if self.reason is not None or self.anomaly is not None:
            self.reason = self.reason or self.anomaly
        elif self.certificate.passed_over:
            self.reason = f"orders that are there were on no page: {self.certificate.passed_over}"
        elif moved and not self.orders:
            self.reason = "rows moved, in an order that is not known"
        elif not moved and self.total is not None and self.total != self.met:
            self.reason = f"the total says {self.total}, {self.met} came"

    def verdict(self) -> tuple[str, str | None]:
        """("complete", None) or ("partial", reason)."""
        if self.phase is not Phase.ENDED:
            return "partial", "interrupted"
        return ("complete", None) if self.reason is None else ("partial", self.reason)

    def _odd(self, what: str) -> None:
        self.anomaly = self.anomaly or what

    def _end(self, reason: str, *, odd: bool = False) -> None:
        if odd:
            self._odd(reason)
        self.phase, self.next_offset = Phase.ENDED, None
        self.reason = self.reason or reason
        self.certificate.order = tuple(sorted(self.orders))

    # ── across restarts ───────────────────────────────────────────────────────────────────

    def dump(self) -> dict[str, Any]:
        """Its state as JSON, from which `load` goes on."""
        told = {name: getattr(self, name) for name in _PLAIN}
        rows = {name: [list(row) for row in getattr(self, name)] for name in _ROWS}
        orders = sorted(self.orders)
        return {**told, **rows, "orders": orders, "certificate": asdict(self.certificate)}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Sweep":
        """The sweep that was dumped. Raises KeyError, TypeError or ValueError for anything else."""
        told: dict[str, Any] = {name: stored[name] for name in _PLAIN}
        told["phase"] = Phase(told["phase"])
        told |= {name: [Row(*cells) for cells in stored[name]] for name in _ROWS}
        certificate = dict(stored["certificate"])
        certificate["order"] = tuple(certificate["order"])
        orders = frozenset(ListOrder(name) for name in stored["orders"])
        return cls(**told, orders=orders, certificate=Certificate(**certificate))

    @property
    def pages_expected(self) -> int | None:
        """List requests the whole sweep will take, by the list's own total."""
        if self.total is None or not self.line:
            return None
        return quiet_pages(self.total, max(len(self.top), len(self.line), 1))

    @property
    def pages_left(self) -> int:
        """List requests to the end of the list as it was told last; 0 at the end."""
        if self.next_offset is None:
            return 0
        length = max(len(self.line), 1)
        step = max(length - overlap_of(length), 1)
        return max(-(-((self.total or 0) - self.line_end) // step), 1)


_PLAIN = (
    *(
        "prove",
        "limit",
        "phase",
        "next_offset",
        "total",
        "totals",
        "promised",
        "met",
        "reason",
        "anomaly",
    ),
    *("line_end", "lost", "tries", "stalls", "pass_pages"),
)
_ROWS = ("line", "top", "target")
