"""Lists read whole, or not at all.

Pages by number or by offset are places in an order. In one that a change moves (newest first) a
record may come twice, and another not at all: it has moved to a page that was read before. The
list's own total tells so, counted against the records that differ. Such a list is read again
from its start, where the moved one is now, a few times; then it is an error. So is one whose next
page is no longer there: a cursor or a link that has died meanwhile.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import Paging
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.paging import FullPages, make_pager
from syncd.cmms.rest.reply import Reply
from syncd.cmms.rest.request import PreparedRequest
from syncd.cmms.rest.schema import FindCall, ListCall
from syncd.errors import Changed, NotFound, UnexpectedContent

_MOST_READS = 4  # of a list that changes while it is read
_CIRCLES = "is a page without a single new record; it goes in circles"
_MOST_IN_VAIN = 3  # pages in a row that bring nothing new, while the list says it goes on

IdOf = Callable[[Any], str | None]


class _Received:
    """What has come of one list, in all its reads."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}  # each record as it was last yielded, hashed
        self.ids: set[str] = set()  # of the present read
        self.lacking = ""  # why the last read is not taken for whole
        self._most = 0

    def news(self, ids: list[str], items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The records that have not come before as they are now."""
        for cmms_id, item in zip(ids, items, strict=True):
            now = hash(json.dumps(item, sort_keys=True))
            if self.told.get(cmms_id) != now:
                self.told[cmms_id] = now
                yield item

    def compare(self, total: int | None, rows: int, in_circles: bool) -> None:
        """At the end of a read: whether what came is all there is. What an earlier read brought
        counts against the most that there ever were: some of it may have been deleted since."""
        self._most = max(self._most, total or 0)
        self.lacking = ""
        if total is None:
            if in_circles:
                self.lacking = _CIRCLES
        elif len(self.ids) < total and len(self.told) < self._most:
            came = f"{len(self.told)} records of {total}"
            self.lacking = f"ends the list after {came}; it is not taken for whole"
            if rows >= total:
                self.lacking += ", since some came twice (if the list is so, leave out total)"


class ListReader:
    """Walks one of the mapping's lists.

    Args:
        id_of: the id of a record, by which it is known when it comes twice.

    Attributes:
        sizes: how many records each page of the last read held.
    """

    def __init__(self, client: Client, said: ListCall | FindCall, id_of: IdOf) -> None:
        self._client = client
        self._said = said
        self._id_of = id_of
        self._items = Expression.parse(said.items)
        self._fills = FullPages()
        self.sizes: list[int] = []

    def walk(
        self, request: PreparedRequest, page: Paging | None, values: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield the native records of every page; one that has changed meanwhile once more.

        Raises RemoteError for a page that fails, and UnexpectedContent where what came is not
        the whole list.
        """
        seen, before = _Received(), None
        for _ in range(_MOST_READS):
            reply = yield from self._read(request, page, values, seen)
            if not seen.lacking:
                return
            if seen.ids == before:
                break  # nothing has moved: it would tell the same for ever
            before = seen.ids
        raise reply.unexpected(seen.lacking)

    def _read(
        self,
        request: PreparedRequest,
        page: Paging | None,
        values: Mapping[str, Any],
        seen: _Received,
    ) -> Generator[dict[str, Any], None, Reply]:
        """One read from the start; its last answer."""
        moves = page is not None and (page.number is not None or page.offset is not None)
        pager = make_pager(page, request, values, self._fills, self._client.link)
        asked = pager.first(request)
        reply = self._first(asked)
        seen.ids = set()
        self.sizes.clear()
        in_vain = 0
        while True:
            items = self._records(reply)
            ids = [self._known_id(reply, item) for item in items]
            repeats = bool(items) and seen.ids.issuperset(ids)
            in_vain = in_vain + 1 if repeats or not items else 0
            seen.ids.update(ids)
            self.sizes.append(len(items))
            yield from seen.news(ids, items)
            following = pager.next(asked, reply, items)
            if following is None:
                break
            asked = following
            if repeats and (in_vain > _MOST_IN_VAIN or not moves):
                raise reply.unexpected(_CIRCLES)
            if in_vain > _MOST_IN_VAIN and page and page.offset is None:
                raise reply.unexpected("has one empty page after another and no end")
            try:
                reply = self._client.read(asked)
            except (NotFound, Changed) as error:
                seen.lacking = f"is followed by a page that is gone: {error}"
                return reply
        in_circles = repeats and self.sizes[-1] >= self.sizes[0]
        seen.compare(pager.total, sum(self.sizes), in_circles)
        return reply

    def _first(self, asked: PreparedRequest) -> Reply:
        try:
            return self._client.read(asked)
        except NotFound as error:
            raise UnexpectedContent(
                f"{error}; is this the path of a list?", side=error.side, status=error.status,
                may_have_applied=False,
            ) from None  # fmt: skip

    def _records(self, reply: Reply) -> list[dict[str, Any]]:
        found = None if reply.empty else reply.look(self._items)
        if found is None and (reply.empty or self._said.items_missing == "empty"):
            return []
        if not isinstance(found, list):
            raise reply.unexpected(f"holds no list at {self._said.items}")
        for item in found:
            if not isinstance(item, dict):
                raise reply.unexpected(f"holds {item!s:.40} among the records")
        return found

    def _known_id(self, reply: Reply, item: dict[str, Any]) -> str:
        found = self._id_of(item)
        if found is None:
            raise reply.unexpected("holds a record without an id, as fields.id reads it")
        return found
