"""Ids of the embedded table that are never given twice.

Scan2Evolve knows a record by its id. If the database gave the id of a deleted record to the next
one, two records would be one to everybody who kept the number. SQLite does so unless the column is
AUTOINCREMENT: then it keeps the highest id that it ever gave. Tables that an earlier version of
syncd made have no such column, and are made anew around their rows.
"""

import re

from sqlalchemy import Connection, func, select, text

from syncd.cmms.sql.embedded import work_orders

_NAME = work_orders.name
_NEW = f"{_NAME}_as_it_will_be"
_MADE_BY_US = re.compile(r"\bid INTEGER NOT NULL\s*,(?P<rest>.*?),\s*PRIMARY KEY \(id\)", re.DOTALL)
_SQL_OF = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
_ON_IT = text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('index', 'trigger')"
    " AND sql IS NOT NULL ORDER BY rowid"
)
_GIVEN = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_SEQUENCE = text("SELECT pg_get_serial_sequence(:name, 'id')")
_PAST = text("SELECT setval(CAST(:sequence AS regclass), CAST(:highest AS bigint))")


def gives_twice(conn: Connection) -> bool:
    """Whether this database would give the id of a deleted record to the next one."""
    if conn.dialect.name != "sqlite":
        return False
    return "AUTOINCREMENT" not in str(conn.execute(_SQL_OF, {"name": _NAME}).scalar()).upper()


def give_once(conn: Connection) -> bool:
    """Make a table that syncd has made anew, in this transaction, so that no id is given twice.

    Its rows with their ids, the columns, indexes and triggers that people added, and the views and
    tables that refer to it stay. Returns False for a table that people made: it stays as it is.
    """
    old = str(conn.execute(_SQL_OF, {"name": _NAME}).scalar())
    changed, times = _MADE_BY_US.subn(
        r"id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\g<rest>", old, count=1
    )
    made, named = re.subn(rf'^CREATE TABLE "?{_NAME}"?', f"CREATE TABLE {_NEW}", changed)
    if not times or not named:
        return False
    # https://sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes".
    # Without legacy_alter_table the renaming fails where a view names the table.
    conn.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    more = list(conn.execute(_ON_IT, {"name": _NAME}).scalars())
    columns = [row[1] for row in conn.exec_driver_sql(f"PRAGMA table_info({_NAME})")]
    names = ", ".join('"' + str(name).replace('"', '""') + '"' for name in columns)
    conn.exec_driver_sql(made)
    conn.exec_driver_sql(f"INSERT INTO {_NEW} ({names}) SELECT {names} FROM {_NAME}")  # noqa: S608
    conn.exec_driver_sql(f"DROP TABLE {_NAME}")
    conn.exec_driver_sql(f"ALTER TABLE {_NEW} RENAME TO {_NAME}")
    for statement in more:
        conn.exec_driver_sql(statement)
    return True


def next_id(conn: Connection) -> int | None:
    """The id for a new record where the database's own choice is taken; None: it may choose again.

    People may have inserted ids of their own, which the database does not know of.
    """
    highest: int = conn.execute(select(func.max(work_orders.c.id))).scalar_one() or 0
    if conn.dialect.name == "sqlite" and not gives_twice(conn):
        return max(highest, conn.execute(_GIVEN, {"name": _NAME}).scalar() or 0) + 1
    if conn.dialect.name == "postgresql":
        sequence = conn.execute(_SEQUENCE, {"name": _NAME}).scalar_one()
        if sequence is not None:
            conn.execute(_PAST, {"sequence": sequence, "highest": highest})
            return None
    return highest + 1
