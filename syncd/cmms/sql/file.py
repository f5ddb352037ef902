"""The part of a mapping file that only sql/1 has: the table, and how it is written to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field as Key
from sqlalchemy import text

from syncd.cmms.mapping.blocks import Flag, FullText, Keys, OneScalar, Texts
from syncd.cmms.mapping.blocks import Text as TextValue
from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.converters import Mapped, Same, Text
from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.core.work_order import Field

KIND = "sql/1"
# In these formats an earlier time is a smaller value, so the database can compare them.
_SORTED = ("iso", "iso_s", "epoch_s", "epoch_ms", "date", "timestamp")
_FIELDS = {name.value: name for name in Field}


class VersionKeys(Keys):
    at: FullText = Key(description="the column", examples=["row_version"])
    count: Flag = Key(False, description="whether we have to count it up ourselves")


class InsertKeys(Keys):
    set: dict[str, OneScalar] = Key({}, description="constants by column")
    sequence: TextValue | None = Key(None, description="the sequence that gives the id")
    statement: FullText | None = Key(None, description="in place of an INSERT")


class UpdateKeys(Keys):
    fields: Texts = Key((), description="the fields that it writes; default: all")
    statement: FullText = Key(
        description="in place of an UPDATE",
        examples=["UPDATE orders SET title = :title WHERE id = :id"],
    )


class SqlKeys(Keys):
    """The keys of a sql/1 mapping beside those that all mappings share."""

    table: FullText = Key(description="a table or view", examples=["dbo.work_orders"])
    id: FullText = Key(description="the column of the id", examples=["id"])
    where: TextValue | None = Key(None, description="SQL: the rows that are ours")
    changed: Any = Key(None, description="the column of the last change, as fields.updated_at")
    version: Any = Key(None, description="a column that changes with every change of its row")
    insert: Any = Key(None, description="how a record is made")
    update: Any = Key(None, description="statements in place of UPDATE, one or a list")


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


def read_sql(document: Document, records: RecordMap) -> SqlPart:
    """Read the keys that only sql/1 has; what is wrong with them is a problem of the document."""
    keys = document.validate(SqlKeys)
    version, insert = _version(document), _insert(document, records)
    updates = _updates(document, records)
    if keys is None:
        document.fail()
    schema, table = _table(document, keys.table)
    filters, note = _filters(document, records)
    notes = [note] if note else []
    if insert is None:
        notes.append(f"no insert: records are linked, and never made ({document.where()})")
    return SqlPart(
        schema=schema,
        table=table,
        where=document.where(("table",)),
        columns=_columns(document, records, insert, version),
        condition=keys.where or None,
        insert=insert,
        updates=updates,
        version=version,
        filters_changes=filters,
        notes=tuple(notes),
    )


def _columns(
    document: Document, records: RecordMap, insert: Insert | None, version: VersionColumn | None
) -> dict[str, str]:
    columns = {records.id.text: document.where(("id",))}
    if records.updated_at is not None:
        columns.setdefault(records.updated_at.text, document.where(("changed",)))
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


def _table(document: Document, name: str) -> tuple[str | None, str]:
    try:
        parts = parse_path(name)
    except ValueError:
        what = 'is no table; an example: dbo.work_orders, or dbo."Work Orders"'
        document.problem(("table",), what)
        return None, ""
    return ".".join(parts[:-1]) or None, parts[-1]


def _filters(document: Document, records: RecordMap) -> tuple[bool, str | None]:
    if records.updated_at is None or records.stamp is None:
        return False, f"no changed column: every read takes all records ({document.where()})"
    form = records.stamp.form.form
    if form in _SORTED or form.startswith("%Y-%m-%d"):
        return True, None
    return False, (
        f"times of the format {form} do not sort: every read takes all records "
        f"({document.where(('changed',))})"
    )


def _version(document: Document) -> VersionColumn | None:
    if not document.has(("version",)):
        return None
    keys = document.validate(VersionKeys, ("version",), short="at")
    where = document.where(("version",))
    return None if keys is None else VersionColumn(keys.at, keys.count, where)


def _insert(document: Document, records: RecordMap) -> Insert | None:
    if not document.has(("insert",)):
        return None
    keys = document.validate(InsertKeys, ("insert",))
    if keys is None:
        return None
    statement = None
    if keys.statement is not None:
        for key in ("set", "sequence"):
            if document.has(("insert", key)):
                what = "stands beside a statement, which says it itself"
                document.problem(("insert", key), what)
        loc = ("insert", "statement")
        statement = _statement(document, loc, keys.statement, records, records.writes)
        if not finds(records):
            what = "a statement needs s2e_id, by which its record is found again"
            document.problem(("insert",), what)
    return Insert(keys.set, keys.sequence or None, statement, document.where(("insert",)))


def _updates(document: Document, records: RecordMap) -> tuple[Statement, ...]:
    statements: list[Statement] = []
    for loc in document.items(("update",)):
        keys = document.validate(UpdateKeys, loc)
        if keys is None:
            continue
        fields = frozenset(_fields(document, (*loc, "fields"), records, keys.fields))
        statement = _statement(
            document,
            (*loc, "statement"),
            keys.statement,
            records,
            fields or records.writes,
            needs_id=True,
        )
        statements.append(statement)
    if statements and not document.is_refused(("update",)):
        for name in sorted(records.writes - records.writes_once):
            count = sum(name in statement.fields for statement in statements)
            if count != 1:
                what = f"{name} is written by {count} of the statements; one has to"
                document.problem(("update",), what)
    return tuple(statements)


def _fields(
    document: Document, loc: Loc, records: RecordMap, names: Iterable[str]
) -> Iterator[Field]:
    """The fields of these names."""
    for name in names:
        if name not in _FIELDS:
            document.problem(loc, f"{name!r} is no field; {nearest(name, _FIELDS)}")
        else:
            if _FIELDS[name] not in records.writes:
                document.problem(loc, f"{name} is not written by this mapping")
            yield _FIELDS[name]


def _statement(
    document: Document,
    loc: Loc,
    sql: str,
    records: RecordMap,
    fields: frozenset[Field],
    *,
    needs_id: bool = False,
) -> Statement:
    names = frozenset(str(name) for name in text(sql).compile().params)
    known = [
        *(name.value for name, one in records.fields.items() if len(one.reads) == 1),
        *(("id",) if needs_id else ()),
    ]
    for name in sorted(names - set(known)):
        document.problem(loc, f":{name} is not filled in; {nearest(name, known)}")
    if needs_id and "id" not in names:
        document.problem(loc, "has no :id; it would write to every record")
    return Statement(sql, names, fields, document.where(loc))
