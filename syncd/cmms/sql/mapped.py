"""The `sql` adapter on a customer's own table, by a mapping of the kind `sql/1`.

When the database is first reached, the table is checked: it has to have every column that the
mapping names. An update reads, compares and writes a record in one transaction, so a change by
somebody else comes either before it or after it. A fetch reads the table in chunks by id, each in
a transaction of its own. A row's id does not change, so no row that exists all the while is
missed; and no writer waits for a slow reader.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option
from sqlalchemy import ColumnElement, Connection, Sequence, func, insert, select, text, update

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import MappingFile, load_mapping
from syncd.cmms.mapping.records import assignments, notes, to_record
from syncd.cmms.mapping.values.marker import line_of
from syncd.cmms.mapping.values.record_map import Assignment
from syncd.cmms.port import AdapterBase, Capabilities, require_identity
from syncd.cmms.sql.database import LOCK_TIMEOUT_S, Database
from syncd.cmms.sql.file import KIND, SqlPart, Statement, finds, read_sql
from syncd.cmms.sql.table import MappedTable
from syncd.core.equality import same
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent

_CHUNK = 200  # rows held in memory at a time; their texts may be long


class MappedSqlAdapter(AdapterBase):
    """A customer's table. The module text describes it; its errors are those of the port.

    Attributes:
        mapping_hash: changes whenever the mapping may read a record differently.
        notes: what the mapping cannot do.
        nameless: the rows that the last `fetch` met without an id, see `AdapterBase`.
    """

    class Options(BaseModel):
        """SYNCD_CMMS_URL: the database. SYNCD_CMMS_MAPPING: the mapping file."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
        url: str = Option(repr=False)
        mapping: str

    name = "sql"

    def __init__(
        self,
        url: str,
        mapping: MappingFile[SqlPart],
        context: AdapterContext,
        *,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.mapping_hash, self.mapping_trust = mapping.digest, mapping.trust
        self._part, self._records = mapping.own, mapping.records
        self.notes = [*mapping.own.notes, *notes(mapping.records)]
        self._database = Database(url, may_write=context.may_write, lock_timeout_s=lock_timeout_s)
        self.capabilities = Capabilities(
            reads=self._records.reads,
            writes=self._records.writes,
            clears=self._records.clears,
            writes_once=self._records.writes_once,
            creates=self._part.insert is not None,
            finds=finds(self._records),
            filters_changes=self._part.filters_changes,
            change_resolution_s=_resolution(mapping),
            index_lag_s=mapping.index_lag_s,
            read_lag_s=mapping.read_lag_s,
            optimistic_lock=True,
            longest_request_s=self._database.longest_request_s,
        )
        self.nameless: dict[str, str] = {}
        self._checked: MappedTable | None = None  # the table, once it was checked

    @classmethod
    def from_options(
        cls, options: "MappedSqlAdapter.Options", context: AdapterContext
    ) -> "MappedSqlAdapter":
        """Make the adapter. It opens nothing yet. Raises ConfigurationError."""
        mapping = load_mapping(options.mapping, KIND, context.environ, read_sql)
        for secret in mapping.secrets:
            context.hide(secret)
        return cls(options.url, mapping, context)

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Yield the records changed at or after `changed_since`, or all of them.

        A row without an id that can be read is one bad row (`nameless`). Raises UnexpectedContent
        if a whole read shows no row that has one, or only times of change in a text that cannot be
        read: then the mapping is wrong, and every read would have to take the whole table.
        """
        self.nameless = {}
        last: object = None
        stamped = unreadable = named = 0
        while True:
            with self._database.reading() as conn:
                table = self._table(conn)
                statement = table.select(table.id.is_not(None)).limit(_CHUNK)
                if changed_since is not None and self._part.filters_changes:
                    statement = statement.where(table.changed_since(changed_since))
                if last is not None:
                    statement = statement.where(table.id > last)
                rows = conn.execute(statement).all()
            for row in rows:
                try:
                    record = self._record(table, row)
                except UnexpectedContent:
                    held = f"{table.id.name} is {row._mapping[table.id.name]!s:.60}"
                    self.nameless[held] = table.name
                    continue
                named += 1
                stamped += record.updated_at is not None
                unreadable += record.updated_at is None and self._has_stamp(record)
                yield record
            if len(rows) < _CHUNK:
                break
            last = rows[-1]._mapping[self._records.id.text]
        if changed_since is not None:
            return
        if self.nameless and not named:
            raise _none_named(self.nameless)
        if unreadable and not stamped and not table.dates_changes:
            raise self._no_readable_stamp()
        self._count_nulls()

    def _count_nulls(self) -> None:
        """Keep the rows without any id, which no read shows."""
        with self._database.reading() as conn:
            table = self._table(conn)
            if count := table.without_id(conn):
                self.nameless[f"{table.id.name} is NULL in {count} rows"] = table.name

    def _has_stamp(self, record: CmmsRecord) -> bool:
        source = self._records.updated_at
        return source is not None and record.native.get(source.text) not in {None, ""}

    def _no_readable_stamp(self) -> UnexpectedContent:
        column = self._records.updated_at.text if self._records.updated_at else ""
        return UnexpectedContent(
            f"no record has a time in {column} that can be read; correct its format "
            f"({self._part.columns[column]})",
            side="cmms",
            may_have_applied=False,
        )

    def get(self, cmms_id: str) -> CmmsRecord:
        """Read one record by its id. Raises NotFound; `007` is not the number 7."""
        with self._database.reading() as conn:
            table = self._table(conn)
            return self._one(conn, table, cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """Read the records that carry this Scan2Evolve id."""
        with self._database.reading() as conn:
            return self._find(conn, self._table(conn), s2e_id)

    def now(self) -> datetime | None:
        """See `AdapterBase.now`. A server tells it; a file has the clock of this machine."""
        return self._database.now() if self._part.filters_changes else None

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `AdapterBase.settled`."""
        return self._records.settled(name, value)

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """Read a record from native values that were kept, by this mapping."""
        return to_record(self._records, native)

    # ── writing ───────────────────────────────────────────────────────────────────────────

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Insert the record, or return the one that exists. Raises Refused."""
        with suppress(Refused):
            return self._create(s2e_id, fields)
        # If somebody made the same record in the same moment, this second try returns it.
        return self._create(s2e_id, fields)

    def _create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        wanted = {**fields}
        if Field.S2E_ID in self._records.writes:
            wanted[Field.S2E_ID] = s2e_id
        assigned = assignments(self._records, wanted)
        with self._database.writing() as conn:
            table = self._table(conn)
            for record in self._find(conn, table, s2e_id):
                return record
            made = self._insert(conn, table, assigned)
            if self.capabilities.finds:
                records = self._find(conn, table, s2e_id, ours_only=False)
            else:
                records = self._select(conn, table, table.id == made, ours_only=False)
            if len(records) != 1:
                raise Refused(
                    f"the insert made {len(records)} records that carry {s2e_id} "
                    f"({self._part.insert.where if self._part.insert else self._part.where})",
                    side="cmms",
                )
            return self._records.recognised(records[0], wanted)

    def _insert(self, conn: Connection, table: MappedTable, assigned: list[Assignment]) -> object:
        """Insert the row. Returns its id; None where the row is found by its Scan2Evolve id."""
        how = self._part.insert
        if how is None:
            raise Refused(
                "records are not made by this mapping; with an insert they are "
                f"({self._part.where})",
                side="cmms",
            )
        if how.statement is not None:
            parameters = self._parameters(table, how.statement, assigned, {})
            conn.execute(text(how.statement.sql), parameters)
            return None
        values = {name: table.bound(name, value) for name, value in how.values.items()}
        values |= {one.path[0]: table.bound(one.path[0], one.native) for one in assigned}
        if how.sequence is not None:
            values[table.id.name] = Sequence(how.sequence, schema=self._part.schema).next_value()
        statement = insert(table.table).values(**values)
        if self.capabilities.finds:
            # Without RETURNING: SQL Server refuses it on a table that has triggers.
            conn.execute(statement.inline())
            return None
        if conn.dialect.insert_returning:
            return conn.execute(statement.returning(table.id)).scalar_one()
        return conn.execute(statement).lastrowid

    def update(
        self,
        cmms_id: str,
        fields: Fields,
        expected: Fields,
        s2e_ids: Collection[str | None] | None = None,
    ) -> CmmsRecord:
        """Write `fields` if the record is as expected, in one transaction. Raises Changed,
        NotFound, Refused."""
        with self._database.writing() as conn:
            table = self._table(conn)
            row = self._row(conn, table, cmms_id, lock=True)
            held = self._record(table, row)
            if s2e_ids is not None:
                require_identity(held, s2e_ids)
            moved = [name for name in expected if not same(held.fields.get(name), expected[name])]
            if moved:
                raise self._changed(cmms_id, f"has another {', '.join(moved)} than we read")
            assigned = assignments(self._records, fields, held.fields)
            if self._part.updates:
                self._run(conn, table, assigned, row)
            elif assigned:
                self._set(conn, table, assigned, row, cmms_id)
            after = self._one(conn, table, cmms_id, ours_only=False)
            return self._records.recognised(after, fields)

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        """See `port.update_carrying`: the look is in the transaction of the write."""
        return self.update(cmms_id, fields, expected, s2e_ids)

    def _set(
        self,
        conn: Connection,
        table: MappedTable,
        assigned: list[Assignment],
        row: Any,
        cmms_id: str,
    ) -> None:
        values = {one.path[0]: table.bound(one.path[0], one.native) for one in assigned}
        statement = update(table.table).where(table.id == row._mapping[table.id.name])
        version = self._part.version
        if version is not None:
            column = table.table.c[version.column]
            read = row._mapping[version.column]
            statement = statement.where(column.is_(None) if read is None else column == read)
            if version.counts:
                values[version.column] = func.coalesce(column, 0) + 1
        result = conn.execute(statement.values(**values))
        # Without a version column, no row means that a trigger acted: ours is locked. What the
        # trigger did is seen when the record is read back.
        if version is not None and result.rowcount == 0:
            raise self._changed(cmms_id, "was changed in this moment")
        if result.rowcount > 1:
            raise Refused(
                f"{result.rowcount} rows have the id {cmms_id}; an id has to be of one record "
                f"({self._part.columns[table.id.name]})",
                side="cmms",
            )

    def _run(
        self, conn: Connection, table: MappedTable, assigned: list[Assignment], row: Any
    ) -> None:
        """Run the statements that write these fields; other parameters keep the row's value."""
        for statement in self._part.updates:
            mine = [one for one in assigned if one.field in statement.fields]
            if mine:
                conn.execute(
                    text(statement.sql),
                    self._parameters(table, statement, mine, dict(row._mapping)),
                )

    def _parameters(
        self,
        table: MappedTable,
        statement: Statement,
        assigned: list[Assignment],
        row: dict[str, object],
    ) -> dict[str, object]:
        given = {one.field.value: table.bound(one.path[0], one.native) for one in assigned}
        parameters: dict[str, object] = {}
        for name in statement.names:
            if name in given:
                parameters[name] = given[name]
            elif name == "id":
                parameters[name] = row.get(table.id.name)
            else:
                parameters[name] = row.get(self._records.fields[Field(name)].reads[0].text)
        return parameters

    # ── for people ────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        """The line of `syncd check`: the database, and how many records it holds."""
        with self._database.reading() as conn:
            table = self._table(conn)
            ours = table.select().order_by(None).subquery()
            count = conn.execute(select(func.count()).select_from(ours)).scalar_one()
            nameless = table.without_id(conn)
        lost = f", and {nameless} without an id, which are left out" if nameless else ""
        return f"{self._database.where}: {count - nameless} records in {table.name}{lost}"

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # ── rows ──────────────────────────────────────────────────────────────────────────────

    def _table(self, conn: Connection) -> MappedTable:
        """The table, checked once. Raises UnexpectedContent if it is not as the mapping says."""
        if self._checked is None:
            self._checked = MappedTable(conn, self._part, self._records)
        return self._checked

    def _record(self, table: MappedTable, row: Any) -> CmmsRecord:
        return to_record(self._records, table.native(row))

    def _select(
        self,
        conn: Connection,
        table: MappedTable,
        condition: ColumnElement[bool],
        *,
        ours_only: bool = True,
    ) -> list[CmmsRecord]:
        rows = conn.execute(table.select(condition, ours_only=ours_only))
        return [self._record(table, row) for row in rows]

    def _row(
        self,
        conn: Connection,
        table: MappedTable,
        cmms_id: str,
        *,
        lock: bool = False,
        ours_only: bool = True,
    ) -> Any:
        condition = table.has_id(cmms_id)
        if condition is None:
            raise _no_record(cmms_id)
        statement = table.select(condition, ours_only=ours_only)
        # Statements of the operator's own often go with a view, which cannot be locked.
        if lock and not self._part.updates:
            statement = statement.with_for_update().with_hint(
                table.table, "WITH (UPDLOCK)", "mssql"
            )
        for row in conn.execute(statement):
            if self._record(table, row).cmms_id == cmms_id:
                return row
        raise _no_record(cmms_id)

    def _one(
        self, conn: Connection, table: MappedTable, cmms_id: str, *, ours_only: bool = True
    ) -> CmmsRecord:
        return self._record(table, self._row(conn, table, cmms_id, ours_only=ours_only))

    def _find(
        self, conn: Connection, table: MappedTable, s2e_id: str, *, ours_only: bool = True
    ) -> list[CmmsRecord]:
        if not self.capabilities.finds or "\x00" in s2e_id:
            return []
        condition = self._carries(table, s2e_id)
        records = self._select(conn, table, condition, ours_only=ours_only)
        # A database may ignore case, and a marker may be the beginning of a longer id.
        return [record for record in records if record.s2e_id == s2e_id]

    def _carries(self, table: MappedTable, s2e_id: str) -> ColumnElement[bool]:
        marker = self._records.marker
        if marker is not None:
            column = table.table.c[self._records.fields[marker].reads[0].text]
            return column.contains(line_of(s2e_id), autoescape=True)
        one = self._records.fields[Field.S2E_ID]
        column = table.table.c[one.reads[0].text]
        return column == table.bound(column.name, s2e_id)

    def _changed(self, cmms_id: str, what: str) -> Changed:
        return Changed(f"work order {cmms_id} {what}", side="cmms")


def _resolution(mapping: MappingFile[SqlPart]) -> float | None:
    stamp = mapping.records.stamp
    if stamp is None or not mapping.own.filters_changes:
        return None
    return 86_400.0 if stamp.form.form == "date" else 1.0


def _no_record(cmms_id: str) -> NotFound:
    return NotFound(f"there is no work order {cmms_id} in the CMMS", side="cmms")


def _none_named(nameless: Mapping[str, str]) -> UnexpectedContent:
    held, where = next(iter(nameless.items()))
    return UnexpectedContent(
        f"{where}: no row has an id that can be read: {held}", side="cmms", may_have_applied=False
    )
