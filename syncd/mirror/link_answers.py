"""A person's answers about links: kept when they are given, and acted on in the next cycle.

A person answers without the lease, while a cycle may run that has planned with the old link. So
the answer is only kept then, under a key of `state`. The next cycle acts on it before it plans. An
answer about an order with an open write waits longer, since that write is read back by way of the
old link. It does not wait for a write to a record that no longer says that it is the order's: no
read of that record shows what became of the write, and so it counts as not applied.

the answer                          what becomes of the link    externalId
─────────────────────────────────   ─────────────────────────   ─────────────────────────────────
it is another record                made anew, without bases    follows, if it named the old one
                                                                or another order's, or the order
                                                                was parked for what it names
it is the linked record after all   stays, with its bases       follows
make its lost record anew           dropped                     follows the new record, as above
it is linked to nothing             dropped                     stays

A dropped link frees its record for the order whose id that carries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select, update

from syncd.core.case import DROPPED, IDENTITY, OPEN_STATES, Hold
from syncd.core.planning.unlinked import (
    EXTERNAL_ID_TAKEN,
    EXTERNAL_ID_UNKNOWN,
    RECREATE,
    UNLINKED,
)
from syncd.core.work_order import Field, Side
from syncd.mirror import intents, links, observations
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import (
    cmms_records,
    conflicts,
    drifts,
    parked,
    s2e_orders,
    state,
)
from syncd.mirror.db.tables import intents as intents_table
from syncd.mirror.decided.holds import lift_hold, put_hold
from syncd.mirror.decided.links import drop_link, make_link, mark_carried
from syncd.mirror.state import set_state

_PREFIX = "link_answer:"  # followed by the order's id, so that an order has one answer


class Wish(StrEnum):
    RELINK = "relink"  # the order is that record
    RECREATE = "recreate"  # its record is gone: make another one
    DROP = "drop"  # it is linked to nothing, until somebody relinks it


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """What a person wants of one order. `cmms_id` is the record to link, for RELINK only."""

    s2e_id: str
    wish: Wish
    cmms_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that is done with.

    Attributes:
        refused: why it was not acted on; None: it was.
    """

    answer: LinkAnswer
    refused: str | None = None


_ANSWERS = (
    select(state.c.key, state.c.value)
    .where(own(state), state.c.key.startswith(_PREFIX, autoescape=True))
    .order_by(state.c.key)
)


def save_answer(tx: Tx, answer: LinkAnswer) -> None:
    """Keep an answer for the next cycle; it replaces an older one of the same order."""
    value = {"wish": answer.wish.value, "cmms_id": answer.cmms_id}
    set_state(tx, _PREFIX + answer.s2e_id, value)
    mark_attention(tx, [answer.s2e_id])


def load_answers(tx: Tx) -> list[LinkAnswer]:
    """The answers that wait for the next cycle."""
    rows = tx.run(_ANSWERS)
    return [
        LinkAnswer(row.key.removeprefix(_PREFIX), Wish(row.value["wish"]), row.value["cmms_id"])
        for row in rows
    ]


def take_answers(tx: Tx) -> list[Taken]:
    """Act on the answers about orders that have no open write; return these answers."""
    return list(_take(tx))


def _take(tx: Tx) -> Iterator[Taken]:
    for answer in load_answers(tx):
        s2e_id = answer.s2e_id
        intents.give_up_creates(tx, s2e_id)  # the person has checked
        _give_up_what_no_read_shows(tx, s2e_id)
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


def _give_up_what_no_read_shows(tx: Tx, s2e_id: str) -> None:
    doubted = select(parked.c.id).where(
        parked.c.connection == tx.connection,
        parked.c.s2e_id == s2e_id,
        parked.c.field == "",
        parked.c.reason.in_((IDENTITY, DROPPED)),
    )
    link = links.link_of(tx, s2e_id)
    if link is not None and tx.conn.execute(doubted.limit(1)).first() is not None:
        intents.give_up_updates(tx, s2e_id, link.cmms_id)


def _is_under_way(tx: Tx, s2e_id: str) -> bool:
    open_ids = select(intents_table.c.id).where(
        intents_table.c.connection == tx.connection,
        intents_table.c.s2e_id == s2e_id,
        intents_table.c.state.in_([open_state.value for open_state in OPEN_STATES]),
    )
    return tx.conn.execute(open_ids.limit(1)).first() is not None


def _refusal(tx: Tx, answer: LinkAnswer) -> str | None:
    """Why the answer cannot be acted on any more; None: it can."""
    if answer.cmms_id is None:
        return None
    owner = links.owner_of(tx, answer.cmms_id)
    if owner not in {None, answer.s2e_id}:
        return f"the record is linked to {owner}"
    return None


