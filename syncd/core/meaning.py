"""What words of the CMMS stand for, and whether that is another meaning than the pinned one.

A meaning may rest on what the server says beside its records: which stage comes first, which id a
priority has. What was learned first is pinned. A server that says something else later on changes
nothing by itself:

    the server's meaning          the pinned one      what becomes of it
    ───────────────────────────   ─────────────────   ──────────────────────────────────────────────
    the same                      the same            nothing
    of a word that is not pinned  has none            told; its records' values cannot be read
    another, or none              still read by       told; differences in this field wait
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from syncd.core.work_order import Field

# Per field, what a word of the CMMS stands for, or which word is written for one of ours.
Meanings = Mapping[Field, Mapping[str, str]]
MEANING_CHANGED = "meaning_changed"  # the reason for which differences in such a field wait


@dataclass(frozen=True, slots=True)
class MeaningChange:
    """How a server's meaning differs from the pinned one.

    Attributes:
        moved: fields of which a pinned word means something else now; their differences wait.
        lines: each difference, for people.
    """

    moved: frozenset[Field] = frozenset()
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)


def compare_meanings(pinned: Meanings, now: Meanings) -> MeaningChange:
    """How `now` differs from what is pinned.

    >>> pinned = {Field.STATUS: {"stage 1": "ASSIGNED"}}
    >>> change = compare_meanings(pinned, {Field.STATUS: {"stage 5": "ASSIGNED"}})
    >>> sorted(change.moved), change.lines[0]
    ([<Field.STATUS: 'status'>], 'status: stage 1 was ASSIGNED, is nothing')
    """
    moved = {name for name in pinned if _is_moved(pinned[name], now.get(name, {}))}
    lines = [line for name in Field for line in _lines(name, pinned.get(name), now.get(name))]
    return MeaningChange(frozenset(moved), tuple(lines))


def _is_moved(pinned: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return any(now.get(word) != meaning for word, meaning in pinned.items())


def _lines(
    name: Field, pinned: Mapping[str, str] | None, now: Mapping[str, str] | None
) -> Iterator[str]:
    before, after = pinned or {}, now or {}
    for word in [*before, *(word for word in after if word not in before)]:
        was, is_ = before.get(word), after.get(word)
        if was != is_:
            yield f"{name}: {word} was {was or 'nothing'}, is {is_ or 'nothing'}"
