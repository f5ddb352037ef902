"""The `sql` adapter on a customer's own table, by a mapping of the kind `sql/1`.

The table is looked at when it is first reached: every column that the mapping names has to be
there. A record is read and written in one transaction, so that what people do meanwhile is met
either before or after. A read pages by the id inside one bound: an id does not change, so no
record that is there all the while is missed, and nobody waits for a slow reader.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option
from sqlalchemy import ColumnElement, Connection, Sequence, func, insert, select, text, update

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import MappingFile, load_mapping
from syncd.cmms.mapping.mapped import assignments, notes, to_record
from syncd.cmms.mapping.values.marker import line_of
from syncd.cmms.mapping.values.record_map import Assignment
from syncd.cmms.port import AdapterBase, Capabilities
from syncd.cmms.sql.database import LOCK_TIMEOUT_S, Database
from syncd.cmms.sql.mapping import KIND, SqlPart, Statement, finds, read_sql
from syncd.cmms.sql.table import MappedTable
from syncd.core.equality import same
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent

_CHUNK = 200  # rows held in memory at a time; their texts may be long


class MappedSqlAdapter(AdapterBase):
    """A customer's table. See the module text; errors as in `syncd.cmms.port`.

    Attributes:
        mapping_hash: another one when records may be read differently.
        notes: what the mapping cannot do.
    """

    class Options(BaseModel):
        """SYNCD_CMMS_URL: the database. SYNCD_CMMS_MAPPING: the mapping's file."""

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
        self.mapping_hash = mapping.digest
        self.mapping_trust = mapping.trust
        self._part, self._records = mapping.own, mapping.records
        self.notes = [*mapping.own.notes, *notes(mapping.records)]
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
        )
        self._database = Database(url, may_write=context.may_write, lock_timeout_s=lock_timeout_s)
        self._met: MappedTable | None = None

    @classmethod
    def from_options(
        cls, options: "MappedSqlAdapter.Options", context: AdapterContext
    ) -> "MappedSqlAdapter":
        """The adapter; nothing is opened yet. Raises ConfigurationError."""
        mapping = load_mapping(options.mapping, KIND, context.environ, read_sql)
        for secret in mapping.secrets:
            context.hide(secret)
        return cls(options.url, mapping, context)

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """The records changed at or after `changed_since`, or all of them."""
        last: object = None
        stamped = unreadable = 0
        while True:
            with self._database.reading() as conn:
                table = self._table(conn)
                asked = table.select(table.id.is_not(None)).limit(_CHUNK)
                if changed_since is not None and self._part.filters_changes:
                    asked = asked.where(table.changed_since(changed_since))
                if last is not None:
                    asked = asked.where(table.id > last)
                rows = conn.execute(asked).all()
            for row in rows:
                record = self._record(table, row)
                stamped += record.updated_at is not None
                unreadable += record.updated_at is None and self._has_stamp(record)
                yield record
            if len(rows) < _CHUNK:
                break
            last = rows[-1]._mapping[self._records.id.text]
        if unreadable and not stamped:
            self._refuse_stamps()

    def _has_stamp(self, record: CmmsRecord) -> bool:
        source = self._records.updated_at
        return source is not None and record.native.get(source.text) not in {None, ""}

    def _refuse_stamps(self) -> None:
        """Of one record it says little; of all, that every read would take the whole table."""
        column = self._records.updated_at.text if self._records.updated_at else ""
        raise UnexpectedContent(
            f"no record has a time in {column} that can be read ({self._part.columns[column]})",
            side="cmms",
            may_have_applied=False,
        )

    def get(self, cmms_id: str) -> CmmsRecord:
        """One record by its id, spelled as we spell it. Raises NotFound."""
        with self._database.reading() as conn:
            table = self._table(conn)
            return self._one(conn, table, cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """The records that carry this Scan2Evolve id."""
        with self._database.reading() as conn:
            return self._find(conn, self._table(conn), s2e_id)

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `AdapterBase.settled`."""
        return self._records.settled(name, value)

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """What a record that was kept means under this mapping."""
        return to_record(self._records, native)

    # ── writing ───────────────────────────────────────────────────────────────────────────

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Insert the record, or return the one there is. Raises Refused."""
        with suppress(Refused):
            return self._create(s2e_id, fields)
        # Or somebody made the same record in the same moment: this look finds it.
        return self._create(s2e_id, fields)

    def _create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        wanted = {**fields}
        if Field.S2E_ID in self._records.writes:
            wanted[Field.S2E_ID] = s2e_id
        assigned = assignments(self._records, wanted)
        with self._database.writing() as conn:
            table = self._table(conn)
            for found in self._find(conn, table, s2e_id):
                return found
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
        """Make the row; its id, where the database tells it."""
        how = self._part.insert
        if how is None:
            raise Refused(f"records are not made by this mapping ({self._part.where})", side="cmms")
        if how.statement is not None:
            told = self._parameters(table, how.statement, assigned, {})
            conn.execute(text(how.statement.sql), told)
            return None
        values = {name: table.bound(name, value) for name, value in how.values.items()}
        values |= {one.path[0]: table.bound(one.path[0], one.native) for one in assigned}
        if how.sequence is not None:
            values[table.id.name] = Sequence(how.sequence, schema=self._part.schema).next_value()
        statement = insert(table.table).values(**values)
        if self.capabilities.finds:
            # Asked for the id, SQL Server would refuse a table that has triggers.
            conn.execute(statement.inline())
            return None
        if conn.dialect.insert_returning:
            return conn.execute(statement.returning(table.id)).scalar_one()
        return conn.execute(statement).lastrowid

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` if the record still holds `expected`, in one transaction.

        Raises Changed, NotFound, Refused.
        """
        with self._database.writing() as conn:
            table = self._table(conn)
            row = self._row(conn, table, cmms_id, lock=True)
            held = self._record(table, row)
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
        done = conn.execute(statement.values(**values))
        # Without a version nothing else could be in the way: the row is locked. What a trigger
        # did instead is told by reading back.
        if version is not None and done.rowcount == 0:
            raise self._changed(cmms_id, "was changed in this moment")
        if done.rowcount > 1:
            raise Refused(
                f"{done.rowcount} rows have the id {cmms_id}: it is no id of one record "
                f"({self._part.columns[table.id.name]})",
                side="cmms",
            )

    def _run(
        self, conn: Connection, table: MappedTable, assigned: list[Assignment], row: Any
    ) -> None:
        """The statements that write these fields; they are told the others as they are."""
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
        told: dict[str, object] = {}
        for name in statement.names:
            if name in given:
                told[name] = given[name]
            elif name == "id":
                told[name] = row.get(table.id.name)
            else:
                told[name] = row.get(self._records.fields[Field(name)].reads[0].text)
        return told

    # ── for people ────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        """What `syncd check` says: the database, and how many records it holds."""
        with self._database.reading() as conn:
            table = self._table(conn)
            ours = table.select().order_by(None).subquery()
            count = conn.execute(select(func.count()).select_from(ours)).scalar_one()
            nameless = conn.execute(
                select(func.count()).select_from(table.select(table.id.is_(None)).subquery())
            ).scalar_one()
        lost = f", and {nameless} without an id, which are left out" if nameless else ""
        return f"{self._database.where}: {count - nameless} records in {table.name}{lost}"

    def close(self) -> None:
        self._database.close()

    # ── rows ──────────────────────────────────────────────────────────────────────────────

    def _table(self, conn: Connection) -> MappedTable:
        """The table, looked at once. Raises UnexpectedContent if it is not what was mapped."""
        if self._met is None:
            self._met = MappedTable(conn, self._part, self._records)
        return self._met

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
        here = table.has_id(cmms_id)
        if here is None:
            raise _not_found(cmms_id)
        asked = table.select(here, ours_only=ours_only)
        # A statement of the operator's own may write to more than the view that is read.
        if lock and not self._part.updates:
            asked = asked.with_for_update().with_hint(table.table, "WITH (UPDLOCK)", "mssql")
        for row in conn.execute(asked):
            return row
        raise _not_found(cmms_id)

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
        found = self._select(conn, table, condition, ours_only=ours_only)
        # A database may take capitals for small letters, and a line of a text for another.
        return [record for record in found if record.s2e_id == s2e_id]

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


def _not_found(cmms_id: str) -> NotFound:
    return NotFound(f"there is no work order {cmms_id} in the CMMS", side="cmms")