def _act(tx: Tx, answer: LinkAnswer) -> None:
    s2e_id = answer.s2e_id
    old = links.link_of(tx, s2e_id)
    if old is not None and old.cmms_id == answer.cmms_id:
        _confirm(tx, s2e_id, old.cmms_id)
        return
    asked = _is_asked_what_it_names(tx, s2e_id)
    _forget_what_waits(tx, s2e_id)
    drop_link(tx, s2e_id)
    if old is not None and old.missing_cycles:
        observations.forget_record(tx, old.cmms_id)  # it is gone, and no longer carries an id
    if answer.wish is Wish.RELINK and answer.cmms_id is not None:
        make_link(tx, s2e_id, answer.cmms_id, "relinked")
    elif answer.wish is Wish.RECREATE:
        put_hold(tx, s2e_id, Hold(Side.CMMS, None, RECREATE))
    else:
        put_hold(tx, s2e_id, Hold(Side.CMMS, None, UNLINKED))
    if answer.wish is not Wish.DROP:
        before = None if old is None else old.cmms_id
        _let_reference_follow(tx, s2e_id, before, answer.cmms_id, asked=asked)
    mark_attention(tx, [s2e_id])


def _confirm(tx: Tx, s2e_id: str, cmms_id: str) -> None:
    """The linked record is the right one, whatever it carries and whatever externalId names."""
    lift_hold(tx, s2e_id, Side.CMMS, None)
    lift_hold(tx, s2e_id, Side.S2E, Field.EXTERNAL_ID)
    mark_carried(tx, s2e_id, False)
    _overwrite_reference(tx, s2e_id, _reference_of(tx, s2e_id), cmms_id)
    mark_attention(tx, [s2e_id])


def _forget_what_waits(tx: Tx, s2e_id: str) -> None:
    """Forget holds and drifts, and end conflicts: all of them are about the old link."""
    for table in (parked, drifts):
        tx.conn.execute(
            delete(table).where(table.c.connection == tx.connection, table.c.s2e_id == s2e_id)
        )
    waiting = (
        conflicts.c.connection == tx.connection,
        conflicts.c.s2e_id == s2e_id,
        conflicts.c.resolved_at.is_(None),
    )
    tx.conn.execute(update(conflicts).where(*waiting).values(resolved_at=tx.now))


def _let_reference_follow(
    tx: Tx, s2e_id: str, old: str | None, new: str | None, *, asked: bool
) -> None:
    """Let externalId be overwritten with the new record, where it cannot be right any more.

    Args:
        asked: the order was parked for what it names.
    """
    named = _reference_of(tx, s2e_id)
    if named is not None and (asked or named == old or _is_anothers(tx, named, s2e_id)):
        _overwrite_reference(tx, s2e_id, named, new)


def _is_asked_what_it_names(tx: Tx, s2e_id: str) -> bool:
    here = (parked.c.connection == tx.connection, parked.c.s2e_id == s2e_id)
    reasons = parked.c.reason.in_((EXTERNAL_ID_UNKNOWN, EXTERNAL_ID_TAKEN))
    waiting = select(parked.c.id).where(*here, parked.c.field == "", reasons)
    return tx.conn.execute(waiting.limit(1)).first() is not None


def _reference_of(tx: Tx, s2e_id: str) -> str | None:
    here = (s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id)
    return tx.conn.execute(select(s2e_orders.c.external_id).where(*here)).scalar_one_or_none()


def _is_anothers(tx: Tx, cmms_id: str, s2e_id: str) -> bool:
    """Whether this record is another order's."""
    carries = select(cmms_records.c.s2e_id).where(
        cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id == cmms_id
    )
    row = tx.conn.execute(carries).one_or_none()
    carried = None if row is None else row.s2e_id
    return bool({carried, links.owner_of(tx, cmms_id)} - {None, s2e_id})


def _overwrite_reference(tx: Tx, s2e_id: str, named: str | None, new: str | None) -> None:
    """Let externalId be overwritten with the record `new`; None: with one that is to be made.

    We overwrite an externalId that differs only on a person's word. The answer about the link is
    that word, and so it is kept as a conflict that is answered already.
    """
    if named is None or named == new:
        return
    answered = {
        "connection": tx.connection,
        "s2e_id": s2e_id,
        "field": Field.EXTERNAL_ID.value,
        "s2e_value": named,
        "cmms_value": new,
        "answer": Side.CMMS.value,
        "found_at": tx.now,
        "cycle_id": "",
    }
    tx.conn.execute(insert(conflicts).values(answered))
