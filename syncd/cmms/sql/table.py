"""A customer's table: whether it has the mapping's columns, its statements, and its values."""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CHAR,
    NCHAR,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Numeric,
    Select,
    Table,
    false,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.sqltypes import Date, DateTime, NullType, String
from sqlalchemy.types import TypeEngine

from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.values.converters import Time
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.sql.database import AsIs
from syncd.cmms.sql.file import SqlPart
from syncd.errors import UnexpectedContent

_MOST_DIGITS = 1000  # of a number that is read; Python makes no text of one beyond 4300
_WHOLE = re.compile(r"-?[0-9]{1,1000}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,1000}(\.[0-9]{1,1000})?", re.ASCII)


class MappedTable:
    """The table or view, with the columns that the mapping names.

    It is made when the database is first reached. Raises UnexpectedContent if the table or a column
    does not exist, or if a column cannot hold what the mapping says.
    """

    def __init__(self, conn: Connection, part: SqlPart, records: RecordMap) -> None:
        self._part = part
        self._records = records
        self._sqlite = conn.dialect.name == "sqlite"
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
            columns = inspect(conn).get_columns(self._part.table, schema=self._part.schema)
        except NoSuchTableError:
            raise self._unexpected(
                f"there is no table or view {self.name} ({self._part.where})"
            ) from None
        types: dict[str, TypeEngine[Any]] = {column["name"]: column["type"] for column in columns}
        missing = [
            f"column {name} is not in {self.name} ({line}); {nearest(name, list(types))}"
            for name, line in lines.items()
            if name not in types
        ]
        if missing:
            raise self._unexpected("; ".join(missing))
        return {name: types[name] for name in lines}

    def _check_times(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        """Refuse a format that is not for its column: `timestamp` is for dates, others for text."""
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
        """The columns that hold times, each with its format and its line in the mapping."""
        records = self._records
        times = [
            (one.reads[0].text, one.convert.form, one.where)
            for one in records.fields.values()
            if isinstance(one.convert, Time)
        ]
        if records.updated_at is not None and records.stamp is not None:
            name = records.updated_at.text
            times.append((name, records.stamp.form, self._part.columns[name]))
        return times

    @property
    def name(self) -> str:
        """Schema and name, for people."""
        return f"{self._part.schema}.{self._part.table}" if self._part.schema else self._part.table

    def _unexpected(self, what: str) -> UnexpectedContent:
        return UnexpectedContent(what, side="cmms", may_have_applied=False)

    # ── statements ────────────────────────────────────────────────────────────────────────────

    def select(self, *conditions: ColumnElement[bool], ours_only: bool = True) -> Select[Any]:
        """Select the rows that meet these conditions, by their ids.

        Args:
            ours_only: leave out the rows that the mapping's `where` excludes.
        """
        statement = select(self.table).where(*conditions).order_by(self.id)
        if ours_only and self._part.condition is not None:
            # Without the backslash, a colon would begin the name of a parameter.
            condition = "(" + self._part.condition.replace(":", "\\:") + ")"
            statement = statement.where(text(condition))
        return statement

    def without_id(self, conn: Connection) -> int:
        """How many of our rows have no id."""
        rows = self.select(self.id.is_(None)).order_by(None).subquery()
        count: int = conn.execute(select(func.count()).select_from(rows)).scalar_one()
        return count

    def has_id(self, cmms_id: str) -> ColumnElement[bool] | None:
        """The condition that a row has this id; None if no id is spelled like that.

        It may hold for an id that is spelled otherwise: 007 equals the number 7, and many databases
        take a for A. Who asks has to compare the row's own id.
        """
        kind = self.types[self._records.id.text]
        if "\x00" in cmms_id:
            return None
        if self._sqlite:
            # It turns the text into a number, by the column's type; without a type it does not.
            whole = _WHOLE.fullmatch(cmms_id) is not None and abs(int(cmms_id)) < 2**63
            typeless = or_(self.id == cmms_id, self.id == int(cmms_id) if whole else false())
            return typeless if isinstance(kind, NullType) else self.id == cmms_id
        try:
            python = kind.python_type
        except NotImplementedError:
            python = str
        if issubclass(python, int | Decimal | float):
            return self._is_number(cmms_id, whole=isinstance(kind, Integer))
        if python is UUID:
            return self.id == UUID(cmms_id) if _is_uuid(cmms_id) else None
        return self.id == cmms_id

    def _is_number(self, cmms_id: str, *, whole: bool) -> ColumnElement[bool] | None:
        if not (_WHOLE if whole else _DECIMAL).fullmatch(cmms_id):
            return None
        if not whole:
            return self.id == literal(Decimal(cmms_id), Numeric())
        number = int(cmms_id)
        return self.id == literal(number, BigInteger()) if -(2**63) <= number < 2**63 else None

    def changed_since(self, since: datetime) -> ColumnElement[bool]:
        """The condition that a row was changed at or after this time.

        It takes too many rows rather than too few: those without a time, too, and in autumn those
        of the hour that comes twice.
        """
        stamp, source = self._records.stamp, self._records.updated_at
        if stamp is None or source is None:
            raise ValueError("the mapping names no column of changes")
        column = self.table.c[source.text]
        native = stamp.form.write(since - stamp.form.grain)
        if isinstance(native, str) and stamp.form.form in {"iso", "iso_s"}:
            # ISO 8601 has many spellings; all of them begin with the day.
            native = native[: len("2026-03-10")]
        bound = self.bound(source.text, native)
        return or_(column >= bound, column.is_(None))

    @property
    def dates_changes(self) -> bool:
        """Whether the time of change is a date of the database, which no mapping can misspell."""
        source = self._records.updated_at
        dated = source is not None and isinstance(self.types[source.text], DateTime | Date)
        return dated and not self._sqlite

    # ── values ────────────────────────────────────────────────────────────────────────────

    def bound(self, column: str, native: object) -> object:
        """The native value as the driver expects it for this column."""
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
        """The row as native values that JSON can keep without a change of meaning."""
        return {name: self._plain(name, value) for name, value in row._mapping.items()}

    def _plain(self, name: str, value: Any) -> object:
        # A column of fixed width fills its values up with blanks.
        if isinstance(value, str) and isinstance(self.types.get(name), CHAR | NCHAR):
            return value.rstrip(" ")
        return plain(value)


def plain(value: Any) -> object:
    """A database's value as JSON can keep it."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float | Decimal):
        if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > _MOST_DIGITS:
            return {"no_number": f"a number of {value.adjusted() + 1} digits"}
        whole = math.isfinite(value) and value == int(value)
        return int(Decimal(str(value))) if whole else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": bytes(value).hex()}  # an object: no field can be read from it
    return str(value)


def _has_zone(kind: TypeEngine[Any]) -> bool:
    """Whether the column keeps the offset of its times.

    SQLAlchemy's type for SQL Server's DATETIMEOFFSET does not say so.
    """
    return isinstance(kind, DateTime) and (kind.timezone or type(kind).__name__ == "DATETIMEOFFSET")


def _is_uuid(cmms_id: str) -> bool:
    try:
        return str(UUID(cmms_id)) == cmms_id
    except ValueError:
        return False
