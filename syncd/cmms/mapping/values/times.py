"""Times: instants as we keep them, and how a CMMS spells them.

A format is one of FORMATS, or a strptime pattern. A time that has no offset is read in the zone
of the mapping; where the mapping has no zone, it cannot be read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from syncd.core.values import canonical_time
from syncd.core.work_order import Unreadable

# Each format with how it is written and what is read; docs/reference/mapping.md shows these texts.
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "iso": "`2026-03-10T14:30:00.000Z`; any ISO 8601 time is read",
        "iso_s": "`2026-03-10T14:30:00Z`; any ISO 8601 time is read",
        "iso_offset": "`2026-03-10T15:30:00+01:00`, in the zone; any ISO 8601 time is read",
        "epoch_s": "seconds since 1970, as a number",
        "epoch_ms": "milliseconds since 1970, as a number",
        "odata": "`/Date(1773153000000)/`; an offset after it is read over",
        "date": "`2026-03-10`, which is midnight in the zone; the time of day is lost",
        "timestamp": "a date and time of a database; ISO 8601 text is read, too",
    }
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ODATA = re.compile(r"/Date\((-?\d{1,16})([+-]\d{1,4})?\)/")
_NUMBER = re.compile(r"-?\d{1,16}(\.\d+)?")
_NO_SUMMER = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z"}
_FOLD = timedelta(hours=2)  # no zone sets its clocks back by more
_GRAIN = {
    "iso": timedelta(milliseconds=1),
    "epoch_ms": timedelta(milliseconds=1),
    "odata": timedelta(milliseconds=1),
    "timestamp": timedelta(seconds=1),  # what some databases round to
    "date": timedelta(days=1, hours=2),
}

Native = str | int | float | datetime | date


def pattern_problem(form: str, zone: ZoneInfo | None) -> str | None:
    """Say why a format cannot be used; None if it can."""
    if form in FORMATS:
        if form == "date" and zone is None:
            return "a date needs a zone: midnight of which? An example: zone: Europe/Berlin"
        return None
    if "%" not in form:
        return f"is none of {', '.join(FORMATS)}, nor a pattern such as '%Y-%m-%d %H:%M:%S'"
    sample = datetime(2026, 11, 23, 14, 35, 47, tzinfo=UTC)
    try:
        read = datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007 - as the pattern has it
    except (ValueError, re.error) as error:
        return f"is no pattern that reads what it writes: {error}"
    if (read.year, read.month, read.day) != (2026, 11, 23):
        return "is a pattern without a whole date: it needs a year, a month and a day"
    if read.tzinfo is None and zone is None:
        return "has no offset (%z); say which zone is meant, for example zone: Europe/Berlin"
    return None


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How one field spells its times.

    Attributes:
        form: a name of FORMATS, or a strptime pattern.
        zone: the zone of dates, and of times without an offset.
        also: other formats that can be read; they are never written.
    """

    form: str
    zone: ZoneInfo | None = None
    also: Sequence[str] = ()

    @property
    def grain(self) -> timedelta:
        """How far the time that is read back may lie from the one that was written."""
        fold = timedelta(0) if self.zone is None or self.zone.key in _NO_SUMMER else _FOLD
        if "%" not in self.form:
            return _GRAIN.get(self.form, timedelta(seconds=1)) + fold
        codes = set(re.findall(r"%[-#]?([A-Za-z])", self.form))
        if codes & {"S", "X", "T", "c", "s"}:
            return timedelta(seconds=1) + fold
        if codes & {"M", "R"}:
            return timedelta(minutes=1) + fold
        return (timedelta(hours=1) if codes & {"H", "I"} else timedelta(days=1)) + fold

    def read(self, native: object) -> datetime | Unreadable | None:
        """The instant, in UTC.

        None: the value is empty. Unreadable: it is no time of any format, or has no zone.
        """
        if native is None or native == "":
            return None
        problem: Unreadable | None = None
        for form in (self.form, *self.also):
            moment = self._read_as(form, native)
            if not isinstance(moment, Unreadable):
                return moment
            problem = problem or moment
        return problem

    def _read_as(self, form: str, native: object) -> datetime | Unreadable:
        try:
            moment = _parse(form, native)
            if moment is None:
                return Unreadable(_shown(native), f"is no time of the format {form}")
            if moment.tzinfo is None:
                if self.zone is None:
                    return Unreadable(_shown(native), "has no offset, and the mapping no zone")
                moment = moment.replace(tzinfo=self.zone)
            return canonical_time(moment)
        except (ValueError, OverflowError):
            return Unreadable(_shown(native), f"is no time of the format {form}")

    def write(self, moment: datetime) -> Native:
        """Spell the instant; the part that the format has no room for is cut off."""
        here = moment.astimezone(self.zone or UTC)
        since = canonical_time(moment) - _EPOCH
        match self.form:
            case "iso":
                return _iso(moment, "milliseconds")
            case "iso_s":
                return _iso(moment, "seconds")
            case "iso_offset":
                return here.isoformat(timespec="seconds")
            case "epoch_s":
                return since // timedelta(seconds=1)
            case "epoch_ms":
                return since // timedelta(milliseconds=1)
            case "odata":
                return f"/Date({since // timedelta(milliseconds=1)})/"
            case "date":
                return here.date().isoformat()
            case "timestamp":
                return here
        return _zero_padded(here.strftime(self.form), here, self.form)


def _parse(form: str, native: object) -> datetime | None:
    if isinstance(native, datetime):
        return native
    if isinstance(native, date):
        return datetime.combine(native, time())
    if isinstance(native, bool):
        return None
    if form in {"epoch_s", "epoch_ms"}:
        if not _NUMBER.fullmatch(str(native).strip()):
            return None
        per_s = 1 if form == "epoch_s" else 1000
        return _EPOCH + timedelta(microseconds=round(float(str(native)) * 1_000_000 / per_s))
    if not isinstance(native, str):
        return None
    text = native.strip()
    if form == "odata":
        parts = _ODATA.fullmatch(text)
        return None if parts is None else _EPOCH + int(parts[1]) * timedelta(milliseconds=1)
    if "%" in form:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
    return datetime.fromisoformat(text)


def _iso(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _zero_padded(text: str, moment: datetime, form: str) -> str:
    """The text with a year of four digits: glibc writes 999 as it is, which strptime refuses."""
    if moment.year >= 1000 or "%Y" not in form:
        return text
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))


def _shown(native: object) -> str:
    return str(native)[:200]
