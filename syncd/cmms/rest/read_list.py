"""Read a list whole, or raise an error.

A list whose order moves, such as the newest change first, can lose a record while it is read by
page numbers or offsets. For example: page 1 is read, then the record at the top of page 2 is
edited. It moves to page 1, which is not read again.

The list's own total shows this, counted against the different records that came. Then the list is
read again from its start, up to three times. If records still lack, it is an error. The list is
also read again where its next page is gone: its cursor or link has died meanwhile.

A row without an id that can be read, null for example, is one bad row: it is counted and named by
its place, and the others are read.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from hashlib import blake2b
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
_MOST_IN_VAIN = 3  # pages in a row without a new record, while the list claims to go on

_SHOWN = 80  # characters of a row without an id

IdOf = Callable[[dict[str, Any]], str | None]


class _Received:
    """The records that came of one list, in all its reads.

    Attributes:
        ids: the records of the present read.
        nameless: its rows without an id, what each holds with where it stands.
        lacking: why the present read is not the whole list; empty: it is.
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.nameless: dict[str, str] = {}
        self.lacking = ""
        self._yielded: dict[str, int] = {}  # by id, the hash of each record as it was yielded last
        self._most = 0  # the highest total of all reads

    def begin(self) -> None:
        """Begin a read from the start of the list."""
        self.ids = set()
        self.nameless = {}

    def name(self, row: object, where: str, page: int, number: int) -> None:
        """Keep a row that has no id. Rows that hold the same are told apart by their number."""
        shown = what = json.dumps(row, sort_keys=True, ensure_ascii=False)
        if len(what) > _SHOWN:
            digest = blake2b(what.encode("utf-8", "replace"), digest_size=4).hexdigest()
            shown = f"{what[:_SHOWN]}… ({digest})"
        same = sum(known.partition(" #")[0] == shown for known in self.nameless)
        key = f"{shown} #{same + 1}" if same else shown
        self.nameless[key] = f"{where}, page {page}, record {number}"

    def news(self, ids: list[str], items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records that have not been yielded as they are now."""
        for cmms_id, item in zip(ids, items, strict=True):
            now = hash(json.dumps(item, sort_keys=True))
            if self._yielded.get(cmms_id) != now:
                self._yielded[cmms_id] = now
                yield item

    def compare(self, total: int | None, rows: int, in_circles: bool) -> None:
        """Set `lacking` at the end of a read.

        The records of all reads count against the highest total of all reads, since some of them
        may have been deleted meanwhile.

        Args:
            total: how many records there are, as the list says; None: it does not say.
            rows: how many records this read brought, repeated ones too.
            in_circles: whether the last page was full and held only records that had come before.
        """
        self._most = max(self._most, total or 0)
        self.lacking = ""
        unnamed = len(self.nameless)
        if total is None:
            if in_circles:
                self.lacking = _CIRCLES
        elif len(self.ids) + unnamed < total and len(self._yielded) + unnamed < self._most:
            came = f"{len(self._yielded) + unnamed} records of {total}"
            self.lacking = f"ends the list after {came}; it is not taken for whole"
            if rows >= total:
                self.lacking += (
                    ", since some came twice (if the list is always like this, leave out total)"
                )


class ListReader:
    """Reads the mapping's `list` or `find`, page by page.

    Args:
        id_of: the id of a native record; None where it has none.

    Attributes:
        sizes: how many records each page of the last read held.
        nameless: the rows of the last read that have no id: what each holds, shortened, with
            where it stands.
    """

    def __init__(self, client: Client, spec: ListCall | FindCall, id_of: IdOf) -> None:
        self._client = client
        self._spec = spec
        self._id_of = id_of
        self._items = Expression.parse(spec.items)
        self._full_pages = FullPages()
        self.sizes: list[int] = []
        self.nameless: Mapping[str, str] = {}

    def read(
        self, request: PreparedRequest, page: Paging | None, values: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield the native records of every page. One that changes meanwhile may come again.

        Args:
            values: what the placeholders stand for.

        Raises RemoteError for a page that fails, and UnexpectedContent where the records that
        came are not the whole list.
        """
        received, before = _Received(), None
        for _ in range(_MOST_READS):
            reply = yield from self._read_once(request, page, values, received)
            if not received.lacking:
                return
            if received.ids == before:
                break  # nothing has moved: another read would bring the same
            before = received.ids
        raise reply.unexpected(received.lacking)

    def _read_once(
        self,
        request: PreparedRequest,
        page: Paging | None,
        values: Mapping[str, Any],
        received: _Received,
    ) -> Generator[dict[str, Any], None, Reply]:
        """Read from the start to the end, and return the last answer."""
        moves = page is not None and (page.number is not None or page.offset is not None)
        pager = make_pager(page, request, values, self._full_pages, self._client.link)
        asked = pager.first(request)
        reply = self._read_first(asked)
        received.begin()
        self.nameless = received.nameless
        self.sizes.clear()
        in_vain = 0
        while True:
            items = reply.list_at(self._items, null_is_empty=self._spec.items_missing == "empty")
            self.sizes.append(len(items))
            named = list(self._named(reply, items, received))
            ids = [cmms_id for cmms_id, _ in named]
            repeats = bool(ids) and received.ids.issuperset(ids)
            in_vain = in_vain + 1 if repeats or not ids else 0
            received.ids.update(ids)
            yield from received.news(ids, [item for _, item in named])
            following = pager.next(asked, reply, items)
            if following is None:
                break
            asked = following
            endless = in_vain > _MOST_IN_VAIN and bool(items)
            if endless or (repeats and not moves):
                raise reply.unexpected(_CIRCLES)
            if in_vain > _MOST_IN_VAIN and page and page.offset is None:
                raise reply.unexpected("has one empty page after another and no end")
            try:
                reply = self._client.read(asked)
            except (NotFound, Changed) as error:
                received.lacking = f"is followed by a page that is gone: {error}"
                return reply
        in_circles = repeats and self.sizes[-1] >= self.sizes[0]
        received.compare(pager.total, sum(self.sizes), in_circles)
        return reply

    def _read_first(self, asked: PreparedRequest) -> Reply:
        try:
            return self._client.read(asked)
        except NotFound as error:
            raise UnexpectedContent(
                f"{error}; is this the path of a list?", side=error.side, status=error.status,
                may_have_applied=False,
            ) from None  # fmt: skip

    def _named(
        self, reply: Reply, items: list[Any], received: _Received
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The records of a page with their ids; the other rows are kept as nameless."""
        for number, item in enumerate(items, start=1):
            cmms_id = self._id_of(item) if isinstance(item, dict) else None
            if cmms_id is None:
                received.name(item, reply.where, len(self.sizes), number)
            else:
                yield cmms_id, item
