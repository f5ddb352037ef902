"""A plan's file: written as a whole, read with every line checked."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from syncd.core.case import IntentKind
from syncd.core.planning.selection import PlanLine
from syncd.core.work_order import Field, Side, Status, Unreadable, Value
from syncd.errors import InputContentError, InputError
from syncd.jobs.plan_file import Header, PlanFile, Purpose, read_plan, write_plan

HEADER = Header(Purpose.PLAN, "default", "m1", "c1", "2026-03-10T14:30:00.000Z")


def line(
    field: Field = Field.STATUS, before: Value = None, to: Value = None, source: Value = None
) -> PlanLine:
    return PlanLine(
        "wo_1", "7", Side.S2E, IntentKind.UPDATE, field, before, to, source, "cmms_changed"
    )


def read(path: Path) -> PlanFile:
    return read_plan(path, connection="default", mirror="m1")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    lines = [
        line(to=Status.ON_HOLD, before=Unreadable("LOST", "is not a status we know")),
        line(Field.ACTUAL_HOURS, Decimal("1.5"), Decimal(2), Decimal(2)),
        line(Field.COMPLETED_AT, to=datetime(2026, 3, 10, 14, tzinfo=UTC)),
        line(Field.RESOLUTION, to="two\nlines\u2028and Ö 🔧", source="\u0000"),
        PlanLine(
            "wo_2", None, Side.CMMS, IntentKind.CREATE, Field.TITLE, None, "Pump", "Pump", "create"
        ),
    ]
    write_plan(path, HEADER, lines)
    assert read(path) == PlanFile(HEADER, dict(enumerate(lines, start=2)))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 6
    assert [each.name for each in tmp_path.iterdir()] == ["plan.jsonl"]


def test_lines_may_be_taken_out_and_empty_ones_left(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, HEADER, [line(), line(Field.RESOLUTION, to="x")])
    header, _, second = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{header}\n\n{second}\n\n", encoding="utf-8")
    assert list(read(path).lines) == [3]


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_plan(tmp_path / "no" / "plan.jsonl", HEADER, [])
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "plan.jsonl")
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        write_plan(tmp_path, HEADER, [])
    assert list(tmp_path.iterdir()) == []


GOOD_HEADER: dict[str, Any] = {
    "syncd_plan": 1,
    "purpose": "plan",
    "connection": "default",
    "mirror": "m1",
    "cycle_id": "c1",
    "made_at": "2026-03-10T14:30:00.000Z",
}
GOOD: dict[str, Any] = {
    "s2e_id": "wo_1",
    "cmms_id": "7",
    "side": "s2e",
    "kind": "update",
    "field": "status",
    "from": "ASSIGNED",
    "to": "ON_HOLD",
    "source": "ON_HOLD",
    "rule": "cmms_changed",
}


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"syncd_plan": 2}, "line 1: it is of version 2; this syncd reads 1"),
        ({"syncd_plan": "1"}, "line 1: it does not say syncd_plan"),
        ({"syncd_plan": True}, "line 1: it does not say syncd_plan"),
        ({"syncd_plan": 0}, "line 1: it does not say syncd_plan"),
        ({"purpose": "mischief"}, "line 1: purpose is 'mischief'; it is one of plan, undo, remap"),
        ({"purpose": ["plan"]}, "line 1: purpose is"),
        ({"connection": "other"}, "line 1: it is a plan of the connection other"),
        ({"connection": None}, "line 1: connection is not text"),
        ({"mirror": "m2"}, "line 1: it was planned from another mirror"),
        ({"mirror": None}, "line 1: it was planned from another mirror"),
        ({"cycle_id": 7}, "line 1: cycle_id is not text"),
    ],
)
def test_a_foreign_or_newer_file_is_refused(
    tmp_path: Path, header: dict[str, Any], why: str
) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_text(json.dumps(GOOD_HEADER | header), encoding="utf-8")
    with pytest.raises(InputContentError, match=why):
        read(path)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"s2e_id": ""}, "s2e_id is not the id of an order"),
        ({"s2e_id": 7}, "s2e_id is not the id of an order"),
        ({"cmms_id": 7}, "rule or cmms_id is not text"),
        ({"rule": None}, "rule or cmms_id is not text"),
        ({"side": "both"}, "side is 'both'; it is one of s2e, cmms"),
        ({"kind": "delete"}, "kind is 'delete'; it is one of create, update"),
        ({"kind": "create"}, "only CMMS records are created"),
        ({"field": "colour"}, "field is 'colour'; it is one of"),
        ({"field": ["status"]}, "field is"),
        ({"to": "LOST"}, "to is not a status we know"),
        ({"to": 7}, "to is not text and not null"),
        ({"to": {"unreadable": "x", "why": "y"}}, "to is not text and not null"),
        ({"from": 7}, "from is not text and not null"),
        ({"more": 1}, "it has an unknown more"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_its_number(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_text(
        "\n".join(map(json.dumps, (GOOD_HEADER, {**GOOD, "s2e_id": "wo_0"}, GOOD | changed))),
        encoding="utf-8",
    )
    with pytest.raises(InputContentError, match=f"plan.jsonl line 3: {why}"):
        read(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "line 1: there is nothing in the file"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"PK\x03\x04", "line 1: it is not JSON"),
        (b"[1]", "line 1: it is not a JSON object"),
        (b"[" * 100_000, "line 1: it is not JSON"),
        (json.dumps(GOOD_HEADER).encode() + b'\n{"s2e_id": "wo_1"', "line 2: it is not JSON"),
        (json.dumps(GOOD_HEADER).encode() + b'\n{"s2e_id": "wo_1"}', "line 2: it lacks cmms_id"),
        (
            "\n".join(map(json.dumps, (GOOD_HEADER, GOOD, GOOD))).encode(),
            "line 3: it is about the same field as line 2",
        ),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputContentError, match=why):
        read(path)
