"""Reading single values, and keeping them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.values import (
    canonical_time,
    decode_fields,
    decode_value,
    encode_fields,
    encode_value,
    format_time,
    parse_value,
    show_value,
)
from syncd.core.work_order import (
    CMMS_OWNED,
    S2E_OWNED,
    SHARED,
    Field,
    Priority,
    Side,
    Status,
    Unreadable,
    Value,
    ValueKind,
    kind_of,
)

fixed = settings(derandomize=True, deadline=None, max_examples=200)

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(
    min_value=datetime(2, 1, 1),  # the strategy's bounds have to be naive
    max_value=datetime(9998, 12, 31),  # the same
    timezones=OFFSETS,
)
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=0, max_value=10_000, places=2),
)
RAW = st.one_of(st.none(), st.booleans(), NUMBERS, TIMES, st.text(), st.lists(st.text()))


@fixed
@given(st.sampled_from(list(Field)), RAW)
def test_whatever_is_read_comes_back_from_the_mirror(name: Field, raw: object) -> None:
    value = parse_value(name, raw)
    stored = json.loads(json.dumps(encode_value(value)))
    assert decode_value(name, stored) == value


@fixed
@given(st.dictionaries(st.sampled_from(list(Field)), RAW))
def test_whole_observations_come_back_with_what_was_absent_still_absent(
    raw: dict[Field, object],
) -> None:
    fields = {name: parse_value(name, value) for name, value in raw.items()}
    assert decode_fields(json.loads(json.dumps(encode_fields(fields)))) == fields


@fixed
@given(st.sampled_from(list(Field)), RAW)
def test_a_value_is_of_its_fields_kind(name: Field, raw: object) -> None:
    allowed: dict[ValueKind, type] = {
        ValueKind.TEXT: str,
        ValueKind.HOURS: Decimal,
        ValueKind.TIME: datetime,
        ValueKind.STATUS: Status,
        ValueKind.PRIORITY: Priority,
    }
    value = parse_value(name, raw)
    assert value is None or isinstance(value, allowed[kind_of(name)] | Unreadable)


@fixed
@given(TIMES)
def test_times_are_instants_in_utc_cut_to_milliseconds(moment: datetime) -> None:
    value = parse_value(Field.DUE_DATE, moment.isoformat())
    assert isinstance(value, datetime)
    assert value.utcoffset() == timedelta(0)
    assert timedelta(0) <= moment - value < timedelta(milliseconds=1)
    assert value == canonical_time(value)


def test_a_time_is_spelled_as_the_api_spells_it() -> None:
    moment = datetime(2026, 3, 10, 15, 30, 0, 999, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(moment) == "2026-03-10T14:30:00.000Z"


@pytest.mark.parametrize(
    "raw",
    [
        "2026-03-10T14:30:00Z",
        "2026-03-10T14:30:00.000Z",
        "2026-03-10T14:30:00+00:00",
        "2026-03-10T15:30:00+01:00",
        "2026-03-10 14:30:00Z",
    ],
)
def test_one_instant_many_texts(raw: str) -> None:
    assert parse_value(Field.DUE_DATE, raw) == datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("2026-03-10T14:30:00", "offset"),
        ("2026-03-10", "offset"),
        (datetime(2026, 3, 10), "offset"),  # naive on purpose
        ("0001-01-01T00:00:00+14:00", "out of range"),
        ("9999-12-31T23:59:59-14:00", "out of range"),
        ("2026-02-30T00:00:00Z", "ISO 8601"),
        ("tomorrow", "ISO 8601"),
        (1773153000, "ISO 8601"),
        (True, "ISO 8601"),
        ({"date": "2026-03-10"}, "ISO 8601"),
    ],
)
def test_a_time_that_would_have_to_be_guessed_is_unreadable(raw: object, why: str) -> None:
    value = parse_value(Field.DUE_DATE, raw)
    assert isinstance(value, Unreadable)
    assert why in value.why


@pytest.mark.parametrize(
    ("raw", "hours"),
    [
        (4, "4"),
        (4.5, "4.5"),
        ("4.50", "4.5"),
        (Decimal("4.50"), "4.5"),
        (0, "0"),
        (-0.0, "0"),
        (0.1, "0.1"),
        ("1e2", "100"),
        (1e-9, "0.000000001"),
        (9_999_999_999, "9999999999"),
    ],
)
def test_hours(raw: object, hours: str) -> None:
    value = parse_value(Field.ACTUAL_HOURS, raw)
    assert value == Decimal(hours)
    assert encode_value(value) == hours


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (float("-inf"), "finite"),
        ("NaN", "finite"),
        (Decimal("sNaN"), "finite"),
        ("Infinity", "finite"),
        (-1, "negative"),
        (-0.01, "negative"),
        (1e300, "out of range"),
        (10**10, "out of range"),
        ("1e-10", "out of range"),
        (10**400, "out of range"),
        ("four", "not a number"),
        (True, "not a number"),
        ([4], "not a number"),
        ({"h": 4}, "not a number"),
    ],
)
def test_hours_that_are_none(raw: object, why: str) -> None:
    value = parse_value(Field.ACTUAL_HOURS, raw)
    assert isinstance(value, Unreadable)
    assert why in value.why


def test_hours_of_a_float_and_of_its_text_are_the_same() -> None:
    for text in ("0.1", "2.675", "7.25", "0.30000000000000004"):
        assert parse_value(Field.ACTUAL_HOURS, float(text)) == parse_value(Field.ACTUAL_HOURS, text)


@pytest.mark.parametrize("name", list(Field))
def test_null_and_empty_text_are_empty(name: Field) -> None:
    assert parse_value(name, None) is None
    assert parse_value(name, "") is None


@pytest.mark.parametrize("name", [Field.STATUS, Field.PRIORITY])
@pytest.mark.parametrize("raw", ["WEIRD", "draft", "low", " DRAFT", 5, 1.5, True, ["DRAFT"], {}])
def test_an_unknown_status_or_priority_is_unreadable(name: Field, raw: object) -> None:
    assert isinstance(parse_value(name, raw), Unreadable)


def test_statuses_and_priorities_are_read_as_such() -> None:
    assert all(parse_value(Field.STATUS, status.value) is status for status in Status)
    assert all(parse_value(Field.PRIORITY, one.value) is one for one in Priority)


@pytest.mark.parametrize(("raw", "text"), [(5, "5"), (1.5, "1.5"), (Decimal("2.50"), "2.50")])
def test_numbers_are_taken_for_text_where_text_is_meant(raw: object, text: str) -> None:
    assert parse_value(Field.EXTERNAL_ID, raw) == text


@pytest.mark.parametrize("raw", [True, ["a"], {"a": 1}])
def test_text_of_another_kind_is_unreadable(raw: object) -> None:
    assert isinstance(parse_value(Field.TITLE, raw), Unreadable)


def test_an_unreadable_value_keeps_a_bounded_part_of_what_came() -> None:
    value = parse_value(Field.TITLE, ["x" * 10_000])
    assert isinstance(value, Unreadable)
    assert 0 < len(value.raw) <= 200


def test_every_field_has_one_owner_class() -> None:
    assert set(Field) == S2E_OWNED | SHARED | CMMS_OWNED
    assert len(S2E_OWNED) + len(SHARED) + len(CMMS_OWNED) == len(Field)


def test_the_other_side() -> None:
    assert [side.other for side in Side] == [Side.CMMS, Side.S2E]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "(empty)"),
        (Decimal("4.50"), "4.50"),
        (Status.DRAFT, "DRAFT"),
        (Unreadable("WEIRD", "is odd"), "WEIRD"),
        ("a\n b", "a b"),
        ("x" * 61, "x" * 59 + "…"),
    ],
)
def test_values_are_shown_in_one_short_line(value: Value, shown: str) -> None:
    assert show_value(value) == shown
