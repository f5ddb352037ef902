"""The `sql` adapter: work orders in one table of a database, on any URL SQLAlchemy takes.

The embedded table `work_orders` is made by the first `run` or `once`. People change it with
plain SQL, so a change shows in its values and not in `updated_at`: every fetch reads all rows.
What spares a fetch is `version`: SQLite's file tells whether anybody has written to it, and
PostgreSQL digests the rows itself.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Identity,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.types import UserDefinedType

from syncd.cmms.load import AdapterContext
from syncd.cmms.port import AdapterBase, Capabilities
from syncd.cmms.sql.database import LOCK_TIMEOUT_S, Database
from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.equality import same
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Value,
    ValueKind,
    encode_value,
    format_time,
    kind_of,
    parse_value,
)
from syncd.errors import Changed, ConfigurationError, NotFound, Refused, UnexpectedContent

_CHUNK = 200  # rows held in memory at a time; their texts may be long
_MAX_ID = 2**63 - 1

# Their column to our field. assigned_to holds an e-mail address, else a name.
COLUMNS: Mapping[str, Field] = MappingProxyType(
    {
        "s2e_id": Field.S2E_ID,
        "title": Field.TITLE,
        "description": Field.DESCRIPTION,
        "priority": Field.PRIORITY,
        "status": Field.STATUS,
        "location": Field.LOCATION,
        "asset_code": Field.ASSET_CODE,
        "asset_name": Field.ASSET_NAME,
        "site_code": Field.SITE_CODE,
        "assigned_to": Field.ASSIGNED_TO,
        "due_at": Field.DUE_DATE,
        "estimated_hours": Field.ESTIMATED_HOURS,
        "started_at": Field.STARTED_AT,
        "completed_at": Field.COMPLETED_AT,
        "actual_hours": Field.ACTUAL_HOURS,
        "root_cause": Field.ROOT_CAUSE,
        "resolution": Field.RESOLUTION,
        "closure_note": Field.CLOSURE_NOTE,
    }
)
_COLUMN_OF = {name: column for column, name in COLUMNS.items()}
_WRITES = frozenset(COLUMNS.values())
_READS = _WRITES | {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS, Field.EXTERNAL_URL}
_NEVER_BLANK = frozenset({Field.S2E_ID, Field.TITLE, Field.STATUS, Field.PRIORITY})


class _AsIs(UserDefinedType[Any]):
    """A column whose values come and go as they stand.

    Hours are NUMERIC, so that people may sum them: SQLite lets text into such a column and
    PostgreSQL's knows NaN, and either parks the field instead of failing the row. They are
    written as text, which both turn into a number without passing through a float. No cast is
    sent along either, so that a table that people made themselves may hold TIMESTAMPTZ.
    """

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_kw: Any) -> str:
        return self.spec


def _column(name: str, field: Field) -> Column[Any]:
    spec = "NUMERIC" if kind_of(field) is ValueKind.HOURS else "TEXT"
    return Column(name, _AsIs(spec), unique=field is Field.S2E_ID)


work_orders = Table(
    "work_orders",
    MetaData(),
    Column("id", Integer, Identity(), primary_key=True),
    *(_column(name, field) for name, field in COLUMNS.items()),
    Column("url", _AsIs("TEXT")),
    Column("updated_at", _AsIs("TEXT")),
)


class SqlAdapter(AdapterBase):
    """The embedded CMMS. See the module text; errors as in `syncd.cmms.port`."""

    class Options(BaseModel):
        """SYNCD_CMMS_URL: the database that holds the table."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
        url: str | None = Option(None, repr=False)
        mapping: str | None = None

    name = "sql"
    verified = "live"
    capabilities = Capabilities(
        reads=_READS,
        writes=_WRITES,
        clears=_WRITES - _NEVER_BLANK,
        optimistic_lock=True,
    )

    def __init__(
        self, url: str, context: AdapterContext, *, lock_timeout_s: float = LOCK_TIMEOUT_S
    ) -> None:
        self._database = Database(url, may_write=context.may_write, lock_timeout_s=lock_timeout_s)
        self._context = context
        # Another process may read the same rows otherwise.
        self._made_at = context.utcnow().isoformat()
        self._known = False  # whether the table was met or made, with all its columns

    @classmethod
    def from_options(cls, options: "SqlAdapter.Options", context: AdapterContext) -> AdapterBase:
        """The adapter, by a mapping if one is named; nothing is opened yet.

        Raises ConfigurationError.
        """
        if options.url is None:
            raise ConfigurationError(
                "SYNCD_CMMS_URL is not set; the sql adapter needs it, for example sqlite:///cmms.db"
            )
        if options.mapping is not None:
            mapped = MappedSqlAdapter.Options(url=options.url, mapping=options.mapping)
            return MappedSqlAdapter.from_options(mapped, context)
        return cls(options.url, context)

    # ── the port ──────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Every record, whatever `changed_since`.

        In chunks by id, each a transaction of its own: none that was there all the while is
        missed, since its id does not change, and nobody's write waits for a slow reader.
        """
        if not self._exists():
            return
        last: int | None = None
        while True:
            statement = select(work_orders).order_by(work_orders.c.id).limit(_CHUNK)
            if last is not None:
                statement = statement.where(work_orders.c.id > last)
            with self._database.reading() as conn:
                rows = conn.execute(statement).all()
            for row in rows:
                yield _record(row)
            if len(rows) < _CHUNK:
                return
            last = rows[-1].id

    def version(self) -> str | None:
        """See `AdapterBase.version`; None on databases other than these two."""
        if not self._exists():
            return None
        told = self._database.file_version(self._context.utcnow().timestamp())
        if self._database.dialect == "postgresql":
            with self._database.reading() as conn:
                told = " ".join(str(value) for value in conn.execute(_DIGEST).one())
        return None if told is None else f"{self._made_at} {told}"

    def get(self, cmms_id: str) -> CmmsRecord:
        """One record by its id, spelled as we spell it. Raises NotFound."""
        here = _has_id(cmms_id)
        if here is not None and self._exists():
            with self._database.reading() as conn:
                found = _select(conn, here)
            if found:
                return found[0]
        raise _not_found(cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """The record with this Scan2Evolve id; several, where people's own table allows it."""
        if "\x00" in s2e_id or not self._exists():
            return []
        with self._database.reading() as conn:
            return _select(conn, work_orders.c.s2e_id == s2e_id)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Insert the record, or return the one there is.

        Where the database's own number is taken, since people insert numbers of their own, or
        their table gives none, the one after the highest is used.
        """
        self._exists()
        for numbered in (False, True):
            try:
                return self._insert(s2e_id, fields, numbered=numbered)
            except Refused:
                # Or somebody made the same record in the same moment: the next look finds it.
                pass
        return self._insert(s2e_id, fields, numbered=True)

    def _insert(self, s2e_id: str, fields: Fields, *, numbered: bool) -> CmmsRecord:
        with self._database.writing() as conn:
            for found in _select(conn, work_orders.c.s2e_id == s2e_id):
                return found
            values = self._values({**fields, Field.S2E_ID: s2e_id})
            if numbered:
                highest = conn.execute(select(func.max(work_orders.c.id))).scalar_one()
                values["id"] = (highest or 0) + 1
            made = conn.execute(insert(work_orders).values(**values)).inserted_primary_key
            return _select(conn, work_orders.c.id == (made[0] if made else None))[0]

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` if the record still holds `expected`, in one transaction.

        Compared are values, not their spelling. Raises Changed, NotFound, and Refused for None
        in a field that is never blank.
        """
        if not fields:
            return self.get(cmms_id)
        blank = [name for name in _NEVER_BLANK & fields.keys() if fields[name] is None]
        if blank:
            raise Refused(f"a work order is never without {', '.join(sorted(blank))}", side="cmms")
        here = _has_id(cmms_id)
        if here is None or not self._exists():
            raise _not_found(cmms_id)
        with self._database.writing() as conn:
            found = _select(conn, here, lock=True)
            if not found:
                raise _not_found(cmms_id)
            held = found[0].fields
            moved = [name for name in expected if not same(held.get(name), expected[name])]
            if moved:
                raise Changed(
                    f"work order {cmms_id} has another {', '.join(moved)} than we read",
                    side="cmms",
                )
            conn.execute(update(work_orders).where(here).values(**self._values(fields)))
            return _select(conn, here)[0]

    def check(self) -> str:
        """What `syncd check` says: the database, and how many records it holds."""
        where = self._database.where
        if not self._exists():
            return f"{where}: no table work_orders yet; the first run makes it"
        with self._database.reading() as conn:
            count = conn.execute(select(func.count()).select_from(work_orders)).scalar_one()
        return f"{where}: {count} records in work_orders"

    def close(self) -> None:
        self._database.close()

    # ── the table ─────────────────────────────────────────────────────────────────────────

    def _exists(self) -> bool:
        """Whether the table is there; who may write makes it. Raises if it lacks columns."""
        if self._known:
            return True
        if self._database.is_absent():
            if not self._context.may_write:
                return False
            self._database.make_file()
        with self._database.reading() as conn:
            found = inspect(conn)
            self._known = found.has_table(work_orders.name)
            if self._known:
                columns = {column["name"] for column in found.get_columns(work_orders.name)}
                self._require([column.name for column in work_orders.c], columns)
        if not self._known and self._context.may_write:
            with self._database.writing() as conn:
                work_orders.create(conn, checkfirst=True)
            self._known = True
        return self._known

    def _require(self, names: list[str], columns: set[str]) -> None:
        missing = [name for name in names if name not in columns]
        if missing:
            self._known = False
            raise UnexpectedContent(
                f"{self._database.where}: the table work_orders lacks {', '.join(missing)}; "
                "it is not the embedded CMMS's",
                side="cmms",
                may_have_applied=False,
            )

    def _values(self, fields: Fields) -> dict[str, Any]:
        values = {_COLUMN_OF[name]: _column_value(value) for name, value in fields.items()}
        return values | {"updated_at": format_time(self._context.utcnow())}


