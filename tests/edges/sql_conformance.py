"""The bench of the sql adapter: real databases, disturbed and broken by their own means."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from syncd.cmms.conformance.bench import BenchFault, no_fault
from syncd.cmms.load import AdapterContext
from syncd.cmms.port import AdapterBase
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.cmms.sql.embedded import COLUMNS, work_orders
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Fields, Value
from tests.conftest import utcnow
from tests.edges.sql_bench import Cable

_COLUMN_OF = {name: column for column, name in COLUMNS.items()}
_NOT_HTTP: dict[str, str] = {
    BenchFault.THROTTLED: "a database does not ask for fewer requests",
    BenchFault.THROTTLED_UNTIL: "a database does not ask for fewer requests",
    BenchFault.SERVER_ERROR: "a database answers with its result or with an error of its own",
    BenchFault.BAD_GATEWAY: "there is no gateway before a database",
    BenchFault.TIMEOUT: "tests/edges/test_sql_adapter_errors.py waits for servers that say nothing",
    BenchFault.TIMEOUT_APPLIED: "the same as a reset after COMMIT, seen from the adapter",
    BenchFault.TRUNCATED: "the driver knows no half result",
    BenchFault.HTML: "nobody puts a page for people before a database",
    BenchFault.ERROR_IN_200: "a database tells errors as errors",
    BenchFault.LAGGING: "a committed row is found at once",
}
_ONE_TABLE = {"mapping_hash": "without a mapping there is one table, read in one way"}
CANNOT_ON_POSTGRESQL: dict[str, str] = {
    **_NOT_HTTP,
    **_ONE_TABLE,
    BenchFault.UNAUTHORIZED: "the server asks for the password at connecting, not at a statement",
}
CANNOT_ON_SQLITE: dict[str, str] = {
    **_NOT_HTTP,
    **_ONE_TABLE,
    BenchFault.UNAUTHORIZED: "a file asks nobody who he is",
    BenchFault.RESET: "a file has no connection that could end",
    BenchFault.RESET_APPLIED: "a file has no connection that could end",
    "secrets": "a file's path is all there is",
}


class SqlBench:
    """The adapter on an empty database, and people on a connection of their own.

    Args:
        url: where the adapter goes.
        direct: where people go; past the cable, if there is one.
    """

    page_size = 200
    on_request: Callable[[bool], BenchFault | None]

    def __init__(self, url: str, direct: str) -> None:
        self.on_request = no_fault
        self.adapter = self.make_adapter(url, direct)
        parsed = make_url(direct)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._engine = create_engine(parsed, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self.people = self._engine.connect()
        if self.people.dialect.name == "sqlite":
            self.people.exec_driver_sql("PRAGMA synchronous = OFF")  # no test cuts the power
        event.listen(Engine, "before_cursor_execute", self._seen)

    def make_adapter(self, url: str, _direct: str) -> AdapterBase:
        made = SqlAdapter(url, AdapterContext(may_write=True, utcnow=utcnow))
        made.check()  # makes the table
        return made

    def close(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._seen)
        self.people.close()
        self.adapter.close()

    def _seen(
        self,
        conn: Connection,
        cursor: Any,
        statement: str,
        _parameters: object,
        _context: object,
        _many: bool,
    ) -> None:
        """Of the adapter's statements those that concern work orders are requests."""
        if conn.engine is not self._engine and work_orders.name in statement:
            writes = statement.startswith(("INSERT", "UPDATE"))
            if writes or statement.startswith("SELECT"):
                fault = self.on_request(writes)
                if fault is not None:
                    self._break(fault, conn, cursor, writes)

    def _break(self, fault: BenchFault, conn: Connection, cursor: Any, writes: bool) -> None:
        raise NotImplementedError

    # ── people ────────────────────────────────────────────────────────────────────────────

    def records(self) -> dict[str, dict[str, object]]:
        rows = self.people.execute(select(work_orders)).mappings()
        return {
            str(row["id"]): {str(name): row[column] for column, name in COLUMNS.items()}
            for row in rows
        }

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        statement = work_orders.update().where(work_orders.c.id == int(cmms_id))
        self.people.execute(statement.values({_COLUMN_OF[name]: encode_value(value)}))

    def add(self, fields: Fields) -> str:
        values = {_COLUMN_OF[name]: encode_value(value) for name, value in fields.items()}
        made = self.people.execute(insert(work_orders).values(values)).inserted_primary_key
        assert made is not None
        return str(made[0])

    def spoil(self, cmms_id: str) -> Field:
        statement = work_orders.update().where(work_orders.c.id == int(cmms_id))
        self.people.execute(statement.values(due_at="infinity"))
        return Field.DUE_DATE

    def delete(self, cmms_id: str) -> None:
        self.people.execute(work_orders.delete().where(work_orders.c.id == int(cmms_id)))


