"""The columns in which people read Scan2Evolve's orders, from the JSON that is kept."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from syncd.core.order_json import PATHS, OrderJson, parse_work_order
from syncd.core.values import format_time
from syncd.core.work_order import Field
from syncd.mirror import observations
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.view import NAME, create_view
from tests.core.test_order_json import MUTANTS, ORDER

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def shown(mirror: Mirror, *raws: dict[str, Any]) -> list[dict[str, Any]]:
    orders = [OrderJson(raw["id"], raw) for raw in raws]
    with mirror.transaction() as tx:
        observations.save_s2e(tx, orders, seen_at=NOON)
    with mirror.read() as tx:
        rows = tx.conn.execute(text(f"SELECT * FROM {NAME} ORDER BY s2e_id"))
        return [dict(row._mapping) for row in rows]


def test_the_view_shows_every_field_where_the_reader_finds_it(mirror: Mirror) -> None:
    times = {"dueDate": "2026-03-15T17:00:00.000Z", "startedAt": "2026-03-10T14:30:00.000Z"}
    raw = {**ORDER, **times, "completedAt": times["startedAt"], "actualHours": 2}
    [row] = shown(mirror, raw)
    fields = parse_work_order(OrderJson(raw["id"], raw)).fields
    for name in PATHS:
        value = fields[name]
        told = format_time(value) if isinstance(value, datetime) else value
        assert row[name.value] == told, name
    assert set(Field) < set(row)
    assert row["sync_status"] == "SYNCED"
    assert (row["site_id"], row["asset_id"]) == ("site_1", "asset_1")
    assert row["updated_at"] == "2026-03-10T14:31:00.123Z"


def test_the_view_takes_the_first_place_that_has_a_value(mirror: Mirror) -> None:
    person = {"email": "", "name": "Bob"}
    [row] = shown(mirror, {"id": "wo_1", "assignedTo": person, "asset": None, "assetName": "P 7"})
    assert (row["assigned_to"], row["asset_name"], row["asset_code"]) == ("Bob", "P 7", None)


def test_hours_can_be_added_up(mirror: Mirror) -> None:
    hours: list[Any] = [4.5, 1, None, "four", {"h": 1}, True]
    shown(mirror, *({"id": f"wo_{n}", "actualHours": told} for n, told in enumerate(hours)))
    with mirror.read() as tx:
        assert tx.conn.scalar(text(f"SELECT sum(actual_hours) FROM {NAME}")) == Decimal("5.5")


@pytest.mark.parametrize("key", sorted(set(ORDER) - {"id"}))
def test_no_value_of_any_order_keeps_the_others_from_being_shown(mirror: Mirror, key: str) -> None:
    values = [*MUTANTS, 10**300, -1e308, {"site": {"id": [1], "code": {}}}]
    rows = shown(mirror, *({**ORDER, "id": f"wo_{n}", key: v} for n, v in enumerate(values)))
    assert len(rows) == len(values)


# The view as the migrations leave it. Where it changes, a mirror that is there already has the old
# one: write a migration that drops the view and makes it anew, then change this line.
VIEW = "3378bc1f39da2555"


def test_a_changed_view_has_a_migration_that_makes_it_anew() -> None:
    statements = "\n".join(create_view(dialect) for dialect in ("sqlite", "postgresql"))
    assert hashlib.sha256(statements.encode()).hexdigest()[:16] == VIEW
