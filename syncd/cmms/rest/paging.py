"""The ways a list comes in pages: what to ask for next, and when the list has come to its end.

A pager serves one read. It gives the first request, and with each answer the next one; None is the
end. An answer that contradicts itself (the same cursor twice, an empty page before the last) is an
error and never an end. Whether all records came is decided in `read_list`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NextPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
    TotalPlace,
)
from syncd.cmms.rest.placeholders import fill
from syncd.cmms.rest.reply import Reply, search
from syncd.cmms.rest.request import PreparedRequest, filled

_DIGITS = 15  # of a count; a longer one counts nothing
_NEXT = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r"""rel\s*=\s*"?([^";,]*)""", re.IGNORECASE)


class Pager(Protocol):
    """One read of a list."""

    @property
    def total(self) -> int | None:
        """How many records the list has in all, by its page with the highest total; None: no page
        holds a total, or it cannot be compared."""

    def first(self, request: PreparedRequest) -> PreparedRequest:
        """The request for the first page."""

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        """The request for the page after this one; None: this one is the last.

        Args:
            asked: the request for this page.
            items: the records of this page.

        Raises UnexpectedContent where there should be a next page and none can be asked for.
        """


class FullPages:
    """Whether a page that is not full is the end of a list.

    It is, once this server has sent a page as large as it was asked for. Until then the server may
    have a smaller limit of its own, and each of its pages is "not full".
    """

    def __init__(self) -> None:
        self.proven = False

    def ends(self, count: int, size: int) -> bool:
        """Whether a page of `count` records is the last one, where `size` were asked for."""
        if count >= size:
            self.proven = True
            return False
        return count == 0 or self.proven


def make_pager(
    page: Paging | None,
    request: PreparedRequest,
    values: Mapping[str, Any],
    full_pages: FullPages,
    link: Callable[[str, str], str],
) -> Pager:
    """The pager for this kind of paging.

    Args:
        values: what the placeholders of a keyset stand for.
        link: makes a link a whole address; raises for another origin.
    """
    if page is None or page.none is not None:
        return Once()
    if page.offset is not None:
        return ByOffset(page.offset, full_pages)
    if page.number is not None:
        return ByNumber(page.number, full_pages)
    if page.cursor is not None:
        return ByCursor(page.cursor)
    if page.link is not None:
        return ByLink(page.link, link)
    assert page.keyset is not None  # noqa: S101 - the schema asks for exactly one
    return ByKeyset(page.keyset, request, values, full_pages)


class Once:
    """The whole list in one answer."""

    total = None

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        return None


def _count(value: object) -> int | None:
    """A count as a list states it: 3, "3", and 0.0 of a server that divides; None: it is none."""
    try:
        count = Decimal(str(value))
    except InvalidOperation:
        return None
    if not count.is_finite() or count.adjusted() > _DIGITS:
        return None
    return int(count) if count == count.to_integral_value() else None


class _Totals:
    """Reads the list's own total from each page."""

    def __init__(self, place: TotalPlace | None) -> None:
        self._place = place
        self._total: int | None = None

    @property
    def total(self) -> int | None:
        """See `Pager.total`."""
        return self._total

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def _read(self, reply: Reply) -> int | None:
        """The total of this page; None: the mapping reads none. Raises UnexpectedContent where
        the mapping reads one and the page has none."""
        if self._place is None:
            return None
        total = _count(reply.read(self._place))
        if total is None:
            raise reply.unexpected("holds no total where the mapping reads one")
        if total < 0:
            raise reply.unexpected(f"holds a total of {total}, which cannot be")
        self._total = max(total, self._total or 0)
        return total


class ByOffset(_Totals):
    """Pages that begin at an offset. An offset is a place in the list's order."""

    def __init__(self, spec: OffsetPaging, full_pages: FullPages) -> None:
        super().__init__(spec.total)
        self._spec = spec
        self._full_pages = full_pages
        self._offset = 0

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return self._at(request)

    def _at(self, request: PreparedRequest) -> PreparedRequest:
        size = self._spec.size
        values = {
            "offset": self._offset,
            "from": self._offset,
            "to": self._offset + size - 1,
        }
        return request.sending(self._spec.send, fill(self._spec.value, values))

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        spec, count = self._spec, len(items)
        total = self._read(reply)
        self._offset += count if spec.step == "items" else spec.size
        match spec.end:
            case "total":
                ended = total is not None and self._offset >= total
                ended = ended or (count == 0 and spec.step == "items")
            case "short":
                ended = self._full_pages.ends(count, spec.size)
            case "empty":
                ended = count == 0
        return None if ended else self._at(asked)

    @property
    def total(self) -> int | None:
        """None with `step: size`: there the total counts records that the pages leave out."""
        return None if self._spec.step == "size" else self._total


