"""Learn by reading a live CMMS whether its mapping is right, and suggest lines for it.

A finding is a state, a subject and a text. The state is "ok", or "look" where a person should look
at it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

from syncd.cmms.mapping.values.converters import Mapped
from syncd.cmms.mapping.values.paths import Entry, parse_path
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Source
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.list_and_find import ListQuery
from syncd.cmms.rest.read_record import RecordReader
from syncd.cmms.rest.schema import RestMapping
from syncd.core.budget import parse_http_date
from syncd.core.work_order import CmmsRecord, Unreadable
from syncd.errors import NotFound

MOST = 500  # records that are read
_WHOLE = 10  # of these are read again by their ids, where the list holds only a part of each
_SKEW = timedelta(seconds=60)
_AHEAD = timedelta(minutes=5)  # of the server's own clock; a later time of change is wrong
Finding = tuple[str, str, str]  # state, subject, text


class Probe:
    """One probe of a CMMS.

    Args:
        find: the adapter's own search; None where it has none.
    """

    def __init__(
        self,
        spec: RestMapping,
        record_map: RecordMap,
        client: Client,
        list_query: ListQuery,
        reader: RecordReader,
        find: Callable[[str], list[CmmsRecord]] | None,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._spec = spec
        self._map = record_map
        self._client = client
        self._list = list_query
        self._reader = reader
        self._find = find
        self._utcnow = utcnow

    def run(self) -> Iterator[Finding]:
        """Yield the findings. Raises RemoteError where the list cannot be read."""
        natives = list(islice(self._list.read(None), MOST))
        more = " (there are more)" if len(natives) == MOST else ""
        yield "ok", "list", f"{len(natives)} records read{more}"
        if not natives:
            yield "look", "list", "is empty: make a record in the CMMS, and probe again"
            return
        yield from self._pages()
        records = [self._reader.record(native) for native in natives]
        yield from self._clock(records)
        yield self._order(records)
        yield from self._values(natives)
        yield from self._absent(natives)
        yield from self._unreadable(records)
        yield from self._whole(records[0])
        yield from self._search(records)
        yield from self._changes(records)

    def _pages(self) -> Iterator[Finding]:
        """Whether the CMMS sends pages as large as the mapping says."""
        sizes = self._list.sizes
        page = self._spec.list_.page.chosen[1]
        asked = getattr(page, "size", None)
        yield "ok", "pages", f"{len(sizes)} pages of {', '.join(map(str, sizes[:5]))} records"
        if asked is not None and len(sizes) > 1 and max(sizes[:-1]) < asked:
            yield (
                "look",
                "pages",
                f"size is {asked}, but the CMMS sends at most {max(sizes)}: say size: {max(sizes)}",
            )

    def _clock(self, records: list[CmmsRecord]) -> Iterator[Finding]:
        """How far the CMMS's clock is from ours, and whether a change lies in its future."""
        clock = parse_http_date(self._client.clock)
        if clock is None:
            yield "look", "clock", "the CMMS sends no Date; its clock cannot be compared"
            return
        skew = clock - self._utcnow()
        state = "look" if abs(skew) > _SKEW else "ok"
        yield state, "clock", f"the CMMS's clock is {skew.total_seconds():+.0f} s from ours"
        stamps = [record.updated_at for record in records if record.updated_at is not None]
        if not stamps:
            yield "look", "updated_at", "no record has a time of change that can be read"
            return
        ahead = max(stamps) - clock
        if ahead > _AHEAD:
            hours = ahead.total_seconds() / 3600
            yield (
                "look",
                "updated_at",
                f"the newest change is {hours:.1f} h after the CMMS's own clock: is `zone` right?",
            )
        else:
            yield "ok", "updated_at", f"the newest change is of {max(stamps).isoformat()}"

    def _values(self, natives: list[dict[str, Any]]) -> Iterator[Finding]:
        """The native values of fields with a map, and those of them that the map does not hold."""
        for name, field in self._map.fields.items():
            if not isinstance(field.convert, Mapped):
                continue
            table = field.convert.table
            seen = Counter(native_key(field.reads[0].take(native)) for native in natives)
            missing = {value: n for value, n in seen.items() if value and not table.read(value)}
            yield "ok", name.value, f"the values are {_counted(seen)}"
            if missing and table.is_crosswalk:
                rows = "".join(f"\n    ,{value}," for value in sorted(missing))
                text = (
                    f"{len(missing)} values are not in {table.where}; rows to add and to fill in:"
                )
                yield "look", name.value, f"{text}{rows}"
                continue
            for value, number in sorted(missing.items()):
                text = f"{value!r} ({number} times) is not in maps.{table.name} ({table.where}): "
                text += f"add it, or {value}: {{read: …}} if it is never to be written"
                yield "look", name.value, text

    def _order(self, records: list[CmmsRecord]) -> Finding:
        """The order of the list, and whether records can move in it from page to page."""
        orders = _orders(records)
        if not orders:
            return "ok", "order", "is none that can be recognised"
        text = f"seems to be {' or '.join(orders)}"
        # Where nothing was ever edited, the order of changes is the order of ids, too.
        moves = orders[-1] == "updated_at descending" or orders == ["updated_at ascending"]
        if not moves or self._spec.list_.page.chosen[0] not in {"number", "offset"}:
            return "ok", "order", text
        text += (
            ": a record that is changed while the list is read by page or offset moves to a page "
            "that was read before, or moves others there. Sort by the id, if the CMMS can. With a "
            "`total` syncd notices it, and reads the list again"
        )
        return "look", "order", text

    def _absent(self, natives: list[dict[str, Any]]) -> Iterator[Finding]:
        """Mapped paths that no record has: they are misspelled, or never filled in."""
        if self._spec.list_.then == "get":
            natives = list(self._wholes(natives))
        for name, source in self._sources():
            if natives and not any(_has(source, native) for native in natives):
                text = f"{source.text} finds nothing in any of {len(natives)} records: is it there?"
                yield "look", name, text

    def _sources(self) -> Iterator[tuple[str, Source]]:
        for name, field in self._map.fields.items():
            yield from ((name.value, source) for source in field.reads)
        for key, own in (("updated_at", self._map.updated_at), ("address", self._map.address)):
            if own is not None:
                yield key, own

    def _wholes(self, natives: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for native in natives[:_WHOLE]:
            with suppress(NotFound):  # deleted since it was listed
                yield self._reader.read(self._reader.record(native).cmms_id).native

    def _unreadable(self, records: list[CmmsRecord]) -> Iterator[Finding]:
        """Fields whose native values cannot be read. Those with a map are in `_values`."""
        for name in sorted(self._map.fields):
            if isinstance(self._map.fields[name].convert, Mapped):
                continue
            wrong = [
                record.fields[name]
                for record in records
                if isinstance(record.fields.get(name), Unreadable)
            ]
            if wrong and isinstance(wrong[0], Unreadable):
                text = f"{wrong[0].raw!r} {wrong[0].why} ({len(wrong)} of {len(records)})"
                yield "look", name.value, text

    def _whole(self, listed: CmmsRecord) -> Iterator[Finding]:
        """Whether a record that is read by its id holds more than in the list."""
        try:
            whole = self._reader.read(listed.cmms_id).record
        except NotFound:
            yield "look", "get", f"{listed.cmms_id} is in the list, and cannot be read by its id"
            return
        more = [
            name.value
            for name, value in whole.fields.items()
            if value is not None and listed.fields.get(name) is None
        ]
        if more and self._spec.list_.then == "item":
            yield "look", "get", f"only get holds {', '.join(more)}: say list.then: get"
        else:
            yield "ok", "get", f"{listed.cmms_id} holds the same as in the list"

    def _search(self, records: list[CmmsRecord]) -> Iterator[Finding]:
        """Whether `find` finds a record by the id that it carries."""
        carrying = next((record for record in records if record.s2e_id), None)
        if self._find is None or carrying is None or carrying.s2e_id is None:
            yield "ok", "find", "was not tried: no listed record carries a Scan2Evolve id"
            return
        hits = [record.cmms_id for record in self._find(carrying.s2e_id)]
        right = hits == [carrying.cmms_id]
        text = f"{carrying.s2e_id} finds {', '.join(hits) or 'nothing'}"
        yield "ok" if right else "look", "find", text

    def _changes(self, records: list[CmmsRecord]) -> Iterator[Finding]:
        """Whether asking for changes narrows the list."""
        stamps = sorted(record.updated_at for record in records if record.updated_at is not None)
        if self._spec.list_.since is None or len(stamps) < 2 or stamps[0] == stamps[-1]:
            yield "ok", "since", "was not tried"
            return
        newest = self._utcnow() + timedelta(days=1)
        late = len(list(islice(self._list.read(newest), MOST)))
        all_there = len(list(islice(self._list.read(stamps[0]), MOST))) >= len(stamps)
        if late:
            yield "look", "since", f"{late} records changed after tomorrow: the CMMS ignores it"
        elif not all_there:
            yield "look", "since", "leaves out records that changed later: format, or zone?"
        else:
            yield "ok", "since", "narrows the list, and leaves out none"


def _orders(records: list[CmmsRecord]) -> list[str]:
    """The orders that the records are in, such as `id ascending`."""
    orders: Mapping[str, list[Any]] = {
        "id": [_sortable(record.cmms_id) for record in records],
        "updated_at": [record.updated_at for record in records if record.updated_at is not None],
    }
    return [
        f"{name} {way}"
        for name, values in orders.items()
        for way, pairs in (("ascending", pairwise(values)), ("descending", pairwise(values[::-1])))
        if len(values) > 2 and _rising(pairs)
    ]


def _has(source: Source, native: dict[str, Any]) -> bool:
    """Whether the record has this part, even if it is empty."""
    if source.take(native) is not None:
        return True
    inner: Any = native
    try:
        path = parse_path(source.text)
    except ValueError:
        return False  # it is an expression and no path
    for key in path:
        if isinstance(key, Entry):
            inner = key.of(inner)
            continue
        if not isinstance(inner, dict) or key not in inner:
            return False
        inner = inner[key]
    return True


def _rising(pairs: Iterable[tuple[Any, Any]]) -> bool:
    return all(one <= other for one, other in pairs)


def _sortable(cmms_id: str) -> tuple[int, str]:
    return (int(cmms_id), "") if cmms_id.isascii() and cmms_id.isdigit() else (-1, cmms_id)


def _counted(seen: Counter[str]) -> str:
    return ", ".join(f"{value or '(empty)'} {number}" for value, number in seen.most_common(20))
