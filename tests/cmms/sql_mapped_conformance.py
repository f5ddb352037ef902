"""The bench of a mapped table: a customer's own columns, codes and local times.

The faults are those of the embedded table's bench, which break a table called work_orders: so
the customer's is called that, too.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import load_mapping
from syncd.cmms.port import AdapterBase, Capabilities
from syncd.cmms.sql.file import KIND, read_sql
from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Fields, Value
from tests.conftest import utcnow
from tests.edges.sql_bench import People
from tests.edges.sql_conformance import PostgresBench, SqlBench, SqliteBench

MAPPING = """
mapping: sql/1
name: conformance
table: work_orders
id: no
changed: moved
version: version
insert: {set: {plant: "0100"}}
times: {zone: Europe/Vienna}
fields:
  s2e_id: s2e
  title: {at: short, max: 120}
  description: long
  status: {at: code, map: status}
  priority: {at: prio, map: priority}
  location: room
  asset_code: equipment
  due_date: due
  estimated_hours: {at: plan, unit: min}
  actual_hours: {at: done, unit: s}
  started_at: begun
  completed_at: ended
  root_cause: cause
  resolution: action
  closure_note: remark
  external_status: {read: code}
maps:
  status:
    10: [ASSIGNED, DRAFT]
    20: IN_PROGRESS
    25: ON_HOLD
    30: COMPLETED
    31: {read: COMPLETED}
    90: CANCELLED
  priority: {A: [HIGH, CRITICAL], B: MEDIUM, C: LOW}
url: "https://cmms.example/wo?no={id}"
"""
_COLUMNS: Mapping[Field, str] = MappingProxyType(
    {
        Field.S2E_ID: "s2e",
        Field.TITLE: "short",
        Field.DESCRIPTION: "long",
        Field.STATUS: "code",
        Field.PRIORITY: "prio",
        Field.LOCATION: "room",
        Field.ASSET_CODE: "equipment",
        Field.DUE_DATE: "due",
        Field.ESTIMATED_HOURS: "plan",
        Field.ACTUAL_HOURS: "done",
        Field.STARTED_AT: "begun",
        Field.COMPLETED_AT: "ended",
        Field.ROOT_CAUSE: "cause",
        Field.RESOLUTION: "action",
        Field.CLOSURE_NOTE: "remark",
    }
)
_CODES = {
    "DRAFT": 10,
    "ASSIGNED": 10,
    "IN_PROGRESS": 20,
    "ON_HOLD": 25,
    "COMPLETED": 30,
    "CANCELLED": 90,
}
_PRIOS = {"CRITICAL": "A", "HIGH": "A", "MEDIUM": "B", "LOW": "C"}
_VIENNA = ZoneInfo("Europe/Vienna")
_PER_HOUR = {Field.ESTIMATED_HOURS: 60, Field.ACTUAL_HOURS: 3600}
_TABLE = """
CREATE TABLE work_orders (
  no {serial}, plant VARCHAR(4) DEFAULT '0100', s2e VARCHAR(40) UNIQUE, short VARCHAR(120),
  long TEXT, code INTEGER, prio CHAR(1), room TEXT, equipment TEXT, due TIMESTAMP,
  plan INTEGER, done INTEGER, begun TIMESTAMP, ended TIMESTAMP, cause TEXT, action TEXT,
  remark TEXT, moved TIMESTAMP, version INTEGER DEFAULT 0
)
"""
_MOVES_ON_SQLITE = """
CREATE TRIGGER moves_{act} AFTER {act} ON work_orders FOR EACH ROW BEGIN
  UPDATE work_orders SET moved = datetime('now', '+1 hour'), version = version + 1
  WHERE no = NEW.no;
END
"""
_MOVES_ON_POSTGRESQL = """
CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.moved := clock_timestamp() AT TIME ZONE 'Europe/Vienna';
  NEW.version := coalesce(OLD.version, 0) + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER a_moves BEFORE INSERT OR UPDATE ON work_orders
  FOR EACH ROW EXECUTE FUNCTION moves();
