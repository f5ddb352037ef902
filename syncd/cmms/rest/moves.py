"""The shortest legal way from one value of a field to another.

A CMMS may allow a status to change only in certain moves, NEW to OPEN and OPEN to DONE. The
mapping lists these moves; here the fewest of them that lead to a value are found.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.cmms.mapping.values.value_map import native_key


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move.

    Attributes:
        to: the native value that it leads to.
        name: what {move} stands for: the move's own name, or `to` where it has none.
    """

    to: str
    name: Any


class Moves:
    """The legal moves between native values: `{NEW: [OPEN], OPEN: {DONE: "31"}}`."""

    def __init__(self, legal: Mapping[str, Sequence[str] | Mapping[str, Any]]) -> None:
        self._from: dict[str, list[Move]] = {}
        for start, targets in legal.items():
            named = targets if isinstance(targets, Mapping) else {it: it for it in targets}
            self._from[native_key(start)] = [
                Move(native_key(to), name) for to, name in named.items()
            ]

    @property
    def values(self) -> set[str]:
        """All values that a move starts from or leads to."""
        return set(self._from) | {move.to for moves in self._from.values() for move in moves}

    @property
    def first(self) -> str | None:
        """The value that records begin with: the first one that the mapping lists."""
        return next(iter(self._from), None)

    def way(self, start: object, end: object) -> list[Move] | None:
        """Find the fewest moves from one value to another; None: no moves lead there.

        >>> moves = Moves({"NEW": ["OPEN"], "OPEN": ["WIP", "HOLD"], "WIP": ["DONE"]})
        >>> [move.to for move in moves.way("NEW", "DONE")], moves.way("DONE", "NEW")
        (['OPEN', 'WIP', 'DONE'], None)
        """
        first, last = native_key(start), native_key(end)
        ways: dict[str, list[Move]] = {first: []}
        waiting = deque([first])
        while waiting:
            here = waiting.popleft()
            if here == last:
                return ways[here]
            for move in self._from.get(here, []):
                if move.to not in ways:
                    ways[move.to] = [*ways[here], move]
                    waiting.append(move.to)
        return None

    def reaches(self, value: object) -> bool:
        """Whether a record can have this value: it begins with it, or a move leads to it."""
        last = native_key(value)
        if last == self.first:
            return True
        return any(move.to == last for moves in self._from.values() for move in moves)
