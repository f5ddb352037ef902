"""A person's answers about links: kept as rows, and acted on by the holder of the lease.

An answer is given without the lease, while a cycle may run that has planned on the old link. It
is acted on when the next cycle begins, before anything is planned, and not while a write of ours
to either side has not come to its end: that is read back by way of the old link.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select, update

from syncd.core.case import OPEN_STATES, Hold
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.core.work_order import Field, Side
from syncd.mirror import holds, intents, links, observations
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import (
    conflicts,
    drifts,
    parked,
    s2e_orders,
    state,
)
from syncd.mirror.db.tables import intents as intents_table
from syncd.mirror.state import set_state

_PREFIX = "link_answer:"  # and the order's id: one answer of an order at a time


class Wish(StrEnum):
    RELINK = "relink"  # the order is that record
    RECREATE = "recreate"  # its record is gone: make another one
    DROP = "drop"  # it is linked to nothing, until somebody relinks it


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """What a person wants of one order. `cmms_id`: the record to link, for RELINK."""

    s2e_id: str
    wish: Wish
    cmms_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that was acted on, or why it was not."""

    answer: LinkAnswer
    refused: str | None = None


_ASKED = (
    select(state.c.key, state.c.value)
    .where(own(state), state.c.key.startswith(_PREFIX, autoescape=True))
    .order_by(state.c.key)
)


def save_answer(tx: Tx, answer: LinkAnswer) -> None:
    """Keep an answer for the next cycle; it replaces an older one of the same order."""
    key, told = _PREFIX + answer.s2e_id, {"wish": answer.wish.value, "cmms_id": answer.cmms_id}
    set_state(tx, key, told)
    mark_attention(tx, [answer.s2e_id])


def load_answers(tx: Tx) -> list[LinkAnswer]:
    """The answers that wait for the next cycle."""
    rows = tx.run(_ASKED)
    return [
        LinkAnswer(row.key.removeprefix(_PREFIX), Wish(row.value["wish"]), row.value["cmms_id"])
        for row in rows
    ]


def take_answers(tx: Tx) -> list[Taken]:
    """Act on the answers of orders that no write is under way for; return these."""
    return list(_take(tx))


def _take(tx: Tx) -> Iterator[Taken]:
    for answer in load_answers(tx):
        s2e_id = answer.s2e_id
        intents.give_up_creates(tx, s2e_id)  # the person has looked
        if _is_under_way(tx, s2e_id):
            continue
        refused = _refusal(tx, answer)
        if refused is None:
            _act(tx, answer)
        tx.conn.execute(
            delete(state).where(
                state.c.connection == tx.connection, state.c.key == _PREFIX + s2e_id
            )
        )
        yield Taken(answer, refused)


def _is_under_way(tx: Tx, s2e_id: str) -> bool:
    found = select(intents_table.c.id).where(
        intents_table.c.connection == tx.connection,
        intents_table.c.s2e_id == s2e_id,
        intents_table.c.state.in_([each.value for each in OPEN_STATES]),
    )
    return tx.conn.execute(found.limit(1)).first() is not None


def _refusal(tx: Tx, answer: LinkAnswer) -> str | None:
    """Why it cannot be done any more."""
    if answer.cmms_id is None:
        return None
    owner = links.owner_of(tx, answer.cmms_id)
    if owner not in {None, answer.s2e_id}:
        return f"the record is linked to {owner}"
    return None


def _act(tx: Tx, answer: LinkAnswer) -> None:
    s2e_id = answer.s2e_id
    old = links.link_of(tx, s2e_id)
    _forget_what_waits(tx, s2e_id)
    links.drop_link(tx, s2e_id)
    if old is not None and old.missing_cycles:
        observations.forget_record(tx, old.cmms_id)  # gone, it claims nothing any more
    if answer.wish is Wish.RELINK and answer.cmms_id is not None:
        links.make_link(tx, s2e_id, answer.cmms_id, "relinked")
    elif answer.wish is Wish.RECREATE:
        holds.put_hold(tx, s2e_id, Hold(Side.CMMS, None, RECREATE))
    else:
        holds.put_hold(tx, s2e_id, Hold(Side.CMMS, None, UNLINKED))
    if answer.wish is not Wish.DROP and old is not None:
        _let_reference_follow(tx, s2e_id, old.cmms_id, answer.cmms_id)
    mark_attention(tx, [s2e_id])


def _forget_what_waits(tx: Tx, s2e_id: str) -> None:
    """What was parked, asked or drifting was about the old link."""
    for table in (parked, drifts):
        tx.conn.execute(
            delete(table).where(table.c.connection == tx.connection, table.c.s2e_id == s2e_id)
        )
    open_ones = (
        conflicts.c.connection == tx.connection,
        conflicts.c.s2e_id == s2e_id,
        conflicts.c.resolved_at.is_(None),
    )
    tx.conn.execute(update(conflicts).where(*open_ones).values(resolved_at=tx.now))


def _let_reference_follow(tx: Tx, s2e_id: str, old: str, new: str | None) -> None:
    """Where externalId names the record that the order was linked to, it may name the new one.

    A differing externalId is never overwritten but on a person's word, and this is one.
    """
    here = (s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id)
    told = tx.conn.execute(select(s2e_orders.c.external_id).where(*here)).scalar_one_or_none()
    if told != old or told == new:
        return
    tx.conn.execute(
        insert(conflicts).values(
            connection=tx.connection,
            s2e_id=s2e_id,
            field=Field.EXTERNAL_ID.value,
            s2e_value=told,
            cmms_value=new,
            answer=Side.CMMS.value,
            found_at=tx.now,
            cycle_id="",
        )
    )