"""


def make_table(url: str) -> None:
    people = People(url)
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
        people.sql(_TABLE.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT"))
        for act in ("INSERT", "UPDATE"):
            with people.engine.begin() as conn:
                conn.exec_driver_sql(_MOVES_ON_SQLITE.format(act=act))
    else:
        people.sql(_TABLE.format(serial="SERIAL PRIMARY KEY"))
        with people.engine.begin() as conn:
            conn.exec_driver_sql(_MOVES_ON_POSTGRESQL)
    people.engine.dispose()


def capabilities(folder: Path) -> Capabilities:
    """What the mapping can do, without a database."""
    made = _adapter("sqlite:///unused.db", folder)
    made.close()
    return made.capabilities


def _adapter(url: str, folder: Path) -> MappedSqlAdapter:
    file = folder / "mapping.yaml"
    file.write_text(MAPPING, encoding="utf-8")
    mapping = load_mapping(str(file), KIND, {}, read_sql)
    return MappedSqlAdapter(url, mapping, AdapterContext(may_write=True, utcnow=utcnow))


def native(name: Field, value: Value) -> object:
    """As this customer's people spell it."""
    if value is None:
        return None
    if name is Field.STATUS:
        return _CODES[str(value)]
    if name is Field.PRIORITY:
        return _PRIOS[str(value)]
    if isinstance(value, Decimal):
        return round(value * _PER_HOUR[name])
    if isinstance(value, datetime):
        return value.astimezone(_VIENNA).strftime("%Y-%m-%d %H:%M:%S")
    return encode_value(value)


class _Mapped(SqlBench):
    """The customer's people, in place of those of the embedded table."""

    folder: ClassVar[Path]

    def make_adapter(self, url: str, _direct: str) -> AdapterBase:
        made = _adapter(url, self.folder)
        made.check()  # meets the table
        return made

    def records(self) -> dict[str, dict[str, object]]:
        rows = self.people.exec_driver_sql("SELECT * FROM work_orders ORDER BY no").mappings()
        return {
            str(row["no"]): {str(name): row[column] for name, column in _COLUMNS.items()}
            for row in rows
        }

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        self._run(
            f"UPDATE work_orders SET {_COLUMNS[name]} = ? WHERE no = ?",
            (native(name, value), int(cmms_id)),
        )

    def add(self, fields: Fields) -> str:
        names = ", ".join(_COLUMNS[name] for name in fields)
        marks = ", ".join("?" for _ in fields)
        made = self._run(
            f"INSERT INTO work_orders ({names}) VALUES ({marks}) RETURNING no",
            tuple(native(name, value) for name, value in fields.items()),
        )
        return str(made[0][0])

    def spoil(self, cmms_id: str) -> Field:
        self._run("UPDATE work_orders SET due = 'infinity' WHERE no = ?", (int(cmms_id),))
        return Field.DUE_DATE

    def delete(self, cmms_id: str) -> None:
        self._run("DELETE FROM work_orders WHERE no = ?", (int(cmms_id),))

    def _run(self, statement: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        if self.people.dialect.paramstyle != "qmark":
            statement = statement.replace("?", "%s")
        done = self.people.exec_driver_sql(statement, values)
        return [tuple(row) for row in done] if done.returns_rows else []


def sqlite_bench(folder_: Path) -> SqlBench:
    """A new file with the customer's table."""

    class Bench(_Mapped, SqliteBench):
        folder = folder_

    url = f"sqlite:///{folder_ / 'cmms.db'}"
    make_table(url)
    return Bench(url, url)


def postgres_bench(folder_: Path) -> Callable[..., SqlBench]:
    """The class of the bench on PostgreSQL."""

    class Bench(_Mapped, PostgresBench):
        folder = folder_

    return Bench
