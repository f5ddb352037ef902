"""Cut a failing history down to the steps that it takes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.steps import History, Step

_TRIES = 400  # histories played to make one small


def shrink(history: History, fails: Callable[[History], bool], tries: int = _TRIES) -> History:
    """A history of which no step can be left out, or the best that so many tries have found.

    Args:
        fails: whether a history still fails, in the way that matters.
    """
    steps, size, left = history.steps, max(len(history.steps) // 2, 1), tries
    while left > 0:
        shorter = None
        for start in range(0, len(steps), size):
            candidate = steps[:start] + steps[start + size :]
            left -= 1
            if fails(replace(history, steps=candidate)):
                shorter = candidate
                break
            if left <= 0:
                break
        if shorter is not None:
            steps = shorter
        elif size == 1:
            break
        else:
            size = max(size // 2, 1)
    return replace(history, steps=steps)


def shown(steps: Sequence[Step]) -> str:
    return "\n".join(f"  {step}" for step in steps)
