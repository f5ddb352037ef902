"""The `maps` of a mapping file: each a table of their values and ours."""

from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.nodes import Node
from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.schema import ReadOnlyLine
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.value_map import MapEntry, ValueMap
from syncd.core.work_order import Field, Priority, Status, ValueKind, kind_of

_OURS = {
    ValueKind.STATUS: tuple(Status.__members__),
    ValueKind.PRIORITY: tuple(Priority.__members__),
}


class Maps:
    """The tables, each made for the kind of the fields that use it.

    A table that no field uses is not read.
    """

    def __init__(self, document: Document, names: list[str]) -> None:
        self._document = document
        self._names = names
        self._made: dict[tuple[str, ValueKind], ValueMap] = {}

    def get(self, loc: Loc, name: str, field: Field) -> ValueMap | None:
        """The table of this name for a field.

        Args:
            loc: where the field names it.
        """
        if name not in self._names:
            what = f"there is no maps.{name}; {nearest(name, self._names)}"
            self._document.problem(loc, what)
            return None
        key = (name, kind_of(field))
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, name: str, kind: ValueKind) -> ValueMap:
        loc: Loc = ("maps", name)
        _, node = self._document.find(loc)
        lines = {} if node is None or node.value is None else node.value
        if not isinstance(lines, dict):
            self._document.problem(loc, "has to be a mapping of their values to ours")
            lines = {}
        entries, keys = [], {}
        for key, line in lines.items():
            ours, written = self._ours((*loc, key), line.node)
            known = _OURS.get(kind)
            for value in ours:
                if known is not None and value not in known:
                    what = f"{value!r} is no {kind}; {nearest(value, known)}"
                    self._document.problem((*loc, key), what)
            if ours:
                entries.append(MapEntry(line.key, ours, written, str(line.mark)))
                keys[str(line.mark), line.key] = key
        where, is_crosswalk = self._document.where(loc), False
        if node is not None and node.mark.line == 0:  # it is a whole file
            where, is_crosswalk = str(node.mark), True
        table, problems = ValueMap.make(name, where, entries, is_crosswalk=is_crosswalk)
        for problem in problems:
            key = keys[problem.entry.where, problem.entry.native]
            self._document.problem((*loc, key), problem.what)
        return table

    def _ours(self, loc: Loc, node: Node) -> tuple[tuple[str, ...], bool]:
        """Our values of one line, and whether they are written as theirs."""
        if not isinstance(node.value, dict):
            return self._texts(loc, node), True
        self._document.validate(ReadOnlyLine, loc)
        loc = (*loc, "read")
        _, read = self._document.find(loc)
        return (() if read is None or read.value is None else self._texts(loc, read)), False

    def _texts(self, loc: Loc, node: Node) -> tuple[str, ...]:
        nodes = node.value if isinstance(node.value, list) else [node]
        if not nodes or not all(isinstance(item.value, str) for item in nodes):
            self._document.problem(loc, "has to be one of our values, or a list of them")
            return ()
        return tuple(str(item.value) for item in nodes)
