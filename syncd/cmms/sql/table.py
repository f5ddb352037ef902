"""A customer's table: whether it has what the mapping names, and values in and out of it."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CHAR,
    NCHAR,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.sqltypes import Date, DateTime, NullType, String
from sqlalchemy.types import TypeEngine, UserDefinedType

from syncd.cmms.mapping.section import nearest
from syncd.cmms.mapping.values.converters import Time
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.sql.mapping import SqlPart
from syncd.errors import UnexpectedContent


class AsIs(UserDefinedType[Any]):
    """A column whose values come and go as they stand: SQLite keeps what it is given."""

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_kw: Any) -> str:
        return self.spec


class MappedTable:
    """The table or view, as far as the mapping knows it. Made when the database is reached."""

    def __init__(self, conn: Connection, part: SqlPart, records: RecordMap) -> None:
        self._part = part
        self._records = records
        self._sqlite = conn.dialect.name == "sqlite"
        self.dialect = conn.dialect.name
        types = self._reflected(conn, part.columns)
        self._check_times(types)
        self.table = Table(
            part.table,
            MetaData(),
            *(
                Column(
                    name,
                    AsIs(str(kind) if not isinstance(kind, NullType) else "BLOB")
                    if self._sqlite
                    else kind,
                    primary_key=name == records.id.text,
                    nullable=True,
                )
                for name, kind in types.items()
            ),
            schema=part.schema,
        )
        self.types = types
        self.id = self.table.c[records.id.text]

    # ── what the database has ─────────────────────────────────────────────────────────────

    def _reflected(self, conn: Connection, lines: Mapping[str, str]) -> dict[str, TypeEngine[Any]]:
        try:
            found = inspect(conn).get_columns(self._part.table, schema=self._part.schema)
        except NoSuchTableError:
            raise self._unexpected(
                f"there is no table or view {self.name} ({self._part.where})"
            ) from None
        types: dict[str, TypeEngine[Any]] = {column["name"]: column["type"] for column in found}
        missing = [
            f"column {name} is not in {self.name} ({line}); {nearest(name, list(types))}"
            for name, line in lines.items()
            if name not in types
        ]
        if missing:
            raise self._unexpected("; ".join(missing))
        return {name: types[name] for name in lines}

    def _check_times(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        """A date and time of the database is read and written as one, and text as text."""
        wrong = []
        for name, form, line in self._times():
            kind = types[name]
            dated = isinstance(kind, DateTime | Date)
            naive = dated and not _has_zone(kind)
            if self._sqlite:
                if form.form == "timestamp" and form.zone is None:
                    wrong.append(f"{name}: SQLite keeps no zone; say which is meant ({line})")
            elif dated and form.form not in {"timestamp", "date"}:
                wrong.append(f"{name} is {kind}; say format: timestamp ({line})")
            elif form.form == "timestamp" and not dated:
                wrong.append(f"{name} is {kind}; say how it spells times, format: iso ({line})")
            elif form.form == "timestamp" and naive and form.zone is None:
                wrong.append(f"{name} is {kind} without a zone; say which is meant ({line})")
        if wrong:
            raise self._unexpected("; ".join(wrong))

    def _times(self) -> list[tuple[str, TimeFormat, str]]:
        records = self._records
        found = [
            (one.reads[0].text, one.convert.form, one.where)
            for one in records.fields.values()
            if isinstance(one.convert, Time)
        ]
        if records.updated_at is not None and records.stamp is not None:
            name = records.updated_at.text
            found.append((name, records.stamp.form, self._part.columns[name]))
        return found

    @property
    def name(self) -> str:
        return f"{self._part.schema}.{self._part.table}" if self._part.schema else self._part.table

    def _unexpected(self, what: str) -> UnexpectedContent:
        return UnexpectedContent(what, side="cmms", may_have_applied=False)

    # ── asking ────────────────────────────────────────────────────────────────────────────

    def select(self, *conditions: ColumnElement[bool], ours_only: bool = True) -> Select[Any]:
        """The rows that meet these conditions, of those that the mapping looks at."""
        asked = select(self.table).where(*conditions).order_by(self.id)
        if ours_only and self._part.condition is not None:
            # A colon would name a parameter.
            asked = asked.where(text("(" + self._part.condition.replace(":", "\\:") + ")"))
        return asked

    def has_id(self, cmms_id: str) -> ColumnElement[bool] | None:
        """The condition that a row has this id; None for what no id is spelled like."""
        kind = self.types[self._records.id.text]
        try:
            python = kind.python_type
        except NotImplementedError:
            python = str
        if issubclass(python, int | Decimal | float):
            return self.id == int(cmms_id) if _is_whole(cmms_id) else None
        if python is UUID:
            return self.id == UUID(cmms_id) if _is_uuid(cmms_id) else None
        return None if "\x00" in cmms_id else self.id == cmms_id

    def changed_since(self, since: datetime) -> ColumnElement[bool]:
        """Too many rather than too few: also rows of no time, and the hour that comes twice."""
        stamp, source = self._records.stamp, self._records.updated_at
        if stamp is None or source is None:
            raise ValueError("the mapping names no column of changes")
        column = self.table.c[source.text]
        native = stamp.form.write(since - stamp.form.grain)
        if isinstance(native, str) and stamp.form.form in {"iso", "iso_s"}:
            # ISO 8601 has many spellings; of all of them the day comes first.
            native = native[: len("2026-03-10")]
        bound = self.bound(source.text, native)
        return or_(column >= bound, column.is_(None))

    # ── values ────────────────────────────────────────────────────────────────────────────

    def bound(self, column: str, native: object) -> object:
        """A native value as this database's driver takes it for this column."""
        kind = self.types[column]
        if isinstance(native, datetime):
            naive = self._sqlite or not _has_zone(kind)
            here = native.replace(tzinfo=None) if naive else native
            if isinstance(kind, Date):
                return here.date()
            return here.isoformat(" ") if self._sqlite else here
        if isinstance(kind, Date) and isinstance(native, str) and not self._sqlite:
            return date.fromisoformat(native)
        if isinstance(native, Decimal) and (self._sqlite or isinstance(kind, String)):
            return format(native, "f")
        if isinstance(native, str):
            return native.replace("\x00", "")
        if isinstance(kind, String) and isinstance(native, int):
            return str(native)
        return native

    def native(self, row: Any) -> dict[str, object]:
        """A row as JSON can keep it, so that it reads alike later."""
        return {name: self._plain(name, value) for name, value in row._mapping.items()}

    def _plain(self, name: str, value: Any) -> object:
        """The blanks that fill up a column of fixed width are nobody's."""
        if isinstance(value, str) and isinstance(self.types.get(name), CHAR | NCHAR):
            return value.rstrip(" ")
        return plain(value)


def plain(value: Any) -> object:
    """A database's value as a JSON scalar."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value)
        return int(value) if whole else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": bytes(value).hex()}  # no text: its field cannot be read
    return str(value)


def _has_zone(kind: TypeEngine[Any]) -> bool:
    """Whether the column keeps the offset of its times; SQL Server's type does not say so."""
    return isinstance(kind, DateTime) and (kind.timezone or type(kind).__name__ == "DATETIMEOFFSET")


def _is_whole(told: str) -> bool:
    return told.removeprefix("-").isdecimal() and str(int(told)) == told and len(told) < 19


def _is_uuid(told: str) -> bool:
    try:
        return str(UUID(told)) == told
    except ValueError:
        return False
