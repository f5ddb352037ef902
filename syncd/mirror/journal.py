"""The journal: what was seen, decided and done, in the order in which it happened.

`syncd order show` prints an order's lines as its timeline.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete

from syncd.core.case import OPEN_STATES
from syncd.core.work_order import Field
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import cycles, intents, journal, sweeps

DECIDED = "decided"  # a change was about to be sent; its `detail` names the side
_OPEN = [state.value for state in OPEN_STATES]


def write(
    tx: Tx,
    event: str,
    *,
    cycle_id: str | None = None,
    s2e_id: str | None = None,
    cmms_id: str | None = None,
    field: Field | None = None,
    rule: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add one line to the journal.

    Args:
        event: what happened, such as link.created.
        rule: which rule decided, or what a person chose.
        detail: values that JSON can express; the keys depend on the event.
    """
    tx.insert(
        journal,
        at=tx.now,
        cycle_id=cycle_id,
        s2e_id=s2e_id,
        cmms_id=cmms_id,
        field=field.value if field is not None else None,
        event=event,
        rule=rule,
        detail=dict(detail) if detail else None,
    )


def prune(tx: Tx, older_than: datetime) -> int:
    """Delete what is older: journal lines, cycles, sweeps and closed intents. Open intents stay.

    Returns:
        How many journal lines were deleted.
    """
    deleted = tx.conn.execute(
        delete(journal).where(journal.c.connection == tx.connection, journal.c.at < older_than)
    ).rowcount
    tx.conn.execute(
        delete(cycles).where(cycles.c.connection == tx.connection, cycles.c.started_at < older_than)
    )
    tx.conn.execute(
        delete(sweeps).where(sweeps.c.connection == tx.connection, sweeps.c.started_at < older_than)
    )
    tx.conn.execute(
        delete(intents).where(
            intents.c.connection == tx.connection,
            intents.c.settled_at < older_than,
            intents.c.state.not_in(_OPEN),
        )
    )
    return int(deleted)
