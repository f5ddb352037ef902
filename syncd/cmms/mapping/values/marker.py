"""The Scan2Evolve id as a line of a text that people read, where a CMMS has no field for it."""

import re

_LINE = re.compile(r"^[ \t]*S2E: (?P<id>\S+)[ \t]*$", re.MULTILINE)


def line_of(s2e_id: str) -> str:
    return f"S2E: {s2e_id}"


def tail_of(text: str, s2e_id: str) -> str:
    """What follows the text so that it carries the id, in a line at its end."""
    return f"\n\n{line_of(s2e_id)}" if text else line_of(s2e_id)


def unmarked(text: str | None) -> str | None:
    """The text as people wrote it; None if nothing else was in it."""
    if text is None or "S2E: " not in text:
        return text
    found = list(_LINE.finditer(text))
    if not found:
        return text
    kept, at = [], 0
    for line in found:
        kept.append(text[at : line.start()].rstrip("\n"))
        at = line.end()
    kept.append(text[at:].lstrip("\n"))
    return "\n".join(part for part in kept if part) or None


def id_in(text: str | None) -> str | None:
    """The id that the text carries: of several, copied along with a text, the last.

    >>> id_in("see\\nS2E: wo_0\\n\\nS2E: wo_1")
    'wo_1'
    """
    found = _LINE.findall(text or "")
    return found[-1] if found else None
