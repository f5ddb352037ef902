"""Load a mapping file: the shared part here, the rest by whoever knows its kind.

    mapped = load_mapping("acme.yaml", "rest/1", environ, read_rest)

A kind's own part is read by a function that takes the whole file as a `Section`, asks for its
keys, and returns what it made of them. Both parts' problems are told together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from syncd.cmms.mapping.fields import read_records
from syncd.cmms.mapping.nodes import Node, plain
from syncd.cmms.mapping.section import Problems, Section
from syncd.cmms.mapping.tree import filled, read_tree
from syncd.cmms.mapping.values.laws import broken_laws
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.port import VERIFIED

T = TypeVar("T")
KINDS = ("rest/1", "sql/1")
# What decides how a record is read: where this stays the same, a base means what it meant.
_DECIDES_READING = ("mapping", "id", "fields", "maps", "times", "url")


@dataclass(frozen=True, slots=True)
class MappingFile(Generic[T]):
    """A mapping, loaded and lawful.

    Attributes:
        own: what the kind's own reader made of its part.
        digest: another one whenever records may be read differently; of no secret.
        secrets: values of the environment that must never be shown.
        file: as the setting names it.
    """

    name: str
    kind: str
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
        """What people are told about how it is verified."""
        return f"{self.name} ({self.file}), {VERIFIED[self.verified]}"


def load_mapping(
    name: str, kind: str, environ: Mapping[str, str], read_own: Callable[[Section, RecordMap], T]
) -> MappingFile[T]:
    """The mapping that the setting names.

    Args:
        name: preset:NAME, or a path.
        kind: the only kind that the caller knows, one of KINDS.
        read_own: reads the keys that only this kind has.

    Raises:
        ConfigurationError: one line for each problem.
    """
    problems = Problems()
    root = Section(filled(read_tree(name), environ, problems), "", problems)
    spoken = root.required_text("mapping", kind)
    if spoken and spoken != kind:
        known = "this adapter takes" if spoken in KINDS else f"there is {', '.join(KINDS)};"
        root.problem(f"is {spoken}; {known} {kind}", "mapping")
        problems.raise_any()
    title = root.required_text("name", "acme")
    verified = root.choice("verified", VERIFIED, "none")
    records = read_records(root, flat=kind.startswith("sql/"))
    index_lag_s = root.number("index_lag_s", 0.0, least=0)
    read_lag_s = root.number("read_lag_s", 0.0, least=0)
    own = read_own(root, records)
    root.done()
    # A law is tried on what could be read: a mapping with other problems breaks laws that it keeps.
    if not problems:
        for broken in broken_laws(records):
            problems.add_text(broken)
    problems.raise_any()
    return MappingFile(
        name=title,
        kind=kind,
        verified=verified,
        records=records,
        own=own,
        digest=_digest(root.node),
        file=name,
        index_lag_s=index_lag_s,
        read_lag_s=read_lag_s,
        secrets=frozenset(problems.secrets),
    )


def _digest(tree: Node) -> str:
    whole: dict[str, Any] = plain(tree)
    decides = {key: whole[key] for key in _DECIDES_READING if key in whole}
    text = json.dumps(decides, sort_keys=True, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()
