"""One pass over the whole list that proves that it has missed no order. Pure.

Overlapping pages are not enough: a row that was edited meanwhile may have gone to the head, which
was read before. A sweep therefore reads the head again, page by page, until it joins the head it
has read before. Each known order that no page has shown is then asked for by id. Only a sweep with
this proof is `complete`. Even then an order counts as gone by its own 404 alone.

    phase     what comes                                   next
    ───────   ──────────────────────────────────────────   ────────────────────────────────────
    body      any page                                     as in a lane (`lane.py`)
    body      a page that joins, and the end               head; ended after a single page
    head      joins the earlier head within one page       unseen
    head      joins it after several pages                 head once more: it moved meanwhile
    head      does not join it yet                         head: the next page, overlapping
    head      not within the cap                           ended: head did not join
    unseen    known orders on no page were asked by id     ended
    any       a server that contradicts itself             ended; `anomaly` says how
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from syncd.core.paging.lane import Lane
from syncd.core.paging.list_order import Row
from syncd.core.paging.overlap import joins_head, same_ids
from syncd.core.paging.pages import SeenPage

HEAD_DID_NOT_JOIN = "the head did not join"


class Phase(StrEnum):
    BODY = "body"
    HEAD = "head"
    UNSEEN = "unseen"
    ENDED = "ended"


@dataclass(slots=True)
class Sweep(Lane):
    """A lane over the whole list, with its proof.

    Read until `next_offset` is None, as a lane. Then, if the phase is UNSEEN, ask by id for the
    known orders that it did not meet, `account_for` them, and `finish`. Then `verdict`.

    Attributes:
        top, target: the first page of this pass, and of the one before.
        pass_pages: pages of this pass over the head.
    """

    phase: Phase = Phase.BODY
    top: list[Row] = field(default_factory=list)
    target: list[Row] = field(default_factory=list)
    pass_pages: int = 0

    _PLAIN: ClassVar[tuple[str, ...]] = (*Lane._PLAIN, "phase", "pass_pages")
    _ROWS: ClassVar[tuple[str, ...]] = (*Lane._ROWS, "top", "target")
    _ENUMS: ClassVar[Mapping[str, type[StrEnum]]] = MappingProxyType({"phase": Phase})

    def _count(self, page: SeenPage) -> None:
        Lane._count(self, page)
        self.pass_pages += 1
        if self.phase is Phase.HEAD:
            self.certificate.head_pages += 1

    def _advance(self, page: SeenPage, asked: int) -> None:
        if asked == 0:
            self.top = list(page.rows)
        Lane._advance(self, page, asked)

    def _continue(self, page: SeenPage, asked: int, length: int) -> None:
        if self.phase is Phase.HEAD:
            self._advance_head(page, asked + length)
        else:
            Lane._continue(self, page, asked, length)

    # ── the head ──────────────────────────────────────────────────────────────────────────

    def _end_of_list(self) -> None:
        if self.reason is not None:
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
            # The order is unknown, so an edited row may go anywhere. Then the head counts as
            # unmoved only if it has the same rows as before.
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

    # ── orders met on no page, and the end ────────────────────────────────────────────────

    def _ask_unseen(self) -> None:
        self.phase, self.next_offset = Phase.UNSEEN, None

    def account_for(self, *, gone: int = 0, elsewhere: int = 0, passed_over: int = 0) -> None:
        """Count known orders that were met on no page and have been asked for by id.

        Args:
            gone: they answered 404.
            elsewhere: they are there, and the filter keeps them out.
            passed_over: they are there, and should have been on a page.
        """
        if self.phase is not Phase.UNSEEN:
            raise ValueError("this sweep asks for no order by id now")
        self.certificate.unseen += gone + elsewhere + passed_over
        self.certificate.gone += gone
        self.certificate.passed_over += passed_over

    def finish(self) -> None:
        """End the sweep: all orders met on no page have been asked for."""
        if self.phase is not Phase.UNSEEN:
            raise ValueError("there is nothing to finish")
        self._close()

    def _close(self) -> None:
        """End an orderly sweep; `reason` is what it could not prove."""
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

    def _end(self, reason: str, *, odd: bool = False) -> None:
        Lane._end(self, reason, odd=odd)
        self.phase = Phase.ENDED
        self.certificate.order = tuple(sorted(self.orders))
