"""A whole record: its native values read as our fields, and our fields written as native values.

A field that was read is a value, None (the record has none there) or Unreadable. A field is left
out where the record was read without it. Writing gives the path of each native value, or an
Unwritable that names the field, the value and the line of the mapping.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.cmms.mapping.values.converters import (
    BLANK,
    Converter,
    Mapped,
    Meaning,
    Natives,
    Text,
    Time,
)
from syncd.cmms.mapping.values.marker import id_in, tail_of, unmarked
from syncd.cmms.mapping.values.paths import Path
from syncd.cmms.mapping.values.source import MISSING, Source
from syncd.cmms.mapping.values.template import Template, encode_url
from syncd.cmms.mapping.values.value_map import ValueMap, native_key
from syncd.core.equality import same
from syncd.core.values import encode_value, show_value
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Unreadable,
    Unwritable,
    Value,
    ValueKind,
    kind_of,
)

NEVER_BLANK = frozenset({Field.S2E_ID, Field.TITLE, Field.STATUS, Field.PRIORITY})


@dataclass(frozen=True, slots=True)
class Assignment:
    """One native value and the path it goes to."""

    field: Field
    path: Path
    native: object


@dataclass(frozen=True, slots=True)
class FieldMap:
    """How one field is read and written.

    Attributes:
        where: file and line in the mapping, for people.
        reads: where its native values are read from.
        writes: the paths they are written to, as many as `reads`; none: the field is read only.
        round_trip: whether it is read from the same paths that it is written to.
        once: it is written when the record is created, and never again.
        clears: whether it can be set to empty, by writing `empty`.
        empty: the native value that is written for empty.
        absent: native values that mean that the field is empty.
    """

    field: Field
    where: str
    reads: tuple[Source, ...]
    convert: Converter
    writes: tuple[Path, ...] = ()
    round_trip: bool = True
    once: bool = False
    clears: bool = False
    empty: object = None
    absent: tuple[object, ...] = ()

    def read(self, native: Mapping[str, object]) -> Meaning | None:
        """The field in this record; None if the record was read without it."""
        natives = tuple(source.take(native) for source in self.reads)
        if natives[0] is MISSING:
            return None
        return self.meaning(natives)

    def meaning(self, natives: Natives) -> Meaning:
        """What these native values mean."""
        first = natives[0]
        for native in natives:
            if isinstance(native, Unreadable):
                return Meaning(native)
        if self.absent and self._is_absent(first):
            return Meaning(None)
        if first is None and not isinstance(self.convert, Mapped):
            return Meaning(None)
        return self.convert.read(natives)

    def _is_absent(self, native: object) -> bool:
        """Whether `absent` has this value.

        In a field of text, "0" is a word and not the number 0; in others, a number may come as
        text.
        """
        exact = kind_of(self.field) is ValueKind.TEXT
        return any(
            native_key(native) == native_key(it)
            and isinstance(native, bool) == isinstance(it, bool)
            and (not exact or isinstance(native, str) == isinstance(it, str))
            for it in self.absent
        )

    def natives(self, value: Value) -> Natives | Unwritable:
        """The native values that are written for this value."""
        if isinstance(value, Unreadable):
            return self._unwritable(value, Unwritable("unreadable", value.why))
        if value is None:
            if not self.clears:
                return self._unwritable(value, Unwritable("cannot_clear", "it cannot be cleared"))
            return (self.empty,) * len(self.writes)
        natives = self.convert.write(value)
        if isinstance(natives, Unwritable) and self._leaves_blank:
            return (self.empty,) * len(self.writes)
        return self._unwritable(value, natives) if isinstance(natives, Unwritable) else natives

    @property
    def _leaves_blank(self) -> bool:
        """Whether a value that its table has not is empty in the CMMS."""
        return isinstance(self.convert, Mapped) and self.convert.missing == BLANK

    def fitted(self, text: str, tail: str) -> Natives | Unwritable:
        """The native value of a text with a tail; if both do not fit, the text is cut."""
        if not isinstance(self.convert, Text):
            raise TypeError(f"{self.where}: a marker needs a text")
        natives = self.convert.fitted(text, tail)
        return self._unwritable(text, natives) if isinstance(natives, Unwritable) else natives

    def settled(self, value: Value) -> Meaning | None:
        """What the value reads back as, once written; None if it cannot be written."""
        natives = self.natives(value)
        return None if isinstance(natives, Unwritable) else self.meaning(natives)

    def _unwritable(self, value: Value, why: Unwritable) -> Unwritable:
        """The same reason, with the field, the value and the line."""
        text = f"{self.field} {show_value(value)!r} cannot be written: {why.detail}"
        return Unwritable(why.reason, f"{text} (the field: {self.where})")


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """A native record in our words.

    Attributes:
        cmms_id: the record's id; None if it has none that can be read.
        address: what {address} stands for in requests.
        equivalents: for a field whose native value stands for several of ours: all of these.
        updated_at: the record's time of change; Unreadable if it cannot be read.
    """

    cmms_id: str | None
    address: str | None
    s2e_id: str | None
    fields: dict[Field, Value]
    equivalents: dict[Field, frozenset[str]]
    updated_at: datetime | Unreadable | None


@dataclass(frozen=True, slots=True)
class RecordMap:
    """A mapping, compiled.

    Attributes:
        id: where the record's id is read from.
        address: where {address} is read from, if it differs from the id.
        updated_at: where the record's time of change is read from.
        stamp: how that time is spelled.
        marker: the text field that carries the Scan2Evolve id as a line of its own.
        url: the record's page, for people.
        where: file and line of `fields`, for people.
    """

    fields: Mapping[Field, FieldMap]
    id: Source
    address: Source | None = None
    updated_at: Source | None = None
    stamp: Time | None = None
    marker: Field | None = None
    url: Template | None = None
    where: str = ""

    def tables(self) -> list[tuple[FieldMap, ValueMap]]:
        """The fields that a table translates, each with its table."""
        return [
            (one, one.convert.table)
            for one in self.fields.values()
            if isinstance(one.convert, Mapped)
        ]

    @property
    def reads(self) -> frozenset[Field]:
        """The fields that can be read."""
        more = {Field.EXTERNAL_ID} | ({Field.EXTERNAL_URL} if self.url else set())
        return frozenset(self.fields) | more | ({Field.S2E_ID} if self.marker else set())

    @property
    def writes(self) -> frozenset[Field]:
        """The fields that can be written, some of them only when a record is created."""
        own = {name for name, it in self.fields.items() if it.writes}
        return frozenset(own | ({Field.S2E_ID} if self.marker in own else set()))

    @property
    def writes_once(self) -> frozenset[Field]:
        """The fields that are written only when a record is created."""
        return frozenset(name for name, it in self.fields.items() if it.once)

    @property
    def clears(self) -> frozenset[Field]:
        """The fields that can be set to empty."""
        return frozenset(name for name, it in self.fields.items() if it.writes and it.clears)

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def read(self, native: Mapping[str, object]) -> ParsedRecord:
        """Read a native record."""
        fields: dict[Field, Value] = {}
        equivalents: dict[Field, frozenset[str]] = {}
        for name, one in self.fields.items():
            meaning = one.read(native)
            if meaning is None:
                continue
            fields[name] = meaning.value
            if meaning.equivalents:
                equivalents[name] = meaning.equivalents
        if self.marker in fields:
            self._take_marker_out(fields)
        cmms_id, address = _id_text(self.id, native), _id_text(self.address, native)
        s2e_id = fields.get(Field.S2E_ID)
        if cmms_id is not None:
            fields.setdefault(Field.EXTERNAL_ID, cmms_id)
            if self.url is not None:
                names = {"id": cmms_id, "address": address or cmms_id}
                fields[Field.EXTERNAL_URL] = self.url.fill(names, encode_url)
        stamp = None
        if self.updated_at is not None and self.stamp is not None:
            taken = self.updated_at.take(native)
            stamp = None if taken is MISSING else self.stamp.form.read(taken)
        return ParsedRecord(
            cmms_id=cmms_id,
            address=address,
            s2e_id=s2e_id if isinstance(s2e_id, str) else None,
            fields=fields,
            equivalents=equivalents,
            updated_at=stamp,
        )

    def _take_marker_out(self, fields: dict[Field, Value]) -> None:
        """Make the marker's line a field of its own: it is no part of people's text."""
        if self.marker is None:
            return
        text = fields[self.marker]
        if isinstance(text, Unreadable):
            fields[Field.S2E_ID] = text
        elif text is None or isinstance(text, str):
            fields[self.marker] = unmarked(text)
            fields[Field.S2E_ID] = id_in(text)

    # ── writing ───────────────────────────────────────────────────────────────────────────

    def needs_record(self, fields: Collection[Field]) -> bool:
        """Whether `write` needs `held` for these fields.

        It does where only one of the marker and its text is written: in the record they are one.
        """
        host = self.marker
        return host is not None and (host in fields) != (Field.S2E_ID in fields)

    def write(self, fields: Fields, held: Fields | None = None) -> list[Assignment] | Unwritable:
        """The native values of these fields with their paths, or the first one that is unwritable.

        Args:
            held: what the record holds, if `needs_record(fields)`.
        """
        assigned: list[Assignment] = []
        for name, value in self._with_marker(fields, held or {}).items():
            one = self.fields.get(name)
            if one is None or not one.writes:
                return Unwritable(
                    "read_only", f"{name} is not written by this mapping ({self.where})"
                )
            natives = self._natives(one, value, fields, held or {})
            if isinstance(natives, Unwritable):
                return natives
            assigned += [
                Assignment(name, path, native)
                for path, native in zip(one.writes, natives, strict=True)
            ]
        return assigned

    def _with_marker(self, fields: Fields, held: Fields) -> dict[Field, Value]:
        """The fields as they are written: the Scan2Evolve id goes with the text that carries it."""
        host = self.marker
        if host is None or not {host, Field.S2E_ID} & set(fields):
            return dict(fields)
        written = dict(fields)
        written.pop(Field.S2E_ID, None)
        written.setdefault(host, held.get(host))
        return written

    def _natives(
        self, one: FieldMap, value: Value, fields: Fields, held: Fields
    ) -> Natives | Unwritable:
        if one.field is not self.marker:
            return one.natives(value)
        s2e_id = fields.get(Field.S2E_ID, held.get(Field.S2E_ID))
        if not isinstance(s2e_id, str) or isinstance(value, Unreadable):
            return one.natives(value)
        text = unmarked(str(value)) or "" if value else ""
        return one.fitted(text, tail_of(text, s2e_id))

    # ── reading back ──────────────────────────────────────────────────────────────────────

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """What the value reads back as, once written, or why it cannot be written.

        The value itself, if the mapping does not write the field.
        """
        one = self.fields.get(name)
        if one is None or value is None or not one.writes:
            return value
        natives = one.natives(value)
        return natives if isinstance(natives, Unwritable) else one.meaning(natives).value

    def recognised(self, record: CmmsRecord, sent: Fields) -> CmmsRecord:
        """The record, with each sent value as an equivalent where it shows what we made of it.

        A text that we cut to fit, hours in whole minutes, or the date of a time then count as the
        value that was sent.
        """
        equivalents = dict(record.equivalents)
        for name, value in sent.items():
            one, seen = self.fields.get(name), record.fields.get(name)
            if one is None or value is None or same(seen, value) or name not in record.fields:
                continue
            wanted = one.settled(value)
            if wanted is not None and same(seen, wanted.value):
                known = equivalents.get(name, frozenset())
                equivalents[name] = known | {str(encode_value(value))}
        return replace(record, equivalents=equivalents)


def _id_text(source: Source | None, native: Mapping[str, object]) -> str | None:
    taken = source.take(native) if source is not None else None
    if isinstance(taken, bool) or not isinstance(taken, str | int | float) or taken == "":
        return None
    return native_key(taken) if not isinstance(taken, str) else taken
