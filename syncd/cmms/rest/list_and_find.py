"""What the mapping's `list` and `find` ask for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.placeholders import fill, fill_text
from syncd.cmms.rest.read_list import IdOf, ListReader
from syncd.cmms.rest.request import PreparedRequest, filled, prepare
from syncd.cmms.rest.schema import FindCall, ListCall, Since
from syncd.errors import Refused, UnexpectedContent

_FOLD = timedelta(hours=3)  # no zone sets its clocks back by more, or takes longer to do it
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)  # of a whole read: a day late, for every zone


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

    def add_to(self, request: PreparedRequest, since: datetime) -> PreparedRequest:
        said, values = self._said, {"since": self.value(since)}
        return request.merged(
            filled(said.query, values),
            {name: fill_text(text, values) for name, text in said.headers.items()},
            fill(said.json_, values),
            None if said.form is None else filled(said.form, values),
        )


class ListQuery:
    """The mapping's `list`."""

    def __init__(
        self, client: Client, said: ListCall, since: SinceBound | None, id_of: IdOf
    ) -> None:
        self._said = said
        self._since = since
        self._lists = ListReader(client, said, id_of)

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


class FindQuery:
    """The mapping's `find`: hits whose own id field says that they are ours."""

    def __init__(self, client: Client, said: FindCall, id_of: IdOf) -> None:
        self._said = said
        self._lists = ListReader(client, said, id_of)

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
