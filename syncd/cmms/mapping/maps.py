"""The `maps` of a mapping file: each a table of their values and ours."""

from syncd.cmms.mapping.nodes import KeyValue, Node
from syncd.cmms.mapping.section import Section, nearest
from syncd.cmms.mapping.values.value_map import MapEntry, ValueMap
from syncd.core.work_order import Field, Priority, Status, ValueKind, kind_of

_OURS = {
    ValueKind.STATUS: tuple(Status.__members__),
    ValueKind.PRIORITY: tuple(Priority.__members__),
}


class Maps:
    """The tables, each made for the kind of the fields that use it."""

    def __init__(self, section: Section | None) -> None:
        self._section = section
        self._names = [] if section is None else [name for name, _ in section.entries()]
        self._made: dict[tuple[str, ValueKind], ValueMap] = {}

    def get(self, by: Section, key: str, name: Field) -> ValueMap | None:
        """The table that a field names."""
        table, kind = by.text(key), kind_of(name)
        if self._section is None or table not in self._names:
            by.problem(f"there is no maps.{table}; {nearest(table, self._names)}", key)
            return None
        if (table, kind) not in self._made:
            self._made[table, kind] = self._make(self._section, table, kind)
        return self._made[table, kind]

    def _make(self, section: Section, name: str, kind: ValueKind) -> ValueMap:
        inner = section.inner(name)
        entries, keys = [], {}
        for key, line in inner.entries():
            ours, written = _ours(inner, key, line)
            known = _OURS.get(kind)
            for value in ours:
                if known is not None and value not in known:
                    inner.problem(f"{value!r} is no {kind}; {nearest(value, known)}", key)
            if ours:
                entries.append(MapEntry(line.key, ours, written, str(line.mark)))
                keys[str(line.mark), line.key] = key
        table, problems = ValueMap.make(name, section.where(name), entries)
        for problem in problems:
            inner.problem(problem.what, keys[problem.entry.where, problem.entry.native])
        return table


def _ours(inner: Section, key: str, line: KeyValue) -> tuple[tuple[str, ...], bool]:
    """What one line says: our values, and whether they are written so."""
    node = line.node
    if isinstance(node.value, dict):
        only = inner.inner(key)
        read = only.value("read")
        if read is None:
            only.missing("read", "CANCELLED")
        only.done()
        return (() if read is None else _texts(only, read)), False
    return _texts(inner, node, key), True


def _texts(section: Section, node: Node, key: str = "read") -> tuple[str, ...]:
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes or not all(isinstance(item.value, str) for item in nodes):
        section.problem("has to be one of our values, or a list of them", key)
        return ()
    return tuple(str(item.value) for item in nodes)
