"""What is usual: how a field was written in the hours of the last seven days."""

from datetime import datetime, timedelta

from sqlalchemy import update

from syncd.core.planning.guards import FieldHours
from syncd.core.work_order import Field, Side
from syncd.mirror import journal
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import journal as table
from syncd.mirror.guard_counts import load_hours

KEY = (Side.S2E, Field.STATUS)


def write(mirror: Mirror, hours_ago: float, count: int, **more: object) -> None:
    """So many orders were written so long ago."""
    with mirror.transaction() as tx:
        for number in range(count):
            journal.write(
                tx,
                journal.DECIDED,
                s2e_id=f"wo_{hours_ago}_{number}",
                field=Field(str(more.get("field", "status"))),
                rule=str(more.get("rule", "cmms_changed")),
                detail={"side": more.get("side", "s2e")},
            )
        at = _now(mirror) - timedelta(hours=hours_ago)
        these = table.c.s2e_id.like(f"wo_{hours_ago}_%")
        tx.conn.execute(update(table).where(these).values(at=at))


def _now(mirror: Mirror) -> datetime:
    with mirror.read() as tx:
        return tx.now


def hours(mirror: Mirror) -> FieldHours:
    with mirror.read() as tx:
        return load_hours(tx, tx.now, [KEY])[KEY]


def test_the_second_busiest_hour_of_seven_days_is_usual(mirror: Mirror) -> None:
    write(mirror, 50.5, 60)
    write(mirror, 30.5, 12)
    write(mirror, 20.5, 5)
    write(mirror, 24 * 8, 40)
    assert hours(mirror).usual == 12


def test_the_last_hour_is_written_and_not_usual(mirror: Mirror) -> None:
    write(mirror, 0.5, 7)
    assert (len(hours(mirror).written), hours(mirror).usual) == (7, 0)


def test_first_meetings_other_fields_and_the_other_side_do_not_count(mirror: Mirror) -> None:
    write(mirror, 0.25, 7, rule="met_cmms")
    write(mirror, 0.75, 7, field="title")
    write(mirror, 0.5, 7, side="cmms")
    assert hours(mirror) == FieldHours()
