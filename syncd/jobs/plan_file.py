"""A plan in a file: a line of JSON about the file, then a line for each field to write.

    {"syncd_plan": 1, "purpose": "plan", "connection": …, "mirror": …, "cycle_id": …, "made_at": …}
    {"s2e_id": …, "cmms_id": …, "side": "s2e", "kind": "update", "field": "status",
     "from": "ASSIGNED", "to": "IN_PROGRESS", "source": "IN_PROGRESS", "rule": "cmms_changed"}

(each object stands on one line of the file). People may read it, send it to others, and delete
lines. Values are spelled as in `order show --json`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from syncd import __version__
from syncd.core.case import IntentKind
from syncd.core.planning.selection import PlanLine
from syncd.core.values import decode_value, encode_value
from syncd.core.work_order import Field, Side, Unreadable, Value
from syncd.errors import InputContentError, InputError

E = TypeVar("E", bound=StrEnum)

VERSION = 1
_KEYS = frozenset(
    {"s2e_id", "cmms_id", "side", "kind", "field", "from", "to", "source", "rule"},
)


class Purpose(StrEnum):
    PLAN = "plan"  # what the next cycle would write
    UNDO = "undo"  # what a cycle has written, taken back
    REMAP = "remap"  # what a changed mapping makes different


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a plan's file.

    Attributes:
        mirror: the identity of the mirror that it was planned from.
        cycle_id: the cycle that planned it; in an undo's file the cycle to undo.
        made_at: ISO 8601, UTC.
    """

    purpose: Purpose
    connection: str
    mirror: str | None
    cycle_id: str
    made_at: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A file that was read. The lines are by their numbers in it, from 2 on."""

    header: Header
    lines: Mapping[int, PlanLine]


def line_document(line: PlanLine) -> dict[str, Any]:
    """Return the line as JSON."""
    return {
        "s2e_id": line.s2e_id,
        "cmms_id": line.cmms_id,
        "side": line.side.value,
        "kind": line.kind.value,
        "field": line.field.value,
        "from": encode_value(line.before),
        "to": encode_value(line.to),
        "source": encode_value(line.source),
        "rule": line.rule,
    }


def write_plan(path: Path, header: Header, lines: Iterable[PlanLine]) -> None:
    """Write the whole file, or leave the old one as it is. Raises InputError."""
    first = {
        "syncd_plan": VERSION,
        "purpose": header.purpose.value,
        "connection": header.connection,
        "mirror": header.mirror,
        "cycle_id": header.cycle_id,
        "made_at": header.made_at,
        "syncd": __version__,
    }
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            for document in (first, *map(line_document, lines)):
                file.write(json.dumps(document, ensure_ascii=True) + "\n")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def read_plan(path: Path, *, connection: str, mirror: str | None) -> PlanFile:
    """Read a file and check that it belongs to this connection and mirror.

    Raises:
        InputError: it cannot be opened.
        InputContentError: it is malformed, from elsewhere, or of a newer version. The text names
            the line.
    """
    try:
        texts = path.read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputContentError(f"{path} is not UTF-8 text, and no plan's file") from error
    if not texts:
        raise InputContentError(f"{path} line 1: there is nothing in the file")
    header = _header(path, _object(path, 1, texts[0]))
    if header.connection != connection:
        raise _wrong(path, 1, f"it is a plan of the connection {header.connection}")
    if header.mirror is None or header.mirror != mirror:
        raise _wrong(path, 1, "it was planned from another mirror; plan again with this one")
    lines: dict[int, PlanLine] = {}
    numbers: dict[tuple[str, Side, Field], int] = {}
    for number, text in enumerate(texts[1:], start=2):
        if not text.strip():
            continue
        line = _line(path, number, _object(path, number, text))
        first = numbers.setdefault((line.s2e_id, line.side, line.field), number)
        if first != number:
            raise _wrong(path, number, f"it is about the same field as line {first}")
        lines[number] = line
    return PlanFile(header, lines)


def _wrong(path: Path, number: int, why: str) -> InputContentError:
    return InputContentError(f"{path} line {number}: {why}")


def _object(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(path, number, "it is not JSON") from None
    if not isinstance(document, dict):
        raise _wrong(path, number, "it is not a JSON object")
    return document


def _header(path: Path, document: dict[str, Any]) -> Header:
    version = document.get("syncd_plan")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _wrong(path, 1, "it does not say syncd_plan; this is no plan's file")
    if version > VERSION:
        raise _wrong(path, 1, f"it is of version {version}; this syncd reads {VERSION}")
    purpose = document.get("purpose")
    if not isinstance(purpose, str) or purpose not in set(Purpose):
        raise _wrong(path, 1, f"purpose is {purpose!r}; it is one of {', '.join(Purpose)}")
    texts = {name: document.get(name) for name in ("connection", "cycle_id", "made_at")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise _wrong(path, 1, f"{name} is not text")
    mirror = document.get("mirror")
    return Header(
        Purpose(purpose),
        mirror=mirror if isinstance(mirror, str) else None,
        **{name: str(value) for name, value in texts.items()},
    )


def _line(path: Path, number: int, document: dict[str, Any]) -> PlanLine:
    missing, unknown = _KEYS - document.keys(), document.keys() - _KEYS
    if missing or unknown:
        names = ", ".join(sorted(missing or unknown))
        raise _wrong(path, number, f"{'it lacks' if missing else 'it has an unknown'} {names}")
    s2e_id, cmms_id, rule = document["s2e_id"], document["cmms_id"], document["rule"]
    if not isinstance(s2e_id, str) or not s2e_id:
        raise _wrong(path, number, "s2e_id is not the id of an order")
    if not isinstance(rule, str) or not isinstance(cmms_id, str | None):
        raise _wrong(path, number, "rule or cmms_id is not text")
    side = _choice(path, number, "side", document["side"], Side)
    kind = _choice(path, number, "kind", document["kind"], IntentKind)
    field = _choice(path, number, "field", document["field"], Field)
    if kind is IntentKind.CREATE and side is not Side.CMMS:
        raise _wrong(path, number, "only CMMS records are created")
    before = _value(path, number, field, "from", document["from"], may_be_unreadable=True)
    to = _value(path, number, field, "to", document["to"])
    source = _value(path, number, field, "source", document["source"], may_be_unreadable=True)
    return PlanLine(s2e_id, cmms_id, side, kind, field, before, to, source, rule)


def _choice(path: Path, number: int, name: str, raw: object, choices: type[E]) -> E:
    if not isinstance(raw, str) or raw not in set(choices):
        raise _wrong(path, number, f"{name} is {raw!r}; it is one of {', '.join(choices)}")
    return choices(raw)


def _value(
    path: Path,
    number: int,
    field: Field,
    name: str,
    raw: object,
    *,
    may_be_unreadable: bool = False,
) -> Value:
    if isinstance(raw, dict) and may_be_unreadable:
        return decode_value(field, raw)
    if not isinstance(raw, str | None):
        raise _wrong(path, number, f"{name} is not text and not null")
    value = decode_value(field, raw)
    if isinstance(value, Unreadable):
        raise _wrong(path, number, f"{name} {value.why}")
    return value
