"""A whole record by a mapping, both ways; and the laws that a mapping has to keep."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from syncd.cmms.mapping.values.converters import Converter, Hours, Mapped, Same, Text, Time
from syncd.cmms.mapping.values.hours import Decimals
from syncd.cmms.mapping.values.laws import broken_laws, samples
from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.mapping.values.record_map import FieldMap, RecordMap
from syncd.cmms.mapping.values.source import Column, Expression, Source
from syncd.cmms.mapping.values.template import Template
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.mapping.values.value_map import MapEntry, ValueMap
from syncd.core.equality import Match, match_sent, stands_for
from syncd.core.work_order import CmmsRecord, Field, Priority, Status, Unreadable, Unwritable, Value
from tests.core.builders import make_policy

BERLIN = ZoneInfo("Europe/Berlin")


def at(name: Field, path: str, convert: Converter, **more: object) -> FieldMap:
    where = f"x.yaml:{len(path)}"
    told = parse_path(path)
    made: Callable[..., FieldMap] = FieldMap
    return made(name, where, (Expression.at(told),), convert, (told,), **more)


def records(*fields: FieldMap, **more: object) -> RecordMap:
    made: Callable[..., RecordMap] = RecordMap
    return made({it.field: it for it in fields}, Expression.parse("id"), where="x.yaml:1", **more)


def table(**lines: str) -> ValueMap:
    entries = [
        MapEntry(native, tuple(ours.split()), True, f"x.yaml:{number}")
        for number, (native, ours) in enumerate(lines.items(), 50)
    ]
    made, problems = ValueMap.make("status", "x.yaml:49", entries)
    assert problems == []
    return made


TITLE = at(Field.TITLE, "name", Text(Field.TITLE, most=20))
NOTE = at(Field.DESCRIPTION, "long.text", Text(Field.DESCRIPTION), clears=True, empty="")
STATUS = at(
    Field.STATUS, "st", Mapped(Field.STATUS, table(NEW="ASSIGNED DRAFT", WIP="IN_PROGRESS"))
)
HOURS = at(Field.ACTUAL_HOURS, "mins", Hours("min"), clears=True, absent=(0,))


# ── reading ───────────────────────────────────────────────────────────────────────────────


def test_a_record_is_read_in_our_words() -> None:
    told = records(TITLE, NOTE, STATUS, HOURS).read(
        {"id": 7, "name": "Pump", "long": {"text": "Oil"}, "st": "NEW", "mins": 90}
    )
    assert told.cmms_id == "7"
    assert told.fields == {
        Field.TITLE: "Pump",
        Field.DESCRIPTION: "Oil",
        Field.STATUS: Status.ASSIGNED,
        Field.ACTUAL_HOURS: Decimal("1.5"),
        Field.EXTERNAL_ID: "7",
    }
    assert told.equivalents == {Field.STATUS: {"ASSIGNED", "DRAFT"}}


def test_what_a_document_leaves_out_is_empty_and_what_a_row_leaves_out_is_unknown() -> None:
    assert records(TITLE).read({"id": 1}).fields[Field.TITLE] is None
    column = FieldMap(Field.TITLE, "x:1", (Column("name"),), Text(Field.TITLE))
    assert Field.TITLE not in records(column).read({"id": 1}).fields


@pytest.mark.parametrize(
    ("native", "cmms_id"),
    [(0, "0"), ("a b", "a b"), (7.0, "7"), ("", None), (None, None), (True, None), ({}, None)],
)
def test_an_id_is_text_or_a_number(native: object, cmms_id: str | None) -> None:
    assert records(TITLE).read({"id": native}).cmms_id == cmms_id


@pytest.mark.parametrize(
    ("kind", "absent", "native", "value"),
    [
        (HOURS.convert, (0,), "0", None),
        (HOURS.convert, (0,), False, Unreadable("False", "is not a number")),
        (HOURS.convert, (False,), False, None),
        (TITLE.convert, (0,), "0", "0"),
        (TITLE.convert, (False,), "false", "false"),
        (TITLE.convert, (False,), False, None),
        (TITLE.convert, ("-",), "-", None),
    ],
)
def test_what_is_absent_is_told_by_its_kind(
    kind: Converter, absent: tuple[object, ...], native: object, value: Value
) -> None:
    name = Field.ACTUAL_HOURS if isinstance(kind, Hours) else Field.TITLE
    one = at(name, "x", kind, absent=absent)
    assert records(one).read({"id": 1, "x": native}).fields[name] == value


def test_an_empty_native_is_empty_unless_the_table_has_a_line_for_it() -> None:
    bare = Mapped(Field.STATUS, table(NEW="ASSIGNED"))
    assert bare.read((None,)).value is None
    assert bare.read(("",)).value is None
    assert isinstance(bare.read(({"x": 1},)).value, Unreadable)
    lined, _ = ValueMap.make("s", "x:1", [MapEntry(None, ("DRAFT",), True, "x:2")])
    one = at(Field.STATUS, "st", Mapped(Field.STATUS, lined))
    assert records(one).read({"id": 1}).fields[Field.STATUS] is Status.DRAFT
    assert records(one).write({Field.STATUS: Status.DRAFT}) != []


def test_a_link_for_people_is_filled_and_encoded() -> None:
    url = Template.parse("https://x/{id}?a={address}", frozenset({"id", "address"}))
    made = records(TITLE, url=url, address=Expression.parse("href"))
    told = made.read({"id": "a/1", "href": "/r/1"})
    assert told.fields[Field.EXTERNAL_URL] == "https://x/a%2F1?a=%2Fr%2F1"
    assert told.address == "/r/1"
    assert Field.EXTERNAL_URL in made.reads


# ── writing ───────────────────────────────────────────────────────────────────────────────


def test_fields_are_written_at_their_paths() -> None:
    done = records(TITLE, NOTE, HOURS).write(
        {Field.TITLE: "x" * 30, Field.DESCRIPTION: None, Field.ACTUAL_HOURS: Decimal("0.51")}
    )
    assert not isinstance(done, Unwritable)
    assert [(it.path, it.native) for it in done] == [
        (("name",), "x" * 19 + "…"),
        (("long", "text"), ""),
        (("mins",), 31),
    ]


@pytest.mark.parametrize(
    ("value", "reason", "text"),
    [
        (
            {Field.STATUS: Status.ON_HOLD},
            "unmapped",
            (
                r"status 'ON_HOLD' cannot be written: nothing in maps.\w+ \(the map: x.yaml:?\d*\) "
                r"is written for it \(the field: x.yaml:\d+\)"
            ),
        ),
        ({Field.TITLE: None}, "cannot_clear", r"title '\(empty\)' cannot be written"),
        ({Field.TITLE: Unreadable("?", "is odd")}, "unreadable", "title '\\?' cannot be written"),
        ({Field.LOCATION: "Hall 3"}, "read_only", "location is not written by this mapping"),
    ],
)
def test_what_cannot_be_written_names_field_value_and_line(
    value: dict[Field, Value], reason: str, text: str
) -> None:
    done = records(TITLE, STATUS).write(value)
    assert isinstance(done, Unwritable)
    assert done.reason == reason
    assert re.search(text, done.detail)


def test_a_marker_travels_in_its_text_and_is_no_part_of_it() -> None:
    made = records(NOTE, marker=Field.DESCRIPTION)
    assert Field.S2E_ID in made.reads & made.writes
    done = made.write({Field.S2E_ID: "wo_1", Field.DESCRIPTION: "Oil"})
    assert not isinstance(done, Unwritable)
    assert [it.native for it in done] == ["Oil\n\nS2E: wo_1"]
    told = made.read({"id": 1, "long": {"text": done[0].native}})
    assert (told.s2e_id, told.fields[Field.DESCRIPTION]) == ("wo_1", "Oil")


def test_a_text_keeps_the_marker_that_its_record_carries() -> None:
    made = records(NOTE, marker=Field.DESCRIPTION)
    held = {Field.S2E_ID: "wo_1", Field.DESCRIPTION: "Oil"}
    for fields, native in (
        ({Field.DESCRIPTION: "Water"}, "Water\n\nS2E: wo_1"),
        ({Field.DESCRIPTION: None}, "S2E: wo_1"),
        ({Field.S2E_ID: "wo_2"}, "Oil\n\nS2E: wo_2"),
    ):
        assert made.needs_record(fields)
        done = made.write(fields, held)
        assert not isinstance(done, Unwritable)
        assert [it.native for it in done] == [native]
    assert not made.needs_record({Field.TITLE: "x"})


# ── reading back ──────────────────────────────────────────────────────────────────────────


def test_what_our_own_writing_makes_of_a_value_confirms_it() -> None:
    """A date keeps no hour, and lies on another day in UTC: still it is what was sent."""
    due = at(Field.DUE_DATE, "due", Time(TimeFormat("date", BERLIN)))
    made = records(due, TITLE)
    sent: dict[Field, Value] = {
        Field.DUE_DATE: datetime(2026, 3, 10, 14, 30, tzinfo=UTC),
        Field.TITLE: "A title that is a little long",
    }
    native = {"id": 1, "due": "2026-03-10", "name": "A title that is a l…"}
    told = made.read(native)
    record = CmmsRecord("1", None, told.fields, native, told.equivalents)
    seen = made.recognised(record, sent)
    for name, value in sent.items():
        match = match_sent(name, value, seen.fields[name], seen, make_policy())
        assert match is Match.EQUIVALENT
    assert not stands_for("x", frozenset())


def test_somebodys_edit_is_not_taken_for_our_own_writing() -> None:
    record = CmmsRecord("1", None, {Field.TITLE: "Another title"})
    made = records(TITLE)
    assert made.recognised(record, {Field.TITLE: "A title that is a little long"}) == record


# ── laws ──────────────────────────────────────────────────────────────────────────────────


class Odd(Text):
    """Breaks what it is given, each time anew."""

    def fitted(self, text: str, tail: str = "") -> tuple[object, ...]:
        return (f"{text}!",)


class Rounding(Decimals):
    """Loses more than it says."""

    def write(self, native: object) -> str:
        return super().write(Decimal(str(native)) // 1)


def test_a_mapping_that_keeps_the_laws_breaks_none() -> None:
    html = at(Field.RESOLUTION, "html", Text(Field.RESOLUTION, html=True, most=400), clears=True)
    day = at(Field.DUE_DATE, "day", Time(TimeFormat("date", BERLIN)))
    local = at(Field.COMPLETED_AT, "end", Time(TimeFormat("%Y-%m-%d %H:%M", BERLIN)))
    other = at(Field.PRIORITY, "prio", Same(Field.PRIORITY))
    comma = at(
        Field.ESTIMATED_HOURS, "plan", Hours("h", Decimals(",", 1)), absent=("0,0",), clears=True,
        empty="0,0",
    )  # fmt: skip
    assert broken_laws(records(TITLE, NOTE, STATUS, HOURS, html, day, local, other, comma)) == []


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            at(Field.RESOLUTION, "note", Odd(Field.RESOLUTION)),
            "x.yaml:4: fields.resolution: .*reads",
        ),
        (
            at(Field.RESOLUTION, "n", Text(Field.RESOLUTION), clears=True, empty="-"),
            "empty is written as '-', which reads back as '-'; add it to absent",
        ),
        (
            FieldMap(
                Field.RESOLUTION,
                "x.yaml:9",
                (Expression.parse("other"),),
                Text(Field.RESOLUTION),
                (("note",),),
            ),
            r"x.yaml:9: fields.resolution: .* reads back as '\(empty\)'",
        ),
        (
            at(Field.COMPLETED_AT, "t", Time(TimeFormat("%d.%m.%y %H:%M:%S", BERLIN, ("iso",)))),
            None,
        ),
        (
            at(Field.ACTUAL_HOURS, "h", Hours("h", Rounding(",", 1))),
            r"fields.actual_hours: '0.25' is written as '0,0' and reads back as '0'",
        ),
        (
            at(Field.ACTUAL_HOURS, "h", Hours("h"), absent=("4.5",)),
            r"fields.actual_hours: '4.5' is written as .* reads back as '\(empty\)'",
        ),
    ],
)
def test_a_broken_law_is_named_with_line_field_and_value(one: FieldMap, text: str | None) -> None:
    found = broken_laws(records(one))
    if text is None:
        assert found == []
    else:
        assert [bool(re.search(text, line)) for line in found] == [True]


def test_a_table_that_swings_is_named() -> None:
    """X is read as DONE, DONE is written as Y, and Y is read as something else."""

    class Crooked(ValueMap):
        def read(self, native: object) -> MapEntry | None:
            found = super().read(native)
            return super().read("B") if native == "A" else found

    entries = [
        MapEntry("A", ("COMPLETED",), True, "x.yaml:50"),
        MapEntry("B", ("CANCELLED",), True, "x.yaml:51"),
    ]
    made, _ = Crooked.make("status", "x.yaml:49", entries)
    assert isinstance(made, Crooked)
    found = broken_laws(records(at(Field.STATUS, "st", Mapped(Field.STATUS, made))))
    assert any("'COMPLETED' is written as 'A' and reads back as 'CANCELLED'" in it for it in found)


def test_the_samples_are_many_and_always_the_same() -> None:
    for name in Field:
        assert samples(name) == samples(name)
    assert len(samples(Field.DESCRIPTION)) > 150
    assert len(samples(Field.ACTUAL_HOURS)) > 150
    assert len(samples(Field.DUE_DATE)) > 150
    assert set(samples(Field.STATUS)) == set(Status)
    assert set(samples(Field.PRIORITY)) == set(Priority)


def test_sources_show_how_they_are_spelled() -> None:
    sources: list[Source] = [Column("a"), Expression.parse("a.b")]
    assert [source.text for source in sources] == ["a", "a.b"]
