"""Load a mapping file: the parts that all mappings have here, the others by their own reader.

    mapping = load_mapping("acme.yaml", "rest/1", environ, read_rest)

A reader takes the document and the records, validates the keys that only its kind has, and returns
what it made of them. All problems are raised together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.fields import read_records
from syncd.cmms.mapping.nodes import Node, plain
from syncd.cmms.mapping.problems import Problems
from syncd.cmms.mapping.schema import Head, KindKeys
from syncd.cmms.mapping.tree import filled, read_tree
from syncd.cmms.mapping.values.laws import broken_laws
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.port import VERIFIED

T = TypeVar("T")
KINDS = ("rest/1", "sql/1")
# What decides how a record is read: while this stays the same, a base keeps its meaning. And how
# it is written: when this is corrected, what the CMMS has refused is tried again.
_DECIDES = ("mapping", "id", "fields", "maps", "times", "url", "create", "insert", "update")


@dataclass(frozen=True, slots=True)
class MappingFile(Generic[T]):
    """A mapping that was loaded and keeps the laws.

    Attributes:
        name: as the mapping calls itself.
        own: what the reader of its kind made of its own part.
        digest: changes whenever records may be read differently; it holds no secret.
        file: as SYNCD_CMMS_MAPPING names it.
        secrets: values of the environment that must never be shown.
    """

    name: str
    verified: str
    records: RecordMap
    own: T
    digest: str
    file: str
    index_lag_s: float = 0.0
    read_lag_s: float = 0.0
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def trust(self) -> str:
        """The mapping and how it was verified, for people."""
        return f"{self.name} ({self.file}), {VERIFIED[self.verified]}"


def load_mapping(
    name: str,
    kind: str,
    environ: Mapping[str, str],
    read_own: Callable[[Document, RecordMap], T],
) -> MappingFile[T]:
    """Load the mapping that SYNCD_CMMS_MAPPING names.

    Args:
        name: preset:NAME, or a path.
        kind: the kind that the caller knows, one of KINDS.
        read_own: reads the keys that only this kind has.

    Raises:
        ConfigurationError: one line for each problem.
    """
    problems = Problems()
    document = Document(filled(read_tree(name), environ, problems), problems)
    spelled = document.validate(KindKeys)
    if spelled is not None and spelled.mapping != kind:
        known = (
            "this adapter takes" if spelled.mapping in KINDS else f"there is {', '.join(KINDS)};"
        )
        document.problem(("mapping",), f"is {spelled.mapping}; {known} {kind}")
        problems.raise_any()
    head = document.validate(Head)
    records = read_records(document, flat=kind.startswith("sql/"))
    own = read_own(document, records)
    document.check_unknown()
    if head is None or problems:
        document.fail()
    # The laws come last: a mapping with other problems breaks laws that it would keep without them.
    for broken in broken_laws(records):
        problems.add_text(broken)
    problems.raise_any()
    return MappingFile(
        name=head.name,
        verified=head.verified,
        records=records,
        own=own,
        digest=_digest(document.root),
        file=name,
        index_lag_s=head.index_lag_s,
        read_lag_s=head.read_lag_s,
        secrets=frozenset(problems.secrets),
    )


def _digest(tree: Node) -> str:
    whole: dict[str, Any] = plain(tree)
    decides = {key: whole[key] for key in _DECIDES if key in whole}
    text = json.dumps(decides, sort_keys=True, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()