class SqliteBench(SqlBench):
    """Faults on the adapter's own connection, which each transaction has anew."""

    def _break(self, fault: BenchFault, conn: Connection, cursor: Any, writes: bool) -> None:
        file = conn.connection.driver_connection
        assert file is not None
        if fault is BenchFault.FORBIDDEN:
            file.set_authorizer(lambda *_: 1)  # SQLITE_DENY
        elif fault is BenchFault.UNAVAILABLE:
            file.set_progress_handler(lambda: 1, 1)  # as sqlite3_interrupt does
        elif fault is BenchFault.STRANGE:  # what hides the table we know
            cursor.execute("PRAGMA query_only = OFF")
            cursor.execute("CREATE TEMP VIEW work_orders AS SELECT * FROM nowhere")
        elif fault in {BenchFault.REFUSED, BenchFault.IGNORED}:
            does = "ABORT, 'not today'" if fault is BenchFault.REFUSED else "IGNORE"
            for act in ("INSERT", "UPDATE"):
                cursor.execute(
                    f"CREATE TEMP TRIGGER IF NOT EXISTS bench_{act} BEFORE {act}"
                    f" ON main.work_orders BEGIN SELECT RAISE({does}); END"
                )
        else:
            raise AssertionError(f"{fault} is declared as what this bench cannot")


_TRIGGER = """
CREATE OR REPLACE FUNCTION bench() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('bench.fault', true) = 'refused' THEN
        RAISE EXCEPTION 'not today';
    ELSIF current_setting('bench.fault', true) = 'ignored' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER bench BEFORE INSERT OR UPDATE ON work_orders
    FOR EACH ROW EXECUTE FUNCTION bench();
"""


class PostgresBench(SqlBench):
    """Faults by the server's own means, and a cable that is cut when COMMIT passes."""

    def __init__(self, cable: Cable, url: str, direct: str) -> None:
        self._cable = cable
        super().__init__(url, direct)
        self.people.exec_driver_sql("TRUNCATE work_orders RESTART IDENTITY")
        self.people.exec_driver_sql(_TRIGGER)

    @property
    def on_request(self) -> Callable[[bool], BenchFault | None]:
        return self._on_request

    @on_request.setter
    def on_request(self, decide: Callable[[bool], BenchFault | None]) -> None:
        """Whoever decides anew has seen the end of what was cut."""
        self._on_request = decide
        self._cable.cut = None

    def _break(self, fault: BenchFault, conn: Connection, cursor: Any, writes: bool) -> None:
        if fault is BenchFault.FORBIDDEN:
            cursor.execute("SET LOCAL ROLE pg_monitor")  # a role of every server, without rights
        elif fault is BenchFault.STRANGE:
            cursor.execute("SET LOCAL search_path TO pg_temp")
        elif fault in {BenchFault.REFUSED, BenchFault.IGNORED}:
            cursor.execute(f"SET LOCAL bench.fault = '{fault}'")
        elif fault in {BenchFault.RESET, BenchFault.RESET_APPLIED} and writes:
            self._cable.cut = "before" if fault is BenchFault.RESET else "after"
        elif fault in {BenchFault.UNAVAILABLE, BenchFault.RESET, BenchFault.RESET_APPLIED}:
            driver = conn.connection.driver_connection
            assert driver is not None
            self.people.exec_driver_sql(
                f"SELECT pg_terminate_backend({driver.info.backend_pid}, 5000)"
            )
        else:
            raise AssertionError(f"{fault} is declared as what this bench cannot")
