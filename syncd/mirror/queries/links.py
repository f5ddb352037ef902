"""Links as people see them, and what `syncd links relink` checks before it keeps an answer."""

from typing import Any

from sqlalchemy import select

from syncd.core.planning.unlinked import UNLINKED
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import cmms_records, links, parked, s2e_orders
from syncd.mirror.link_answers import LinkAnswer, load_answers


def link_list(tx: Tx) -> list[dict[str, Any]]:
    """The rows of `syncd links list`: s2e_id, cmms_id, how, made_at, state.

    First come the links, then the orders that a person has unlinked, then other orders about which
    an answer waits. `state` is that answer, or missing, or dropped, or empty.
    """
    answers = {answer.s2e_id: answer for answer in load_answers(tx)}
    rows = [
        {
            "s2e_id": row.s2e_id,
            "cmms_id": row.cmms_id,
            "how": row.how,
            "made_at": row.made_at,
            "state": _state(answers.pop(row.s2e_id, None), "missing" if row.missing_cycles else ""),
        }
        for row in tx.conn.execute(
            select(links).where(links.c.connection == tx.connection).order_by(links.c.s2e_id)
        )
    ]
    unlinked = select(parked.c.s2e_id, parked.c.since).where(
        parked.c.connection == tx.connection, parked.c.field == "", parked.c.reason == UNLINKED
    )
    for row in tx.conn.execute(unlinked.order_by(parked.c.s2e_id)):
        state = _state(answers.pop(row.s2e_id, None), "dropped")
        rows.append(_not_linked(row.s2e_id, row.since, state))
    return rows + [
        _not_linked(answer.s2e_id, None, _state(answer, "")) for answer in answers.values()
    ]


def _not_linked(s2e_id: str, since: Any, state: str) -> dict[str, Any]:
    return {"s2e_id": s2e_id, "cmms_id": None, "how": None, "made_at": since, "state": state}


def _state(answer: LinkAnswer | None, otherwise: str) -> str:
    if answer is None:
        return otherwise
    return f"{answer.wish.value} {answer.cmms_id or ''}".strip() + " in the next cycle"


def order_facts(tx: Tx, s2e_id: str) -> Any:
    """The external_id and tombstone_at of an order; None: Scan2Evolve was never seen to hold it."""
    return tx.conn.execute(
        select(s2e_orders.c.external_id, s2e_orders.c.tombstone_at).where(
            s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id
        )
    ).one_or_none()


def claiming_records(tx: Tx, s2e_id: str) -> list[str]:
    """The cmms_ids of the records that carry this order's id."""
    claims = select(cmms_records.c.cmms_id).where(
        cmms_records.c.connection == tx.connection, cmms_records.c.s2e_id == s2e_id
    )
    return list(tx.conn.execute(claims.order_by(cmms_records.c.cmms_id)).scalars())
