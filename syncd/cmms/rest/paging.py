"""The ways a list comes in pages, and how each tells that it has come to its end.

A pager is made anew for each read. It is asked for the first request and, with each answer, for
the next one; None is the end. What does not fit together (the same cursor twice, an empty page
before the last) is an error and never an end. Whether what came is whole is told by `lists`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
    TotalPlace,
)
from syncd.cmms.rest.placeholders import fill
from syncd.cmms.rest.reply import Reply, look
from syncd.cmms.rest.request import PreparedRequest, filled

_NEXT = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r"""rel\s*=\s*"?([^";,]*)""", re.IGNORECASE)


class Pager(Protocol):
    """One read of a list."""

    @property
    def total(self) -> int | None:
        """How many records there are in all, by the page that told of most; None: none told."""

    def first(self, request: PreparedRequest) -> PreparedRequest: ...

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        """The request after `asked`, which brought `items`; None: the list is whole.

        Raises UnexpectedContent where neither can be right.
        """


class FullPages:
    """Whether this server has ever sent a page as large as it was asked for. As long as it has
    not, a short page may as well be a smaller limit of its own, and is no end."""

    def __init__(self) -> None:
        self.proven = False

    def ends(self, count: int, size: int) -> bool:
        """Whether a page of so many records is the last, where the last is not full."""
        if count >= size:
            self.proven = True
            return False
        return count == 0 or self.proven


def make_pager(
    page: Paging | None,
    request: PreparedRequest,
    values: Mapping[str, Any],
    fills: FullPages,
    link: Callable[[str, str], str],
) -> Pager:
    """The pager of this kind.

    Args:
        values: the placeholders of a keyset.
        link: the whole address of a link; raises for another origin.
    """
    if page is None or page.none is not None:
        return Once()
    if page.offset is not None:
        return ByOffset(page.offset, fills)
    if page.number is not None:
        return ByNumber(page.number, fills)
    if page.cursor is not None:
        return ByCursor(page.cursor)
    if page.link is not None:
        return ByLink(page.link, link)
    assert page.keyset is not None  # noqa: S101 - the schema asks for exactly one
    return ByKeyset(page.keyset, request, values, fills)


class Once:
    """The whole list in one answer."""

    total = None

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        return None


class _Totals:
    """The total that the list itself tells, page by page."""

    def __init__(self, place: TotalPlace | None) -> None:
        self._place = place
        self._total: int | None = None

    @property
    def total(self) -> int | None:
        """See `Pager.total`."""
        return self._total

    def _read(self, reply: Reply) -> int | None:
        """The total as this page tells it. Raises UnexpectedContent where it should and does
        not."""
        if self._place is None:
            return None
        told = reply.read(self._place)
        try:
            total = int(str(told))
        except ValueError:
            raise reply.unexpected("tells no total, where the mapping reads one") from None
        if total < 0:
            raise reply.unexpected(f"tells a total of {total}")
        self._total = max(total, self._total or 0)
        return total


class ByOffset(_Totals):
    def __init__(self, said: OffsetPaging, fills: FullPages) -> None:
        super().__init__(said.total)
        self._said = said
        self._fills = fills
        self._offset = 0

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return self._at(request)

    def _at(self, request: PreparedRequest) -> PreparedRequest:
        size = self._said.size
        values = {
            "offset": self._offset,
            "from": self._offset,
            "to": self._offset + size - 1,
        }
        return request.sending(self._said.send, fill(self._said.value, values))

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        said, count = self._said, len(items)
        total = self._read(reply)
        self._offset += count if said.step == "items" else said.size
        match said.end:
            case "total":
                ended = total is not None and self._offset >= total
                ended = ended or (count == 0 and said.step == "items")
            case "short":
                ended = self._fills.ends(count, said.size)
            case "empty":
                ended = count == 0
        return None if ended else self._at(asked)

    @property
    def total(self) -> int | None:
        """Rows that one may not see are counted, and left out of a page: no total to compare."""
        return None if self._said.step == "size" else self._total


class ByNumber(_Totals):
    def __init__(self, said: NumberPaging, fills: FullPages) -> None:
        super().__init__(said.total)
        self._said = said
        self._fills = fills
        self._number = said.first
        self._count = 0
        self._more = None if said.more is None else Expression.parse(said.more)

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request.sending(self._said.send, self._number)

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        said, count = self._said, len(items)
        self._count += count
        total = self._read(reply)
        self._number += 1
        if self._ends(reply, count, total):
            return None
        if count == 0:
            raise reply.unexpected("answered an empty page before the end of the list")
        return asked.sending(said.send, self._number)

    def _ends(self, reply: Reply, count: int, total: int | None) -> bool:
        said = self._said
        match said.end:
            case "more":
                return not _true(self._more, reply)
            case "last":
                assert said.last is not None  # noqa: S101 - checks has asked for it
                try:
                    pages = int(str(reply.read(said.last)))
                except ValueError:
                    raise reply.unexpected("tells no number of pages") from None
                return self._number >= said.first + pages
            case "total":
                return count == 0 or (total is not None and self._count >= total)
            case "short":
                return self._fills.ends(count, said.size or 1)
        return count == 0


class ByCursor(_Totals):
    def __init__(self, said: CursorPaging) -> None:
        super().__init__(said.total)
        self._said = said
        self._seen: set[str] = set()
        self._more = None if said.more is None else Expression.parse(said.more)

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        self._read(reply)
        cursor = reply.read(self._said.read)
        more = None if self._more is None else _true(self._more, reply)
        if more is False:
            return None
        if cursor is None or cursor in ("", False):
            if more:
                raise reply.unexpected("says that there is more, and gives no cursor")
            _not_full(self._said.end, self._said.size, reply, items)
            return None
        if str(cursor) in self._seen:
            raise reply.unexpected("gives the same cursor twice; the list would never end")
        self._seen.add(str(cursor))
        return asked.sending(self._said.send, cursor)


class ByLink(_Totals):
    def __init__(self, said: LinkPaging, link: Callable[[str, str], str]) -> None:
        super().__init__(said.total)
        self._said = said
        self._link = link
        self._seen: set[str] = set()

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        self._read(reply)
        found = self._find(reply)
        if not found:
            _not_full(self._said.end, self._said.size, reply, items)
            return None
        whole = self._link(found, asked.target)
        if whole in self._seen:
            raise reply.unexpected("links to the same page twice; the list would never end")
        self._seen.add(whole)
        return PreparedRequest(asked.method, whole, (), asked.headers, asked.json, asked.form, True)

    def _find(self, reply: Reply) -> str | None:
        found = reply.read(self._said.read)
        if found is None or found in ("", False):
            return None
        if not isinstance(found, str):
            raise reply.unexpected("gives a next page that is no address")
        if self._said.read.header is None or not found.lstrip().startswith("<"):
            return found
        for address, parameters in _NEXT.findall(found):
            if any("next" in rel.lower().split() for rel in _REL.findall(parameters)):
                return str(address)
        return None


class ByKeyset:
    """Each page asks for the ids after the last one. An id never changes, so no record that is
    there all the while is missed, however many are edited meanwhile."""

    total = None

    def __init__(
        self,
        said: KeysetPaging,
        request: PreparedRequest,
        values: Mapping[str, Any],
        fills: FullPages,
    ) -> None:
        self._said = said
        self._values = values
        self._fills = fills
        self._request = request
        self._by = Expression.parse(said.by)
        self._last: Any = said.start

    def first(self, request: PreparedRequest) -> PreparedRequest:
        return self._after(self._last)

    def _after(self, last: Any) -> PreparedRequest:
        values = {**self._values, "last": last}
        return self._request.merged(
            filled(self._said.query, values), {}, fill(self._said.json_, values), None
        )

    def next(
        self, asked: PreparedRequest, reply: Reply, items: Sequence[Any]
    ) -> PreparedRequest | None:
        if self._ends(len(items)):
            return None
        ids = [look(self._by, item, reply.where) for item in items]
        if any(found is None for found in ids):
            raise reply.unexpected(f"has a record without {self._said.by}, which orders the list")
        numbers = [found for found in ids if isinstance(found, int)]
        if len(numbers) == len(ids) and numbers != sorted(numbers):
            raise reply.unexpected(
                f"is not in the order of {self._said.by}, ascending; rows would be skipped"
            )
        if ids[-1] == self._last:
            raise reply.unexpected(f"does not go on after {self._said.by} {ids[-1]!s:.40}")
        self._last = ids[-1]
        return self._after(self._last)

    def _ends(self, count: int) -> bool:
        if self._said.end == "short":
            return self._fills.ends(count, self._said.size or 1)
        return count == 0


def _not_full(end: str, size: int | None, reply: Reply, items: Sequence[Any]) -> None:
    """Where only a page that is not full may be the last."""
    if end == "short" and size is not None and len(items) >= size:
        raise reply.unexpected(
            f"is a full page of {size} without a next one; it is not taken for the last"
        )


def _true(more: Expression | None, reply: Reply) -> bool:
    if more is None:
        raise ValueError("`end: more` without `more`")  # checks has told so before
    found = reply.look(more)
    if not isinstance(found, bool):
        raise reply.unexpected(f"tells {found!s:.40} instead of whether there are more pages")
    return found