# Of every row as text: no row changes, comes or goes without another sum.
_DIGEST = text("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM work_orders AS t")


def _select(
    conn: Connection, condition: ColumnElement[bool], *, lock: bool = False
) -> list[CmmsRecord]:
    statement = select(work_orders).where(condition).order_by(work_orders.c.id)
    if lock:
        statement = statement.with_for_update()
    return [_record(row) for row in conn.execute(statement)]


def _has_id(cmms_id: str) -> ColumnElement[bool] | None:
    """The condition that a record has this id; None for what no record's id is spelled like."""
    try:
        number = int(cmms_id)
    except ValueError:
        return None
    if str(number) != cmms_id or abs(number) > _MAX_ID:
        return None
    return work_orders.c.id == literal(number, BigInteger)


def _column_value(value: Value) -> Any:
    encoded = encode_value(value)
    return encoded.replace("\x00", "") if isinstance(encoded, str) else encoded


def _record(row: Any) -> CmmsRecord:
    told = row._mapping
    fields: dict[Field, Value] = {
        name: parse_value(name, _told(name, told[column])) for column, name in COLUMNS.items()
    }
    fields[Field.EXTERNAL_ID] = str(told["id"])
    fields[Field.EXTERNAL_STATUS] = parse_value(Field.EXTERNAL_STATUS, told["status"])
    fields[Field.EXTERNAL_URL] = parse_value(Field.EXTERNAL_URL, told["url"])
    s2e_id = told["s2e_id"]
    return CmmsRecord(
        cmms_id=str(told["id"]),
        s2e_id=s2e_id if s2e_id and isinstance(s2e_id, str) else None,
        fields=fields,
        native={key: _plain(value) for key, value in told.items()},
    )


def _told(name: Field, value: Any) -> Any:
    """Text as it stands; around a number, a time or a status, white space means nothing."""
    return (
        value.strip() if isinstance(value, str) and kind_of(name) is not ValueKind.TEXT else value
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | None) else str(value)


def _not_found(cmms_id: str) -> NotFound:
    return NotFound(f"there is no work order {cmms_id} in the CMMS", side="cmms")
