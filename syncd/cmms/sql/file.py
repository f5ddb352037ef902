"""The part of a mapping file that only sql/1 has: the table, and how it is written to."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from syncd.cmms.mapping.section import Section, nearest
from syncd.cmms.mapping.values.converters import Mapped, Same, Text
from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.core.work_order import Field

KIND = "sql/1"
# In these formats an earlier time is a smaller value, so the database can compare them.
_SORTED = ("iso", "iso_s", "epoch_s", "epoch_ms", "date", "timestamp")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that the operator wrote.

    Attributes:
        names: its bound parameters: `id`, and names of fields.
        fields: the fields that it writes.
        where: file and line.
    """

    sql: str
    names: frozenset[str]
    fields: frozenset[Field]
    where: str


@dataclass(frozen=True, slots=True)
class VersionColumn:
    """The column whose value changes with every change of its row.

    Attributes:
        counts: every writer has to add 1 to it, and so do we; if not, the database changes it.
        where: file and line.
    """

    column: str
    counts: bool
    where: str


@dataclass(frozen=True, slots=True)
class Insert:
    """How a record is created: by a statement, or by an INSERT.

    Attributes:
        values: constants that an INSERT sets beside the fields, by column.
        sequence: the name of the sequence that gives the id.
        statement: the operator's own; None: an INSERT.
        where: file and line.
    """

    values: Mapping[str, object]
    sequence: str | None
    statement: Statement | None
    where: str


@dataclass(frozen=True, slots=True)
class SqlPart:
    """The keys that only sql/1 has.

    Attributes:
        schema, table: as they are spelled in the database.
        where: file and line of `table`.
        columns: every column that the mapping names, with the line that names it.
        condition: SQL that selects the rows that are ours; None: all rows.
        insert: how records are created; None: they are not.
        updates: the operator's own statements; none: an UPDATE.
        version: the column that guards against lost updates.
        filters_changes: whether the database can select the rows changed since a time.
        notes: what this mapping cannot do.
    """

    schema: str | None
    table: str
    where: str
    columns: Mapping[str, str]
    condition: str | None
    insert: Insert | None
    updates: tuple[Statement, ...]
    version: VersionColumn | None
    filters_changes: bool
    notes: tuple[str, ...]


def read_sql(root: Section, records: RecordMap) -> SqlPart:
    """The keys that only `sql/1` has."""
    schema, table = _table(root)
    filters, note = _filters(root, records)
    insert, version = _insert(root, records), _version(root)
    notes = [note] if note else []
    if insert is None:
        notes.append(f"no insert: records are linked, and never made ({root.where()})")
    elif insert.statement is not None and not finds(records):
        root.problem("a statement needs s2e_id, by which its record is found again", "insert")
    return SqlPart(
        schema=schema,
        table=table,
        where=root.where("table"),
        columns=_columns(root, records, insert, version),
        condition=root.text("where") or None,
        insert=insert,
        updates=_updates(root, records),
        version=version,
        filters_changes=filters,
        notes=tuple(notes),
    )


def _columns(
    root: Section, records: RecordMap, insert: Insert | None, version: VersionColumn | None
) -> dict[str, str]:
    columns = {records.id.text: root.where("id")}
    if records.updated_at is not None:
        columns.setdefault(records.updated_at.text, root.where("changed"))
    if version is not None:
        columns.setdefault(version.column, version.where)
    if insert is not None:
        for name in insert.values:
            columns.setdefault(name, insert.where)
    for one in records.fields.values():
        for source in one.reads:
            columns.setdefault(source.text, one.where)
        for path in one.writes:
            columns.setdefault(path[0], one.where)
    return columns


def finds(records: RecordMap) -> bool:
    """Whether the database can search for a Scan2Evolve id."""
    if records.marker is not None:
        return True
    one = records.fields.get(Field.S2E_ID)
    return (
        one is not None
        and isinstance(one.convert, Text | Same)
        and not isinstance(one.convert, Mapped)
    )


def _table(root: Section) -> tuple[str | None, str]:
    name = root.required_text("table", "dbo.work_orders")
    try:
        parts = parse_path(name) if name else ("",)
    except ValueError:
        root.problem('is no table; an example: dbo.work_orders, or dbo."Work Orders"', "table")
        return None, ""
    return ".".join(parts[:-1]) or None, parts[-1]


def _filters(root: Section, records: RecordMap) -> tuple[bool, str | None]:
    if records.updated_at is None or records.stamp is None:
        return False, f"no changed column: every read takes all records ({root.where()})"
    form = records.stamp.form.form
    if form in _SORTED or form.startswith("%Y-%m-%d"):
        return True, None
    return False, (
        f"times of the format {form} do not sort: every read takes all records "
        f"({root.where('changed')})"
    )


def _version(root: Section) -> VersionColumn | None:
    if not root.has("version"):
        return None
    inner = root.inner("version", short="at")
    version = VersionColumn(
        inner.required_text("at", "row_version"), inner.flag("count"), inner.where()
    )
    inner.done()
    return version


def _insert(root: Section, records: RecordMap) -> Insert | None:
    if not root.has("insert"):
        return None
    inner = root.section("insert")
    if inner is None:
        return None
    values = {}
    constants = inner.section("set")
    for key, entry in constants.entries() if constants is not None else ():
        if isinstance(entry.node.value, list | dict):
            inner.problem(f"{key} has to be a plain value", "set")
        else:
            values[key] = entry.node.value
    statement = None
    if inner.has("statement"):
        for key in ("set", "sequence"):
            if inner.has(key):
                inner.problem("stands beside a statement, which says it itself", key)
        statement = _statement(inner, records, records.writes, with_id=False)
    insert = Insert(values, inner.text("sequence") or None, statement, inner.where())
    inner.done()
    return insert


def _updates(root: Section, records: RecordMap) -> tuple[Statement, ...]:
    statements: list[Statement] = []
    for inner in root.sections("update"):
        fields = frozenset(inner.field_names("fields"))
        for name in sorted(fields - records.writes):
            inner.problem(f"{name} is not written by this mapping", "fields")
        statements.append(_statement(inner, records, fields or records.writes, with_id=True))
        inner.done()
    for name in sorted(records.writes - records.writes_once if statements else ()):
        by = [statement for statement in statements if name in statement.fields]
        if len(by) != 1:
            root.problem(f"{name} is written by {len(by)} of the statements; one has to", "update")
    return tuple(statements)


def _statement(
    section: Section, records: RecordMap, fields: frozenset[Field], *, with_id: bool
) -> Statement:
    sql = section.required_text("statement", "UPDATE orders SET title = :title WHERE id = :id")
    names = frozenset(str(name) for name in text(sql).compile().params)
    known = [
        *(name.value for name, one in records.fields.items() if len(one.reads) == 1),
        *(("id",) if with_id else ()),
    ]
    for name in sorted(names - set(known)):
        section.problem(f":{name} is not filled in; {nearest(name, known)}", "statement")
    if with_id and "id" not in names and sql:
        section.problem("has no :id; it would write to every record", "statement")
    return Statement(sql, names, fields, section.where("statement"))
