"""The Scan2Evolve id as a line `S2E: wo_…` of a text, for a CMMS that has no field for it."""

import re

_LINE = re.compile(r"^[ \t]*S2E: (?P<id>\S+)[ \t]*$", re.MULTILINE)


def line_of(s2e_id: str) -> str:
    """The line that carries this id."""
    return f"S2E: {s2e_id}"


def tail_of(text: str, s2e_id: str) -> str:
    """What is put after the text, so that its last line carries the id."""
    return f"\n\n{line_of(s2e_id)}" if text else line_of(s2e_id)


def unmarked(text: str | None) -> str | None:
    """The text without its lines that carry an id; None if nothing else is in it."""
    if text is None or "S2E: " not in text:
        return text
    lines = list(_LINE.finditer(text))
    if not lines:
        return text
    kept, at = [], 0
    for line in lines:
        kept.append(text[at : line.start()].rstrip("\n"))
        at = line.end()
    kept.append(text[at:].lstrip("\n"))
    return "\n".join(part for part in kept if part) or None


def id_in(text: str | None) -> str | None:
    """The id that the text carries, if any.

    A text that was copied from another order may carry several: the last one counts.

    >>> id_in("see\\nS2E: wo_0\\n\\nS2E: wo_1")
    'wo_1'
    """
    ids = _LINE.findall(text or "")
    return ids[-1] if ids else None
