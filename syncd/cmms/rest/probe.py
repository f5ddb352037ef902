"""What can be learned of a live CMMS by reading: it suggests lines for the mapping, and decides
nothing.

Each finding is a word that says how it stands ("ok", "look"), what it is about, and a text.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

from syncd.cmms.mapping.values.converters import Mapped
from syncd.cmms.mapping.values.paths import parse_path
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

MOST = 500  # records that are looked at
_WHOLE = 10  # of them, that are read by themselves where the list tells too little
_SKEW = timedelta(seconds=60)
_AHEAD = timedelta(minutes=5)  # a stamp that lies so far after the server's own clock
Finding = tuple[str, str, str]


class Probe:
    """One look at a CMMS.

    Args:
        find: the adapter's own search; None where it has none.
    """

    def __init__(
        self,
        told: RestMapping,
        record_map: RecordMap,
        client: Client,
        listing: ListQuery,
        records: RecordReader,
        find: Callable[[str], list[CmmsRecord]] | None,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._told = told
        self._map = record_map
        self._client = client
        self._listing = listing
        self._records = records
        self._find = find
        self._utcnow = utcnow

    def run(self) -> Iterator[Finding]:
        """Yield what was found. Raises RemoteError where the list cannot be read."""
        natives = list(islice(self._listing.read(None), MOST))
        more = " (more were not looked at)" if len(natives) == MOST else ""
        yield "ok", "list", f"{len(natives)} records read{more}"
        if not natives:
            yield "look", "list", "is empty: make a record in the CMMS, and probe again"
            return
        yield from self._pages()
        told = [self._records.record(native) for native in natives]
        yield from self._clock(told)
        yield self._order(told)
        yield from self._values(natives)
        yield from self._absent(natives)
        yield from self._unreadable(told)
        yield from self._whole(told[0])
        yield from self._search(told)
        yield from self._changes(told)

    def _pages(self) -> Iterator[Finding]:
        sizes = self._listing.sizes
        page = self._told.list_.page.chosen[1]
        asked = getattr(page, "size", None)
        yield "ok", "pages", f"{len(sizes)} pages of {', '.join(map(str, sizes[:5]))} records"
        if asked is not None and len(sizes) > 1 and max(sizes[:-1]) < asked:
            yield (
                "look",
                "pages",
                f"size says {asked}, and the CMMS sends at most {max(sizes)}: size: {max(sizes)}",
            )

    def _clock(self, told: list[CmmsRecord]) -> Iterator[Finding]:
        here = parse_http_date(self._client.clock)
        if here is None:
            yield "look", "clock", "the CMMS tells no Date; its clock cannot be compared"
            return
        skew = here - self._utcnow()
        state = "look" if abs(skew) > _SKEW else "ok"
        yield state, "clock", f"the CMMS's clock is {skew.total_seconds():+.0f} s from ours"
        stamps = [record.updated_at for record in told if record.updated_at is not None]
        if not stamps:
            yield "look", "updated_at", "no record has a time of change that can be read"
            return
        ahead = max(stamps) - here
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
        for name, field in self._map.fields.items():
            if not isinstance(field.convert, Mapped):
                continue
            table = field.convert.table
            seen = Counter(native_key(field.reads[0].take(native)) for native in natives)
            missing = {value: n for value, n in seen.items() if value and not table.read(value)}
            yield "ok", name.value, f"occurring: {_counted(seen)}"
            for value, number in sorted(missing.items()):
                text = f"{value!r} ({number} times) is not in maps.{table.name} ({table.where}): "
                text += f"add it, or {value}: {{read: …}} if it is never to be written"
                yield "look", name.value, text

    def _order(self, told: list[CmmsRecord]) -> Finding:
        found = _orders(told)
        if not found:
            return "ok", "order", "cannot be told"
        text = f"looks like {' or '.join(found)}"
        # Where nothing has ever been edited, the order of change is that of making, too.
        moves = found[-1] == "updated_at descending" or found == ["updated_at ascending"]
        if not moves or self._told.list_.page.chosen[0] not in {"number", "offset"}:
            return "ok", "order", text
        text += (
            ": by page or offset, one that is changed while the list is read moves to a page that "
            "was read before, or moves others there. Sort by the id, if the CMMS can; with a "
            "`total` it is noticed, and the list read again"
        )
        return "look", "order", text

    def _absent(self, natives: list[dict[str, Any]]) -> Iterator[Finding]:
        """What is mapped and in no record: misspelled, or never filled in."""
        if self._told.list_.then == "get":
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
                yield self._records.read(self._records.record(native).cmms_id).native

    def _unreadable(self, told: list[CmmsRecord]) -> Iterator[Finding]:
        for name in sorted(self._map.fields):
            if isinstance(self._map.fields[name].convert, Mapped):
                continue
            wrong = [
                record.fields[name]
                for record in told
                if isinstance(record.fields.get(name), Unreadable)
            ]
            if wrong and isinstance(wrong[0], Unreadable):
                text = f"{wrong[0].raw!r} {wrong[0].why} ({len(wrong)} of {len(told)})"
                yield "look", name.value, text

    def _whole(self, listed: CmmsRecord) -> Iterator[Finding]:
        """Whether a record that is read by itself says more than the list."""
        try:
            whole = self._records.read(listed.cmms_id).record
        except NotFound:
            yield "look", "get", f"{listed.cmms_id} is in the list, and cannot be read by its id"
            return
        more = [
            name.value
            for name, value in whole.fields.items()
            if value is not None and listed.fields.get(name) is None
        ]
        if more and self._told.list_.then == "item":
            yield "look", "get", f"only get tells {', '.join(more)}: list.then: get"
        else:
            yield "ok", "get", f"{listed.cmms_id} reads as it is listed"

    def _search(self, told: list[CmmsRecord]) -> Iterator[Finding]:
        carrying = next((record for record in told if record.s2e_id), None)
        if self._find is None or carrying is None or carrying.s2e_id is None:
            yield "ok", "find", "was not tried: no listed record carries a Scan2Evolve id"
            return
        found = [record.cmms_id for record in self._find(carrying.s2e_id)]
        right = found == [carrying.cmms_id]
        text = f"{carrying.s2e_id} finds {', '.join(found) or 'nothing'}"
        yield "ok" if right else "look", "find", text

    def _changes(self, told: list[CmmsRecord]) -> Iterator[Finding]:
        """Whether asking for changes narrows the list."""
        stamps = sorted(record.updated_at for record in told if record.updated_at is not None)
        if self._told.list_.since is None or len(stamps) < 2 or stamps[0] == stamps[-1]:
            yield "ok", "since", "was not tried"
            return
        newest = self._utcnow() + timedelta(days=1)
        late = len(list(islice(self._listing.read(newest), MOST)))
        all_there = len(list(islice(self._listing.read(stamps[0]), MOST))) >= len(stamps)
        if late:
            yield "look", "since", f"{late} records changed after tomorrow: it is not heeded"
        elif not all_there:
            yield "look", "since", "leaves out records that changed later: format, or zone?"
        else:
            yield "ok", "since", "narrows the list, and leaves out none"


def _orders(told: list[CmmsRecord]) -> list[str]:
    """Each order that the records may be in: `id ascending`."""
    orders: Mapping[str, list[Any]] = {
        "id": [_sortable(record.cmms_id) for record in told],
        "updated_at": [record.updated_at for record in told if record.updated_at is not None],
    }
    return [
        f"{name} {way}"
        for name, values in orders.items()
        for way, pairs in (("ascending", pairwise(values)), ("descending", pairwise(values[::-1])))
        if len(values) > 2 and _rising(pairs)
    ]


def _has(source: Source, native: dict[str, Any]) -> bool:
    """Whether the record has it, be it empty."""
    if source.take(native) is not None:
        return True
    inner: Any = native
    try:
        path = parse_path(source.text)
    except ValueError:
        return False  # an expression: what it finds is all there is
    for key in path:
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
