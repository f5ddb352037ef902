"""The `sql` adapter: work orders in one table of a database, on any URL SQLAlchemy takes.

The embedded table `work_orders` is made by the first `run` or `once`. People change it with
plain SQL, so a change shows in its values and not in `updated_at`: every fetch reads all rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.types import UserDefinedType

from syncd.cmms.load import AdapterContext
from syncd.cmms.port import Capabilities
from syncd.core.compare import same
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Kind,
    Value,
    encode_value,
    kind_of,
    parse_value,
)
from syncd.errors import (
    Changed,
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    UnexpectedContent,
    Unreachable,
)

_CHUNK = 1000  # rows read in one statement
_BUSY_TIMEOUT_S = 5.0

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


class _Hours(UserDefinedType[Any]):
    """A NUMERIC column whose values come as they stand: SQLite lets people write text into it,
    and PostgreSQL's NUMERIC knows NaN; both park the field instead of failing the row."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "NUMERIC"


work_orders = Table(
    "work_orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("s2e_id", Text, unique=True),
    *(
        Column(column, _Hours if kind_of(name) is Kind.HOURS else Text)
        for column, name in COLUMNS.items()
        if name is not Field.S2E_ID
    ),
    Column("url", Text),
    Column("updated_at", Text),
)

_NO_CREDENTIALS = {"28000", "28P01"}  # PostgreSQL's SQLSTATE
_NO_PERMISSION = {"42501", "25006"}
_REFUSED_CLASSES = ("22", "23")  # data exceptions and violated constraints


