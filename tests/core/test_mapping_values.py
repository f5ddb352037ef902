"""Value maps, hours, times, texts, markers and paths: both directions of single values."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.cmms.mapping.values.converters import COUNTS, Hours, HoursWithUnit, SplitTime, Text
from syncd.cmms.mapping.values.hours import UNITS, Decimals, read_hours, write_hours
from syncd.cmms.mapping.values.marker import id_in, tail_of, unmarked
from syncd.cmms.mapping.values.paths import clash, format_path, parse_path, put
from syncd.cmms.mapping.values.source import Column, Expression
from syncd.cmms.mapping.values.template import Template, encode_url
from syncd.cmms.mapping.values.times import FORMATS, TimeFormat, pattern_problem
from syncd.cmms.mapping.values.value_map import MapEntry, ValueMap, native_key
from syncd.core.fitting import utf16_units
from syncd.core.work_order import Field, Unreadable, Unwritable

BERLIN, NEPAL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
MOMENT = datetime(2026, 3, 10, 14, 30, 15, 250_000, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(
    lambda it: it.replace(microsecond=it.microsecond // 1000 * 1000)
)


# ── value maps ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, 1.0),
        (1, Decimal("1.00")),
        ("A ", "A"),
        (True, "true"),
        (None, ""),
        (-3, "-3"),
    ],
)
def test_native_values_are_told_by_their_text(one: object, other: object) -> None:
    assert native_key(one) == native_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1), (0, None), ("a", "A"), (1.5, 1), (float("inf"), float("-inf"))],
)
def test_native_values_that_differ_are_told_apart(one: object, other: object) -> None:
    assert native_key(one) != native_key(other)


def test_a_table_reads_the_first_and_stands_for_all_of_a_line() -> None:
    table, problems = ValueMap.make(
        "status",
        "x:1",
        [
            MapEntry("OPEN", ("ASSIGNED", "DRAFT"), True, "x:2"),
            MapEntry("SKIPPED", ("CANCELLED",), False, "x:3"),
        ],
    )
    assert problems == []
    found = table.read("OPEN")
    assert found is not None
    assert found.ours[0] == "ASSIGNED"
    assert table.writable() == {"ASSIGNED", "DRAFT"}
    assert table.write("CANCELLED") is None
    assert table.read("SKIPPED") is not None
    assert table.read("NEW") is None


def test_people_are_met_whatever_the_case_and_form_of_their_addresses() -> None:
    table, problems = ValueMap.make(
        "people", "x:1", [MapEntry("JANE@plant.example", ("Jos\u00e9@Example.com",), True, "x:2")]
    )
    assert problems == []
    written = table.write("jose\u0301@example.COM")
    assert written is not None
    assert written.native == "JANE@plant.example"
    assert table.read("jane@Plant.example") is not None
    assert table.read("JANE") is None


def test_other_native_values_keep_their_case() -> None:
    entries = [MapEntry("a", ("LOW",), True, "x:2"), MapEntry("A", ("HIGH",), True, "x:3")]
    table, problems = ValueMap.make("priority", "x:1", entries)
    assert problems == []
    assert [one.ours for text in "aA" if (one := table.read(text))] == [("LOW",), ("HIGH",)]


def test_one_line_may_name_all_spellings_of_an_address() -> None:
    """As people did while case made a difference."""
    entry = MapEntry("7", ("Jane@example.com", "jane@example.com"), True, "x:2")
    table, problems = ValueMap.make("people", "x:1", [entry])
    assert problems == []
    assert table.write("JANE@example.com") is entry


def test_two_addresses_of_theirs_that_are_one_are_both_named() -> None:
    entries = [
        MapEntry("Jos\u00e9@Plant.example", ("a@example.com",), True, "x:2"),
        MapEntry("jose\u0301@plant.example", ("b@example.com",), True, "x:3"),
    ]
    _, (problem,) = ValueMap.make("people", "x:1", entries)
    assert problem.what == (
        "'jose\u0301@plant.example' is 'Jos\u00e9@Plant.example' of x:2, but for case and "
        "Unicode form"
    )


def test_two_lines_of_one_person_contradict() -> None:
    entries = [
        MapEntry("7", ("Jane@example.com",), True, "x:2"),
        MapEntry("8", ("jane@example.com",), True, "x:3"),
    ]
    _, (problem,) = ValueMap.make("people", "x:1", entries)
    assert "would be written as 8 and as 7 (x:2)" in problem.what


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (MapEntry(1.0, ("LOW",), False, "x:3"), "stands in x:2 already"),
        (MapEntry(2, ("HIGH",), True, "x:3"), "written as 2 and as 1"),
    ],
)
def test_a_table_that_contradicts_itself_says_where(second: MapEntry, why: str) -> None:
    _, problems = ValueMap.make("p", "x:1", [MapEntry("1", ("HIGH",), True, "x:2"), second])
    assert [why in problem.what for problem in problems] == [True]


# ── hours ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("native", "unit", "hours"),
    [
        (4.5, "h", "4.5"),
        ("4.50", "h", "4.5"),
        (90, "min", "1.5"),
        ("90 ", "min", "1.5"),
        (31, "min", "0.5167"),
        (1, "s", "0.0003"),
        (3_600_001, "ms", "1.0000003"),
        ("4:30", "hh:mm", "4.5"),
        ("04:30:36", "hh:mm", "4.51"),
        ("120:00", "hh:mm", "120"),
        (time(4, 30), "hh:mm", "4.5"),
        ("1970-01-01 04:30:00", "glide", "4.5"),
        ("1970-01-03 00:00:00", "glide", "48"),
        (Decimal("0.0"), "min", "0"),
    ],
)
def test_hours_are_read(native: object, unit: str, hours: str) -> None:
    assert read_hours(native, unit) == Decimal(hours)


@pytest.mark.parametrize(
    ("native", "unit"),
    [
        ("4,5", "h"),
        (True, "min"),
        (-1, "s"),
        ("x", "min"),
        (float("nan"), "s"),
        (10**30, "min"),
        ("4.5", "hh:mm"),
        ("4:75", "hh:mm"),
        (4, "hh:mm"),
        ("1969-12-31 23:00:00", "glide"),
        ("1970-02-30 00:00:00", "glide"),
        (b"\x01", "min"),
    ],
)
def test_what_is_no_working_time_is_unreadable(native: object, unit: str) -> None:
    assert isinstance(read_hours(native, unit), Unreadable)


@pytest.mark.parametrize("unit", UNITS)
def test_empty_hours_are_empty(unit: str) -> None:
    assert read_hours("", unit) is None


@given(st.decimals(0, 5000, places=4), st.sampled_from([*UNITS]))
def test_hours_that_were_read_back_are_written_the_same(hours: Decimal, unit: str) -> None:
    native = write_hours(hours, unit)
    again = read_hours(native, unit)
    assert isinstance(again, Decimal)
    assert abs(again - hours) <= Decimal("0.0167") / 2
    assert write_hours(again, unit) == native


def test_a_quantity_is_read_in_the_unit_beside_it() -> None:
    both = HoursWithUnit({"H": "h", "MIN": "min"}, "MIN")
    assert both.read((2, "H")).value == Decimal(2)
    assert both.read((90, "MIN")).value == Decimal("1.5")
    assert both.read(("", "MIN")).value is None
    assert isinstance(both.read((90, "DAY")).value, Unreadable)
    assert both.write(Decimal("1.5")) == (90, "MIN")
    assert isinstance(both.write("1.5"), Unwritable)


def test_a_number_with_a_comma_is_read_and_written() -> None:
    comma = Hours("h", Decimals(",", 2))
    assert [comma.read((it,)).value for it in ("1,50", 1.5, "8", 2, "")] == [
        Decimal("1.5"), Decimal("1.5"), Decimal(8), Decimal(2), None,
    ]  # fmt: skip
    assert comma.write(Decimal("1.5")) == ("1,50",)
    assert comma.write(Decimal("0.125")) == ("0,12",)
    assert Hours("min", Decimals(",", 1)).write(Decimal("1.5")) == ("90,0",)
    assert Hours("h", Decimals(".")).write(Decimal(10)) == ("10",)
    for wrong in ("1.50", "1.234,5", "1,2,3", "x", "-1,0", True):
        assert isinstance(comma.read((wrong,)).value, Unreadable), wrong
    both = HoursWithUnit({"H": "h", "MIN": "min"}, "H", Decimals(","))
    assert both.read(("90,0", "MIN")).value == Decimal("1.5")
    assert both.write(Decimal("1.25")) == ("1,25", "H")


@given(st.decimals(0, 5000, places=4), st.sampled_from(["h", "min", "s"]), st.integers(0, 4))
def test_a_text_that_was_read_back_is_written_the_same(
    hours: Decimal, unit: str, places: int
) -> None:
    convert = Hours(unit, Decimals(",", places))
    native = convert.write(hours)
    assert not isinstance(native, Unwritable)
    again = convert.read(native).value
    assert isinstance(again, Decimal)
    assert convert.write(again) == native


# ── times ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "zone", "native"),
    [
        ("iso", None, "2026-03-10T14:30:15.250Z"),
        ("iso_s", None, "2026-03-10T14:30:15Z"),
        ("iso_offset", BERLIN, "2026-03-10T15:30:15+01:00"),
        ("epoch_s", None, 1773153015),
        ("epoch_ms", None, 1773153015250),
        ("odata", None, "/Date(1773153015250)/"),
        ("date", BERLIN, "2026-03-10"),
        ("%Y-%m-%d %H:%M:%S", BERLIN, "2026-03-10 15:30:15"),
        ("%d.%m.%Y %H:%M", NEPAL, "10.03.2026 20:15"),
    ],
)
def test_times_are_written(form: str, zone: ZoneInfo | None, native: object) -> None:
    told = TimeFormat(form, zone)
    assert pattern_problem(form, zone) is None
    assert told.write(MOMENT) == native
    again = told.read(native)
    assert isinstance(again, datetime)
    assert timedelta(0) <= MOMENT - again <= told.grain
    assert told.write(again) == native


@pytest.mark.parametrize(
    ("form", "native", "moment"),
    [
        ("iso", "2026-03-10T20:00:00+05:30", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("iso", "2026-03-10T15:30", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("iso", datetime(2026, 3, 10, 15, 30), datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("timestamp", "2026-03-10 15:30:00", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("timestamp", date(2026, 3, 10), datetime(2026, 3, 9, 23, tzinfo=UTC)),
        ("epoch_s", "1773153000", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("epoch_s", 1773153000.5, datetime(2026, 3, 10, 14, 30, 0, 500_000, tzinfo=UTC)),
        ("odata", "/Date(1773153000000+0100)/", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("date", "2026-03-10", datetime(2026, 3, 9, 23, tzinfo=UTC)),
        ("date", "2026-03-10T14:30:00Z", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_any_offset_and_in_the_zone_without(
    form: str, native: object, moment: datetime
) -> None:
    assert TimeFormat(form, BERLIN).read(native) == moment


@pytest.mark.parametrize(
    ("form", "native"),
    [
        ("iso", "tomorrow"),
        ("iso", 5),
        ("epoch_s", "1e9"),
        ("epoch_s", True),
        ("epoch_ms", 10**20),
        ("odata", "2026-03-10"),
        ("%Y-%m-%d", "2026-3"),
        ("iso", "0001-01-01T00:00:00+14:00"),
        ("timestamp", b"x"),
    ],
)
def test_what_is_no_time_is_unreadable(form: str, native: object) -> None:
    assert isinstance(TimeFormat(form, BERLIN).read(native), Unreadable)


def test_a_time_without_an_offset_needs_a_zone() -> None:
    found = TimeFormat("iso").read("2026-03-10T14:30:00")
    assert isinstance(found, Unreadable)
    assert "no offset, and the mapping no zone" in found.why


def test_other_formats_are_taken_when_reading() -> None:
    told = TimeFormat("%d.%m.%Y", BERLIN, ("iso", "%Y/%m/%d"))
    expected = datetime(2026, 3, 9, 23, tzinfo=UTC)
    assert [told.read(it) for it in ("10.03.2026", "2026-03-10", "2026/03/10")] == [expected] * 3


@pytest.mark.parametrize(
    ("form", "zone", "why"),
    [
        ("date", None, "needs a zone"),
        ("%Y-%m-%d", None, "no offset"),
        ("%H:%M", BERLIN, "without a whole date"),
        ("isoo", BERLIN, "is none of"),
        ("%Y-%Y-%m-%d", BERLIN, "no pattern"),
    ],
)
def test_a_format_that_cannot_be_used_says_why(form: str, zone: ZoneInfo | None, why: str) -> None:
    assert why in (pattern_problem(form, zone) or "")


@given(MOMENTS, st.sampled_from([*FORMATS, "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M"]))
def test_a_time_that_was_read_back_is_written_the_same(moment: datetime, form: str) -> None:
    told = TimeFormat(form, BERLIN)
    native = told.write(moment)
    again = told.read(native)
    assert isinstance(again, datetime)
    assert abs(moment - again) <= told.grain
    rewritten = told.write(again)
    if isinstance(native, datetime):
        assert isinstance(rewritten, datetime)
        assert rewritten.replace(tzinfo=None) == native.replace(tzinfo=None)
    else:
        assert rewritten == native


@pytest.mark.parametrize(
    ("clock", "hour"),
    [("14:30:00", 14), ("14:30", 14), ("PT14H30M00S", 14), (time(14, 30), 14), (None, 0), ("", 0)],
)
def test_a_date_and_a_time_beside_it_are_one_instant(clock: object, hour: int) -> None:
    both = SplitTime(TimeFormat("date", BERLIN))
    found = both.read(("2026-07-10", clock)).value
    assert isinstance(found, datetime)
    assert found.astimezone(BERLIN).hour == hour


def test_a_date_and_a_time_beside_it_are_written_in_the_zone() -> None:
    moment = datetime(2026, 7, 10, 12, 30, 5, tzinfo=UTC)
    form = TimeFormat("date", BERLIN)
    assert SplitTime(form).write(moment) == ("2026-07-10", "14:30:05")
    assert SplitTime(form, edm=True).write(moment) == ("2026-07-10", "PT14H30M05S")
    assert SplitTime(form).read((None, "14:30")).value is None
    for clock in ("25:00", 14, "PT99H"):
        assert isinstance(SplitTime(form).read(("2026-07-10", clock)).value, Unreadable)


# ── texts ─────────────────────────────────────────────────────────────────────────────────

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


@given(ANY_TEXT, st.integers(1, 200), st.sampled_from([*COUNTS]), st.booleans(), st.booleans())
def test_a_text_always_fits_and_its_tail_is_never_cut(
    text: str, most: int, count: str, html: bool, entities: bool
) -> None:
    convert = Text(Field.DESCRIPTION, html, most, count, entities=entities)
    done = convert.fitted(text)
    assert not isinstance(done, Unwritable)
    assert COUNTS[count](str(done[0])) <= most
    tail = tail_of(text, "wo_1")
    done = Text(Field.DESCRIPTION, html, most + 200, count, entities=entities).fitted(text, tail)
    assert not isinstance(done, Unwritable)
    assert id_in(str(Text(Field.DESCRIPTION, html, entities=entities).read(done).value)) == "wo_1"


def test_a_text_that_may_not_be_cut_is_a_misfit() -> None:
    done = Text(Field.TITLE, most=3, count="bytes", cuts=False).write("äö")
    assert done == Unwritable("text_too_long", "4 of at most 3 (bytes)")
    assert utf16_units("äö") == 2


@given(st.lists(st.text("ab \n", max_size=12), max_size=4).map("".join))
def test_a_marker_is_taken_out_as_it_was_put_in(text: str) -> None:
    marked = text + tail_of(text, "wo_1")
    assert id_in(marked) == "wo_1"
    assert (unmarked(marked) or "").rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "found", "left"),
    [
        (None, None, None),
        ("No line", None, "No line"),
        ("S2E: wo_1", "wo_1", None),
        ("S2E: wo/1%", "wo/1%", None),
        ("Copied\nS2E: wo_0\n\nS2E: wo_1", "wo_1", "Copied"),
        ("Before\nS2E: wo_1 \nafter", "wo_1", "Before\nafter"),
        ("see S2E: wo_1", None, "see S2E: wo_1"),
    ],
)
def test_markers(text: str | None, found: str | None, left: str | None) -> None:
    assert (id_in(text), unmarked(text)) == (found, left)


# ── paths, sources, templates ─────────────────────────────────────────────────────────────


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_what_is_put_at_a_path_is_found_there(keys: list[str]) -> None:
    path = tuple(keys)
    assert parse_path(format_path(path)) == path
    body: dict[str, object] = {}
    put(body, path, 7)
    assert Expression.at(path).take(body) == 7


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a.", "a[0]", "a b", '"a', "a.b[*].c"])
def test_a_path_that_cannot_be_written_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(text)


def test_paths_that_overwrite_each_other_are_found() -> None:
    assert clash([("a", "b"), ("c",), ("a",)]) == (("a",), ("a", "b"))
    assert clash([("a", "b"), ("a", "c"), ("ab",)]) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a[", "is no JMESPath expression"),
        ("sum(a)", "fails on an empty record"),
        ("nosuch(a)", "fails on an empty record: Unknown function"),
    ],
)
def test_an_expression_that_cannot_be_used_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.partition(":")[0]):
        Expression.parse(text)


def test_an_expression_that_fails_on_a_record_parks_its_field() -> None:
    found = Expression.parse("sum(a || `[]`)").take({"a": ["x"]})
    assert isinstance(found, Unreadable)
    assert "sum(a" in found.why


def test_a_column_that_was_not_asked_for_tells_nothing() -> None:
    assert Column("a").take({"a": None}) is None
    assert Column("b").take({"a": None}) is not None


def test_a_template_fills_what_it_knows_and_nothing_else() -> None:
    told = Template.parse('{"x": "{id}", "y": "{child.sys_id}"}', frozenset({"id", "child"}))
    assert told.names == {"id", "child.sys_id"}
    assert told.fill({"id": "a b", "child.sys_id": "c"}, encode_url) == '{"x": "a%20b", "y": "c"}'
    with pytest.raises(ValueError, match=r"\{idd\}, which is not filled in here; there is \{id\}"):
        Template.parse("{idd}", frozenset({"id"}))
