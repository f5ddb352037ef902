"""Lists read whole, or not at all."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.cmms.rest.blocks import Page
from syncd.cmms.rest.calls import Prepared, filled, prepare
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.paging import Fills, make_pager
from syncd.cmms.rest.placeholders import fill, fill_text
from syncd.cmms.rest.replies import Reply
from syncd.cmms.rest.schema import Find, List, Since
from syncd.core.mapping.source import Expression
from syncd.core.mapping.times import TimeFormat
from syncd.errors import NotFound, Refused, UnexpectedContent

_FOLD = timedelta(hours=3)  # no zone sets its clocks back by more, or takes longer to do it
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)  # of a whole read: a day late, for every zone
_MOST_IN_VAIN = 3  # pages in a row that bring no record at all, while the list says it goes on

IdOf = Callable[[Any], str | None]


class Lists:
    """Walks one of the mapping's lists.

    Args:
        id_of: the id of a record, for the guard against a list that goes in circles.

    Attributes:
        sizes: how many records each page of the last walk held.
    """

    def __init__(self, client: Client, said: List | Find, id_of: IdOf) -> None:
        self._client = client
        self._said = said
        self._id_of = id_of
        self._items = Expression.parse(said.items)
        self._fills = Fills()
        self.sizes: list[int] = []

    def walk(
        self, request: Prepared, page: Page | None, values: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield the native records of every page.

        Raises RemoteError for a page that fails, and UnexpectedContent where a page brings
        nothing new.
        """
        pager = make_pager(page, request, values, self._fills, self._client.link)
        asked: Prepared | None = pager.first(request)
        met: set[str] = set()
        self.sizes.clear()
        in_vain = 0
        while asked is not None:
            reply = self._read(asked)
            items = self._records(reply)
            ids = [self._known_id(reply, item) for item in items]
            if items and met.issuperset(ids):
                raise reply.unexpected("is a page without a single new record; it goes in circles")
            in_vain = 0 if items else in_vain + 1
            met.update(ids)
            self.sizes.append(len(items))
            yield from items
            asked = pager.next(asked, reply, items)
            if asked is not None and in_vain > _MOST_IN_VAIN and page and page.offset is None:
                raise reply.unexpected("has one empty page after another and no end")

    def _read(self, asked: Prepared) -> Reply:
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


class SinceBound:
    """How a list is asked for what has changed.

    Args:
        form: how a moment is spelled; its zone is that of a naive one.
    """

    def __init__(self, said: Since, form: TimeFormat) -> None:
        self._said = said
        self._form = form

    def value(self, since: datetime | None) -> Any:
        """What stands for {since}; None: everything, at the very beginning."""
        if since is None:
            if self._said.everything is not None:
                return self._said.everything
            return self._form.write(_BEGINNING)
        asked = since - timedelta(seconds=self._said.overlap_s + self._said.resolution_s)
        return self._form.write(self._earliest(asked))

    def _earliest(self, moment: datetime) -> datetime:
        """The moment, or one early enough that its time of day is not later than any that a clock
        of this zone shows from then on: where clocks are set back, 02:40 comes before 02:10."""
        zone = self._form.zone
        if zone is None:
            return moment
        here = moment.astimezone(zone).utcoffset() or timedelta(0)
        later = (moment + _FOLD).astimezone(zone).utcoffset() or timedelta(0)
        return moment - max(here - later, timedelta(0))

    def add_to(self, request: Prepared, since: datetime) -> Prepared:
        said, values = self._said, {"since": self.value(since)}
        return request.merged(
            filled(said.query, values),
            {name: fill_text(text, values) for name, text in said.headers.items()},
            fill(said.json_, values),
            None if said.form is None else filled(said.form, values),
        )


class Listing:
    """The mapping's `list`."""

    def __init__(self, client: Client, said: List, since: SinceBound | None, id_of: IdOf) -> None:
        self._said = said
        self._since = since
        self._lists = Lists(client, said, id_of)

    @property
    def sizes(self) -> list[int]:
        """How many records each page of the last read held."""
        return self._lists.sizes

    def read(self, changed_since: datetime | None) -> Iterator[dict[str, Any]]:
        """The native records that changed, or all."""
        bound = self._since
        values = {} if bound is None else {"since": bound.value(changed_since)}
        request = prepare(self._said, values)
        if bound is not None and changed_since is not None:
            request = bound.add_to(request, changed_since)
        return self._lists.walk(request, self._said.page, values)


class Search:
    """The mapping's `find`: hits whose own id field says that they are ours."""

    def __init__(self, client: Client, said: Find, id_of: IdOf) -> None:
        self._said = said
        self._lists = Lists(client, said, id_of)

    def hits(self, s2e_id: str) -> list[dict[str, Any]] | None:
        """All that the search answers; None: it cannot ask for this id."""
        try:
            request = prepare(self._said, {"s2e_id": s2e_id})
        except Refused:
            return None
        return list(self._lists.walk(request, self._said.page, {"s2e_id": s2e_id}))

    def exact(self, s2e_id: str, hits: int, ours: int) -> None:
        """Raise UnexpectedContent where other records were answered, and none of ours: a filter
        that the CMMS does not know is passed over, and what it answers proves nothing."""
        if hits and not ours and self._said.page is None:
            raise UnexpectedContent(
                f"find: the search for {s2e_id} answered {hits} records, none of which carries it; "
                "make the filter exact, or give find a `page`, so that all of them are read",
                side="cmms",
                may_have_applied=False,
            )
