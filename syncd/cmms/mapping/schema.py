"""The keys that every mapping has: head, `times`, fields by their kind, lines of maps.

What the values mean, and whether the keys go together, is checked in `fields` and `maps`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from syncd.cmms.mapping.blocks import (
    Flag,
    FullText,
    Keys,
    Number,
    Plain,
    Scalars,
    Text,
    Texts,
    Whole,
    as_text,
)

Verified = Annotated[Literal["live", "spec", "docs", "none"], BeforeValidator(as_text)]


class KindKeys(Keys):
    mapping: FullText = Field(description="kind and version", examples=["rest/1"])


class Head(Keys):
    name: FullText = Field(description="what it is called in messages", examples=["acme"])
    verified: Verified = Field("none", description="how far it was tried")
    index_lag_s: Number = Field(0.0, ge=0, description="how long a search may miss a new record")
    read_lag_s: Number = Field(0.0, ge=0, description="how long a read may miss a write")


class RecordKeys(Keys):
    """What a record is; its parts are blocks of their own."""

    times: Any = Field(None, description="format and zone of times")
    fields: dict[str, Any] = Field(
        description="where each field is", examples=["{title: {at: name}}"]
    )
    maps: dict[str, Any] = Field({}, description="tables of their values and ours")
    url: Text | None = Field(None, description="a record's page, for people")


class TimesKeys(Keys):
    format: Text | None = Field(None, description="a name of FORMATS, or a strptime pattern")
    zone: Text | None = Field(None, description="an IANA name")


# ── places that are only read ─────────────────────────────────────────────────────────────


class AtKeys(Keys):
    at: Text = Field(description="a dotted path, or a column")


class ReadKeys(Keys):
    """Where there is no `at`."""

    read: Text = Field(description="JMESPath, or a column", examples=["id"])


class StampAtKeys(AtKeys, TimesKeys):
    also: Texts = Field((), description="other formats that are read")


class StampReadKeys(TimesKeys):
    """Where there is no `at`."""

    read: Text = Field(description="JMESPath, or a column", examples=["updatedAt"])
    also: Texts = Field((), description="other formats that are read")


# ── fields ────────────────────────────────────────────────────────────────────────────────


class MarkerKeys(Keys):
    marker: Text = Field(description="the text field that carries the Scan2Evolve id")


class FieldKeys(Keys):
    """The keys of a field of any kind."""

    at: Text | None = Field(None, description="a dotted path, or a column: read and written")
    read: Text | None = Field(None, description="JMESPath, or a column")
    write: Text | None = Field(None, description="a dotted path, or a column")
    once: Flag = Field(False, description="written when a record is created, and never again")
    clears: Flag | None = Field(None, description="whether it can be set to empty")
    empty: Plain = Field(None, description="what is written for empty")
    absent: Scalars = Field((), description="native values that mean empty")


class TextKeys(FieldKeys):
    max: Whole | None = Field(None, ge=1, description="the longest text")
    count: Annotated[Literal["utf16", "chars", "bytes"] | None, BeforeValidator(as_text)] = Field(
        None, description="how its length is counted; default: utf16"
    )
    overflow: Annotated[Literal["truncate", "park"] | None, BeforeValidator(as_text)] = Field(
        None, description="what happens to a longer one; default: truncate"
    )
    html: Flag = Field(False, description="the CMMS keeps it as HTML")
    entities: Flag = Field(False, description="the CMMS keeps &, < and > as numeric entities")


class MappedKeys(FieldKeys):
    map: Text | None = Field(None, description="the table in maps")
    missing: Text | None = Field(
        None,
        description="what becomes of a value that the table has not; park (default); blank: the "
        "field stays empty; or one of our values that the table has, in its place",
    )


class HoursKeys(FieldKeys):
    unit: Text | None = Field(None, description="a name of UNITS; with unit_at: one of units")
    decimal: Annotated[Literal[",", "."] | None, BeforeValidator(as_text)] = Field(
        None, description="the decimal sign of a number that is kept as text"
    )
    decimals: Whole | None = Field(None, ge=0, le=6, description="so many are always written")


class HoursWithUnitKeys(HoursKeys):
    unit_at: Text = Field(description="where the unit of the quantity is")
    units: dict[str, Text | None] = Field(
        description="their names of units, with ours", examples=["{H: h, MIN: min}"]
    )


class SplitKeys(Keys):
    date: Text = Field(description="where the date is", examples=["due_date"])
    time: Text = Field(description="where the time of day is", examples=["due_time"])
    edm: Flag = Field(False, description="the time of day is written as PT14H30M00S")
    read_only: Flag = Field(False, description="it is never written")


class TimeKeys(FieldKeys, TimesKeys):
    also: Texts = Field((), description="other formats that are read")
    split: SplitKeys | None = Field(None, description="a date and a time of day beside it")


# ── maps ──────────────────────────────────────────────────────────────────────────────────


class ReadOnlyLine(Keys):
    read: Any = Field(description="our value, or a list of them", examples=["CANCELLED"])
