"""What the mapping's `list` and `find` ask the CMMS for."""

from collections.abc import Iterator, Mapping
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
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)  # {since} of a whole read; after 1970 in every zone


class SinceBound:
    """How a list is asked for what has changed.

    Args:
        form: how a moment is spelled; its zone is the one of a moment without an offset.
    """

    def __init__(self, spec: Since, form: TimeFormat) -> None:
        self._spec = spec
        self._form = form

    def value(self, since: datetime | None) -> Any:
        """What {since} stands for; `since` None: the very beginning, for a whole read."""
        if since is None:
            if self._spec.everything is not None:
                return self._spec.everything
            return self._form.write(_BEGINNING)
        asked = since - timedelta(seconds=self._spec.overlap_s + self._spec.resolution_s)
        return self._form.write(self._earliest(asked))

    def _earliest(self, moment: datetime) -> datetime:
        """The moment, or an earlier one where clocks are set back soon after it.

        At the end of summer time a clock shows 02:40 first and 02:10 later. A CMMS with local
        times that is asked for changes since 02:40 would leave the later 02:10 out.
        """
        zone = self._form.zone
        if zone is None:
            return moment
        here = moment.astimezone(zone).utcoffset() or timedelta(0)
        later = (moment + _FOLD).astimezone(zone).utcoffset() or timedelta(0)
        return moment - max(here - later, timedelta(0))

    def add_to(self, request: PreparedRequest, since: datetime) -> PreparedRequest:
        """The request for what has changed since then."""
        spec, values = self._spec, {"since": self.value(since)}
        return request.merged(
            filled(spec.query, values),
            {name: fill_text(text, values) for name, text in spec.headers.items()},
            fill(spec.json_, values),
            None if spec.form is None else filled(spec.form, values),
        )


class ListQuery:
    """The mapping's `list`.

    Args:
        since: how it asks for changes; None: every read is a whole one.
    """

    def __init__(
        self, client: Client, spec: ListCall, since: SinceBound | None, id_of: IdOf
    ) -> None:
        self._spec = spec
        self._since = since
        self._reader = ListReader(client, spec, id_of)

    @property
    def sizes(self) -> list[int]:
        """How many records each page of the last read held."""
        return self._reader.sizes

    @property
    def nameless(self) -> Mapping[str, str]:
        """The rows of the last read that have no id: what each holds, with where it stands."""
        return self._reader.nameless

    def read(self, changed_since: datetime | None) -> Iterator[dict[str, Any]]:
        """Yield the native records that have changed since then; None: all records."""
        bound = self._since
        values = {} if bound is None else {"since": bound.value(changed_since)}
        request = prepare(self._spec, values)
        if bound is not None and changed_since is not None:
            request = bound.add_to(request, changed_since)
        return self._reader.read(request, self._spec.page, values)


class FindQuery:
    """The mapping's `find`: a search for the record that carries a Scan2Evolve id."""

    def __init__(self, client: Client, spec: FindCall, id_of: IdOf) -> None:
        self._spec = spec
        self._reader = ListReader(client, spec, id_of)

    def hits(self, s2e_id: str) -> list[dict[str, Any]] | None:
        """All native records that the search answers; None: it cannot ask for this id.

        Raises UnexpectedContent for a hit without an id: it may be the record that we want.
        """
        try:
            request = prepare(self._spec, {"s2e_id": s2e_id})
        except Refused:
            return None
        records = list(self._reader.read(request, self._spec.page, {"s2e_id": s2e_id}))
        require_named(self._reader.nameless)
        return records

    def require_exact(self, s2e_id: str, hits: int, ours: int) -> None:
        """Raise UnexpectedContent where there are hits and none of them carries the id.

        A CMMS ignores a filter that it does not know, and answers its first page of records. That
        proves nothing about the record that we want.

        Args:
            hits: how many records the search answered.
            ours: how many of them carry the id.
        """
        if hits and not ours and self._spec.page is None:
            raise UnexpectedContent(
                f"find: the search for {s2e_id} answered {hits} records, none of which carries it; "
                "make the filter exact, or give find a `page`, so that all of them are read",
                side="cmms",
                may_have_applied=False,
            )


def require_named(nameless: Mapping[str, str]) -> None:
    """Raise UnexpectedContent where rows came that have no id."""
    for what, where in nameless.items():
        raise UnexpectedContent(
            f"{where}, among the records is one without an id, as fields.id reads it: {what}",
            side="cmms",
            status=200,  # it is an answer, and about this search alone
            may_have_applied=False,
        )