class SqlAdapter:
    """The embedded CMMS. See the module text; errors as in `syncd.cmms.port`."""

    class Options(BaseModel):
        """SYNCD_CMMS_URL: the database that holds the table."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
        url: str | None = None
        mapping: str | None = None

    name: ClassVar[str] = "sql"
    capabilities: ClassVar[Capabilities] = Capabilities(
        reads=_READS,
        writes=_WRITES,
        clears=_WRITES - _NEVER_BLANK,
        optimistic_lock=True,
    )

    def __init__(self, url: str, context: AdapterContext) -> None:
        self._url = _parse_url(url)
        self._context = context
        self._made = False
        database = self._url.database
        is_file = self._url.get_backend_name() == "sqlite" and database
        self._path = Path(str(database)) if is_file else None
        try:
            self._engine = _engine(self._url)
        except (ModuleNotFoundError, SQLAlchemyError) as error:
            raise ConfigurationError(
                f"SYNCD_CMMS_URL: no driver for {self._url.drivername}: {type(error).__name__}"
            ) from error

    @classmethod
    def from_options(cls, options: "SqlAdapter.Options", context: AdapterContext) -> "SqlAdapter":
        if options.mapping is not None:
            raise ConfigurationError(
                "SYNCD_CMMS_MAPPING: this version's sql adapter has its embedded table only; "
                "unset it"
            )
        if options.url is None:
            raise ConfigurationError(
                "SYNCD_CMMS_URL is not set; the sql adapter needs it, for example sqlite:///cmms.db"
            )
        return cls(options.url, context)

    # ── the port ──────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Every record, whatever `changed_since`; by id, so that none is met twice or missed."""
        if not self._exists():
            return
        last = None
        while True:
            statement = select(work_orders).order_by(work_orders.c.id).limit(_CHUNK)
            if last is not None:
                statement = statement.where(work_orders.c.id > last)
            with self._reading() as conn:
                rows = conn.execute(statement).all()
            for row in rows:
                yield _record(row)
            if len(rows) < _CHUNK:
                return
            last = rows[-1].id

    def get(self, cmms_id: str) -> CmmsRecord:
        row = None
        if cmms_id.isascii() and cmms_id.isdigit() and self._exists():
            with self._reading() as conn:
                here = work_orders.c.id == int(cmms_id)
                row = conn.execute(select(work_orders).where(here)).one_or_none()
        if row is None:
            raise _not_found(cmms_id)
        return _record(row)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        if not self._exists():
            return []
        with self._reading() as conn:
            here = work_orders.c.s2e_id == s2e_id
            return [_record(row) for row in conn.execute(select(work_orders).where(here))]

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        self._exists()
        values = self._values({**fields, Field.S2E_ID: s2e_id})
        try:
            with self._writing() as conn:
                made = conn.execute(
                    insert(work_orders).values(**values).returning(work_orders.c.id)
                )
                number = made.scalar_one()
        except Refused:
            # The id is unique: somebody else may have made the record just now.
            found = self.find(s2e_id)
            if not found:
                raise
            return found[0]
        return self.get(str(number))

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        current = self.get(cmms_id)
        here = work_orders.c.id == int(cmms_id)
        with self._writing() as conn:
            locked = select(work_orders).where(here).with_for_update()
            row = conn.execute(locked).one_or_none()
            if row is None:
                raise _not_found(cmms_id)
            current = _record(row)
            for name, value in expected.items():
                if not same(current.fields.get(name), value):
                    raise Changed(
                        f"work order {cmms_id} has another {name} than we read", side="cmms"
                    )
            conn.execute(update(work_orders).where(here).values(**self._values(fields)))
            row = conn.execute(select(work_orders).where(here)).one()
        return _record(row)

    def check(self) -> str:
        """What `syncd check` says: the database, and how many records it holds."""
        if not self._exists():
            return f"{self._shown()}: no table work_orders yet; the first run makes it"
        with self._reading() as conn:
            count = conn.execute(select(func.count()).select_from(work_orders)).scalar_one()
        return f"{self._shown()}: {count} records in work_orders"

    def close(self) -> None:
        self._engine.dispose()

    # ── the table ─────────────────────────────────────────────────────────────────────────

    def _exists(self) -> bool:
        """Whether the table is there; a writer makes it. Raises if it lacks columns."""
        if self._made:
            return True
        if self._path is not None and not self._context.may_write and not self._path.exists():
            return False
        with self._reading() as conn:
            found = inspect(conn)
            if found.has_table(work_orders.name):
                columns = {column["name"] for column in found.get_columns(work_orders.name)}
                missing = [column.name for column in work_orders.c if column.name not in columns]
                if missing:
                    raise UnexpectedContent(
                        f"{self._shown()}: the table work_orders lacks {', '.join(missing)}; "
                        "it is not the embedded CMMS's",
                        side="cmms",
                    )
                self._made = True
        if not self._made and self._context.may_write:
            with self._writing() as conn:
                work_orders.create(conn, checkfirst=True)
            self._made = True
        return self._made

    def _values(self, fields: Fields) -> dict[str, Any]:
        values = {_COLUMN_OF[name]: _column_value(value) for name, value in fields.items()}
        stamp = self._context.utcnow().isoformat(timespec="milliseconds")
        return values | {"updated_at": stamp.replace("+00:00", "Z")}

    # ── transactions and errors ───────────────────────────────────────────────────────────

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as conn, conn.begin():
                if self._path is not None:
                    conn.exec_driver_sql("BEGIN")
                yield conn
        except SQLAlchemyError as error:
            raise self._translated(error, may_have_applied=False) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        committing = False
        try:
            with self._engine.connect() as conn, conn.begin():
                if self._path is not None:
                    conn.exec_driver_sql("BEGIN IMMEDIATE")
                yield conn
                committing = True
        except SQLAlchemyError as error:
            raise self._translated(error, may_have_applied=committing) from error

    def _translated(self, error: SQLAlchemyError, *, may_have_applied: bool) -> RemoteError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        code = str(getattr(cause, "sqlstate", None) or "")
        first = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        said = f"{self._shown()}: {first}"
        denied = code in _NO_PERMISSION or "readonly" in first
        if code in _NO_CREDENTIALS or "password authentication failed" in str(cause):
            return CredentialsRefused(f"{said}; check SYNCD_CMMS_URL", side="cmms")
        if denied:
            return CredentialsRefused(f"{said}; this user may not write there", side="cmms")
        if isinstance(error, IntegrityError) or code.startswith(_REFUSED_CLASSES):
            return Refused(said, side="cmms")
        return Unreachable(said, side="cmms", may_have_applied=may_have_applied)

    def _shown(self) -> str:
        """The database as the operator may see it: never a password."""
        if self._path is not None:
            return str(self._path)
        return self._url.set(query={}).render_as_string(hide_password=True)


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "SYNCD_CMMS_URL is not a database URL; an example: sqlite:///cmms.db"
        ) from None
    if url.drivername in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ConfigurationError("SYNCD_CMMS_URL names no file; an example: sqlite:///cmms.db")
    return url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=2, pool_pre_ping=True, hide_parameters=True)
    arguments = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def prepare(dbapi: Any, _record: Any) -> None:
        # The driver's own transactions are off: readers say BEGIN, writers BEGIN IMMEDIATE.
        dbapi.isolation_level = None

    return engine


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
        s2e_id=str(s2e_id) if s2e_id else None,
        fields=fields,
        native={key: _plain(value) for key, value in told.items()},
    )


def _told(name: Field, value: Any) -> Any:
    """Text as it stands; around a number or a time, white space is nobody's intention."""
    return value.strip() if isinstance(value, str) and kind_of(name) is not Kind.TEXT else value


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | None) else str(value)


def _not_found(cmms_id: str) -> NotFound:
    return NotFound(f"there is no work order {cmms_id} in the CMMS", side="cmms")
