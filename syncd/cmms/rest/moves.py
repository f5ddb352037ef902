"""The shortest legal way from one status to another."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.cmms.mapping.values.value_map import native_key


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move.

    Attributes:
        name: what {move} stands for: the move's own name, or the native value it leads to.
    """

    to: str
    name: Any


class Moves:
    """The legal moves between native values: `{NEW: [OPEN], OPEN: {DONE: "31"}}`."""

    def __init__(self, said: Mapping[str, Sequence[str] | Mapping[str, Any]]) -> None:
        self._from: dict[str, list[Move]] = {}
        for start, targets in said.items():
            named = targets if isinstance(targets, Mapping) else {it: it for it in targets}
            self._from[native_key(start)] = [
                Move(native_key(to), name) for to, name in named.items()
            ]

    @property
    def values(self) -> set[str]:
        """All values that are named."""
        return set(self._from) | {move.to for moves in self._from.values() for move in moves}

    def way(self, start: object, end: object) -> list[Move] | None:
        """The moves from one value to another, the fewest there are; None: there is no way.

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
        """Whether a move leads there, or a record begins there: the first that is named."""
        last = native_key(value)
        if last == next(iter(self._from), None):
            return True
        return any(move.to == last for moves in self._from.values() for move in moves)
