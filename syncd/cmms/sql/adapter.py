"""The `sql` adapter: work orders in one table of a database, on any URL SQLAlchemy takes.

The embedded table `work_orders` is made by the first `run` or `once`. People change its rows with
plain SQL, which does not set `updated_at`, so every fetch reads all rows. `version` saves a fetch
where nothing has changed: SQLite's file shows whether anybody has written to it, and PostgreSQL
computes a sum of the rows.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option
from sqlalchemy import func, insert, inspect, select, text, update

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.values.record_map import NEVER_BLANK
from syncd.cmms.port import AdapterBase, Capabilities, require_identity
from syncd.cmms.sql.database import LOCK_TIMEOUT_S, Database
from syncd.cmms.sql.embedded import (
    COLUMNS,
    column_values,
    has_id,
    select_records,
    to_record,
    work_orders,
)
from syncd.cmms.sql.given_ids import give_once, gives_twice, next_id
from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.equality import same
from syncd.core.values import format_time
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import (
    Changed,
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    Refused,
    UnexpectedContent,
)

_TWICE = (
    "its id is not AUTOINCREMENT: SQLite gives the id of the newest record again once that is "
    "deleted; a table that syncd made is changed by the next run"
)
_CHUNK = 200  # rows held in memory at a time; their texts may be long
_WRITES = frozenset(COLUMNS.values())
_READS = _WRITES | {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS, Field.EXTERNAL_URL}
# PostgreSQL's sum over the text of every row: any change of a row, a new or a deleted row gives
# another sum.
_DIGEST = text("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM work_orders AS t")


class SqlAdapter(AdapterBase):
    """The embedded CMMS. The module text describes it; its errors are those of the port."""

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
        clears=_WRITES - NEVER_BLANK,
        optimistic_lock=True,
        longest_request_s=0.0,  # of a SQLite file; see `Database`
    )

    def __init__(
        self, url: str, context: AdapterContext, *, lock_timeout_s: float = LOCK_TIMEOUT_S
    ) -> None:
        self._database = Database(url, may_write=context.may_write, lock_timeout_s=lock_timeout_s)
        longest_s = self._database.longest_request_s
        self.capabilities = replace(self.capabilities, longest_request_s=longest_s)
        self._context = context
        # Part of `version`: another release of syncd may read the same rows as other records.
        self._made_at = context.utcnow().isoformat()
        self._known = False  # whether the table is known to exist, with all its columns
        self._once = False  # whether it was seen to that no id is given twice

    @classmethod
    def from_options(cls, options: "SqlAdapter.Options", context: AdapterContext) -> AdapterBase:
        """Make the adapter; with a mapping, the one for a customer's table. It opens nothing yet.

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
        """Yield every record, whatever `changed_since` is.

        The rows are read in chunks by id, each in a transaction of its own. A row's id does not
        change, so no row that exists all the while is missed; and no writer waits for a slow
        reader.
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
                yield to_record(row)
            if len(rows) < _CHUNK:
                return
            last = rows[-1].id

    def version(self) -> str | None:
        """See `AdapterBase.version`. None on databases other than SQLite and PostgreSQL."""
        if not self._exists():
            return None
        version = self._database.file_version(self._context.utcnow().timestamp())
        if self._database.dialect == "postgresql":
            with self._database.reading() as conn:
                version = " ".join(str(value) for value in conn.execute(_DIGEST).one())
        return None if version is None else f"{self._made_at} {version}"

    def get(self, cmms_id: str) -> CmmsRecord:
        """Read one record by its id. Raises NotFound; `007` is not the id 7."""
        condition = has_id(cmms_id)
        if condition is not None and self._exists():
            with self._database.reading() as conn:
                records = select_records(conn, condition)
            if records:
                return records[0]
        raise _no_record(cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """Read the record with this Scan2Evolve id. A table that people made may have several."""
        if "\x00" in s2e_id or not self._exists():
            return []
        with self._database.reading() as conn:
            return select_records(conn, work_orders.c.s2e_id == s2e_id)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Insert the record, or return the one that exists.

        The database chooses the id, and never one that it has given before. People who insert ids
        of their own may have used that id, and a table that people made may choose none: then it
        is one above the highest.
        """
        self._exists()
        for numbered in (False, True):
            try:
                return self._insert(s2e_id, fields, numbered=numbered)
            except Refused:
                # If somebody made the same record in the same moment, the next try returns it.
                pass
        return self._insert(s2e_id, fields, numbered=True)

    def _insert(self, s2e_id: str, fields: Fields, *, numbered: bool) -> CmmsRecord:
        with self._database.writing() as conn:
            for record in select_records(conn, work_orders.c.s2e_id == s2e_id):
                return record
            values = self._values({**fields, Field.S2E_ID: s2e_id})
            number = next_id(conn) if numbered else None
            if number is not None:
                values["id"] = number
            made = conn.execute(insert(work_orders).values(**values)).inserted_primary_key
            return select_records(conn, work_orders.c.id == (made[0] if made else None))[0]

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` if the record still holds `expected`, in one transaction.

        The values are compared, not how they are spelled. Raises Changed, NotFound, and Refused
        for None in a field that must not be empty.
        """
        return self._update(None, cmms_id, fields, expected)

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        """See `port.update_carrying`: the look is in the transaction of the write."""
        return self._update(s2e_ids, cmms_id, fields, expected)

    def _update(
        self,
        s2e_ids: Collection[str | None] | None,
        cmms_id: str,
        fields: Fields,
        expected: Fields,
    ) -> CmmsRecord:
        if not fields:
            return self.get(cmms_id)
        blank = [name for name in NEVER_BLANK & fields.keys() if fields[name] is None]
        if blank:
            raise Refused(f"a work order is never without {', '.join(sorted(blank))}", side="cmms")
        condition = has_id(cmms_id)
        if condition is None or not self._exists():
            raise _no_record(cmms_id)
        with self._database.writing() as conn:
            records = select_records(conn, condition, lock=True)
            if not records:
                raise _no_record(cmms_id)
            if s2e_ids is not None:
                require_identity(records[0], s2e_ids)
            held = records[0].fields
            moved = [name for name in expected if not same(held.get(name), expected[name])]
            if moved:
                raise Changed(
                    f"work order {cmms_id} has another {', '.join(moved)} than we read",
                    side="cmms",
                )
            conn.execute(update(work_orders).where(condition).values(**self._values(fields)))
            return select_records(conn, condition)[0]

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `AdapterBase.settled`. No database takes NUL in every text."""
        return value.replace("\x00", "") or None if type(value) is str else value

    def check(self) -> str:
        """The line of `syncd check`: the database, and how many records it holds."""
        where = self._database.where
        if not self._exists():
            return f"{where}: no table work_orders yet; the first run makes it"
        with self._database.reading() as conn:
            count = conn.execute(select(func.count()).select_from(work_orders)).scalar_one()
            twice = gives_twice(conn)
        line = f"{where}: {count} records in work_orders"
        return f"{line}; {_TWICE}" if twice else line

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # ── the table ─────────────────────────────────────────────────────────────────────────

    def _exists(self) -> bool:
        """Whether the table exists; it is made if the command may write.

        Raises UnexpectedContent if it lacks columns.
        """
        if self._known:
            self._give_ids_once()
            return True
        if self._database.is_absent():
            if not self._context.may_write:
                return False
            self._database.make_file()
        with self._database.reading() as conn:
            inspector = inspect(conn)
            self._known = inspector.has_table(work_orders.name)
            if self._known:
                columns = {column["name"] for column in inspector.get_columns(work_orders.name)}
                self._require([column.name for column in work_orders.c], columns)
        if not self._known and self._context.may_write:
            with self._database.writing() as conn:
                work_orders.create(conn, checkfirst=True)
            self._known = True
        if self._known:
            self._give_ids_once()
        return self._known

    def _give_ids_once(self) -> None:
        """See to it, when it is first written to, that no id is given twice (`given_ids`)."""
        if self._once or not self._context.may_write:
            return
        with self._database.reading() as conn:
            needed = gives_twice(conn)
        if needed:
            with suppress(CredentialsRefused), self._database.writing() as conn:
                # Another process may have made the table anew in the meantime.
                if gives_twice(conn):
                    give_once(conn)
        self._once = True

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
        return column_values(fields) | {"updated_at": format_time(self._context.utcnow())}


def _no_record(cmms_id: str) -> NotFound:
    return NotFound(f"there is no work order {cmms_id} in the CMMS", side="cmms")
