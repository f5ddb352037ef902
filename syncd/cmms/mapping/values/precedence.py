"""Expressions that mean something else than they look like.

In JMESPath `||` binds more tightly than `|`: `a | [0] || b` is `a | ([0] || b)`, and looks for b in
what a holds. Where that reads nothing, and `(a | [0]) || b` would read something, the second was
meant.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from syncd.cmms.mapping.values.record_map import FieldMap
from syncd.cmms.mapping.values.source import Expression, Source
from syncd.core.work_order import CmmsRecord

_Node = Any  # a node of the tree that the parser of jmespath makes: its type, and its children


def misread(fields: Iterable[FieldMap], records: Iterable[CmmsRecord]) -> Iterator[str]:
    """Warnings of the fields that read nothing only since their pipes come last, each with the
    first record in which they do."""
    left = {one.field: one for one in fields}
    for record in records:
        for name, field_map in list(left.items()):
            if any(_is_misread(source, record.native) for source in field_map.reads):
                del left[name]
                yield (
                    f"{name} reads nothing from record {record.cmms_id} ({field_map.where}): in "
                    "JMESPath || binds more tightly than |; put all that comes before the || in "
                    "brackets"
                )


def _is_misread(source: Source, native: Mapping[str, object]) -> bool:
    if not isinstance(source, Expression) or source.take(native) is not None:
        return False
    meant = _pipes_first(source.tree)
    try:
        return ParsedResult(source.text, meant).search(native) is not None
    except JMESPathError:
        return False


def _pipes_first(node: _Node) -> _Node:
    """The tree in which each pipe takes only the first of the alternatives after it."""
    if node["type"] != "pipe":
        return node
    left, right = node["children"]
    return _piped_into(_pipes_first(left), right)


def _piped_into(left: _Node, right: _Node) -> _Node:
    if right["type"] != "or_expression":
        return {"type": "pipe", "children": [left, right]}
    first, *others = right["children"]
    return {"type": "or_expression", "children": [_piped_into(left, first), *others]}
