"""Links: this order is that record."""

from sqlalchemy import bindparam, delete, select, update

from syncd.mirror.attention import mark_attention, mark_record
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import bases, links

_LINK = (own(links), links.c.cmms_id == bindparam("of"))
_ONE_LINK = select(links.c.s2e_id, links.c.missing_cycles, links.c.missing_cycle).where(*_LINK)
_MISSING = update(links).where(*_LINK)


def make_link(tx: Tx, s2e_id: str, cmms_id: str, how: str, *, carried: bool = False) -> None:
    """Keep that this order is that record. A second link of either one is an error.

    Args:
        how: adopted, reference, created or relinked.
        carried: the record carries the order's id.
    """
    made = {"made_at": tx.now, "missing_cycles": 0, "carried": carried}
    tx.insert(links, s2e_id=s2e_id, cmms_id=cmms_id, how=how, **made)


def mark_carried(tx: Tx, s2e_id: str, carried: bool = True) -> None:
    """Keep whether the linked record has carried the order's id."""
    here = (own(links), links.c.s2e_id == bindparam("of"))
    tx.run(update(links).where(*here), of=s2e_id, carried=carried)


def drop_link(tx: Tx, s2e_id: str) -> None:
    """Forget the link and its bases. Both observations stay.

    The record is marked: the order whose id it carries, or that names it, may have it now.
    """
    freed = select(links.c.cmms_id).where(
        links.c.connection == tx.connection, links.c.s2e_id == s2e_id
    )
    mark_record(tx, tx.conn.execute(freed).scalar_one_or_none())
    for table in (links, bases):
        tx.conn.execute(
            delete(table).where(table.c.connection == tx.connection, table.c.s2e_id == s2e_id)
        )


def note_missing(tx: Tx, cmms_id: str, cycle_id: str) -> str | None:
    """Keep that the CMMS has no record of this id in this cycle.

    Returns:
        The order that is linked to it, if this is the second such cycle in a row; else None.
    """
    row = tx.run(_ONE_LINK, of=cmms_id).one_or_none()
    if row is None or row.missing_cycle == cycle_id:
        return None
    tx.run(_MISSING, of=cmms_id, missing_cycles=row.missing_cycles + 1, missing_cycle=cycle_id)
    mark_attention(tx, [row.s2e_id])
    return str(row.s2e_id) if row.missing_cycles == 1 else None