class ByNumber(_Totals):
    """Numbered pages. A number is a place in the list's order."""

    def __init__(self, spec: NumberPaging, full_pages: FullPages) -> None:
        super().__init__(spec.total)
        self._spec = spec
        self._full_pages = full_pages
        self._number = spec.first
        self._count = 0
        self._more = None if spec.more is None else Expression.parse(spec.more)

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request.sending(self._spec.send, self._number)

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        spec, count = self._spec, len(items)
        self._count += count
        total = self._read(reply)
        self._number += 1
        if self._ends(reply, count, total):
            return None
        if count == 0:
            raise reply.unexpected("answered an empty page before the end of the list")
        return asked.sending(spec.send, self._number)

    def _ends(self, reply: Reply, count: int, total: int | None) -> bool:
        spec = self._spec
        match spec.end:
            case "more":
                return not _true(self._more, reply)
            case "last":
                assert spec.last is not None  # noqa: S101 - check.mapping requires it
                pages = _count(reply.read(spec.last))
                if pages is None:
                    raise reply.unexpected("holds no number of pages")
                return self._number >= spec.first + pages
            case "total":
                return count == 0 or (total is not None and self._count >= total)
            case "short":
                return self._full_pages.ends(count, spec.size or 1)
        return count == 0


class ByCursor(_Totals):
    """Pages that each hold the cursor of the next one."""

    def __init__(self, spec: CursorPaging) -> None:
        super().__init__(spec.total)
        self._spec = spec
        self._seen: set[str] = set()
        self._more = None if spec.more is None else Expression.parse(spec.more)

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        self._read(reply)
        cursor = reply.read(self._spec.read)
        more = None if self._more is None else _true(self._more, reply)
        if more is False:
            return None
        if cursor is None or cursor in ("", False):
            if more:
                raise reply.unexpected("says that there is more, and gives no cursor")
            _require_not_full(self._spec, reply, items)
            return None
        if str(cursor) in self._seen:
            raise reply.unexpected("gives the same cursor twice; the list would never end")
        self._seen.add(str(cursor))
        return asked.sending(self._spec.send, cursor)


class ByLink(_Totals):
    """Pages that each hold the address of the next one."""

    def __init__(self, spec: LinkPaging, link: Callable[[str, str], str]) -> None:
        super().__init__(spec.total)
        self._spec = spec
        self._link = link
        self._seen: set[str] = set()

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        self._read(reply)
        address = self._next_address(reply)
        if not address:
            _require_not_full(self._spec, reply, items)
            return None
        whole = self._link(address, asked.target)
        if whole in self._seen:
            raise reply.unexpected("links to the same page twice; the list would never end")
        self._seen.add(whole)
        return PreparedRequest(asked.method, whole, (), asked.headers, asked.json, asked.form, True)

    def _next_address(self, reply: Reply) -> str | None:
        text = reply.read(self._spec.read)
        if text is None or text in ("", False):
            return None
        if not isinstance(text, str):
            raise reply.unexpected("gives a next page that is no address")
        if self._spec.read.header is None or not text.lstrip().startswith("<"):
            return text
        for address, parameters in _NEXT.findall(text):
            if any("next" in rel.lower().split() for rel in _REL.findall(parameters)):
                return str(address)
        return None


class ByKeyset:
    """Pages that each ask for the ids after the last one.

    An id never changes. So no record that exists the whole time is missed, however many records
    are edited meanwhile.
    """

    total = None

    def __init__(
        self,
        spec: KeysetPaging,
        request: PreparedRequest,
        values: Mapping[str, Any],
        full_pages: FullPages,
    ) -> None:
        self._spec = spec
        self._values = values
        self._full_pages = full_pages
        self._request = request
        self._by = Expression.parse(spec.by)
        self._last: Any = spec.start

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return self._after(self._last)

    def _after(self, last: Any) -> PreparedRequest:
        values = {**self._values, "last": last}
        return self._request.merged(
            filled(self._spec.query, values), {}, fill(self._spec.json_, values), None
        )

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        if self._ends(len(items)):
            return None
        values = [search(self._by, item, reply.where) for item in items]
        # A row that lacks it is one bad row; the next page is asked for by the others.
        ids = [it for it in values if isinstance(it, str | int | float)]
        if not ids:
            raise reply.unexpected(
                f"has only records without {self._spec.by}, which orders the list"
            )
        numbers = [it for it in ids if isinstance(it, int)]
        if len(numbers) == len(ids) and numbers != sorted(numbers):
            raise reply.unexpected(
                f"is not in the order of {self._spec.by}, ascending; rows would be skipped"
            )
        if ids[-1] == self._last:
            raise reply.unexpected(f"does not go on after {self._spec.by} {ids[-1]!s:.40}")
        self._last = ids[-1]
        return self._after(self._last)

    def _ends(self, count: int) -> bool:
        if self._spec.end == "short":
            return self._full_pages.ends(count, self._spec.size or 1)
        return count == 0


def _require_not_full(spec: NextPaging, reply: Reply, items: Sequence[Any]) -> None:
    """Raise UnexpectedContent for a full last page, where the mapping says `end: short`."""
    if spec.end == "short" and spec.size is not None and len(items) >= spec.size:
        raise reply.unexpected(
            f"is a full page of {spec.size} without a next one; it is not taken for the last"
        )


def _true(more: Expression | None, reply: Reply) -> bool:
    if more is None:
        raise ValueError("`end: more` without `more`")  # check.mapping refuses it at load
    value = reply.search(more)
    if not isinstance(value, bool):
        raise reply.unexpected(
            f"holds {value!s:.40} instead of true or false for whether there are more pages"
        )
    return value
