"""A person's answer to what waits for one.

An answer is a row in the mirror, and the holder of the lease reads it in its next cycle. So an
answer needs no lease and can be given while a cycle runs.
"""

from syncd.core.work_order import Field, Side
from syncd.errors import InputError
from syncd.mirror import answers, journal, state
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Mirror
from syncd.mirror.queries.held import parked_list


def resolve_conflict(mirror: Mirror, s2e_id: str, field: Field, winner: Side) -> None:
    """Let one side's value win. Raises InputError: no such conflict waits."""
    with mirror.transaction() as tx:
        if not answers.answer_conflict(tx, s2e_id, field, winner):
            raise InputError(
                f"no conflict of {s2e_id} in {field} waits; see `syncd conflicts list`"
            )
        mark_attention(tx, [s2e_id])
        journal.write(tx, "answered", s2e_id=s2e_id, field=field, rule=winner.value)


def release_parked(mirror: Mirror, s2e_id: str, field: Field | None, *, drop: bool) -> None:
    """Try again what is parked, of one field or of all; drop: give these values up instead.

    Raises InputError: nothing of the order is parked.
    """
    with mirror.transaction() as tx:
        name = None if field is None else field.value
        if not answers.release_holds(tx, s2e_id, name, drop=drop):
            raise InputError(f"nothing of {s2e_id} is parked; see `syncd parked list`")
        mark_attention(tx, [s2e_id])
        rule = "drop" if drop else "retry"
        journal.write(tx, "order.released", s2e_id=s2e_id, field=field, rule=rule)


def release_all_parked(
    mirror: Mirror, reason: str | None, field: Field | None, *, drop: bool
) -> tuple[int, int]:
    """Give one answer to all that `parked list` shows, in one transaction.

    Args:
        reason: only what is parked for this reason; None: for any.
        field: only what is parked of this field; None: also whole orders.
        drop: give these values up; otherwise try them again.

    Returns:
        How many holds it concerned, and of how many orders. None is no error: nothing waits.
    """
    with mirror.transaction() as tx:
        waiting = {
            (row["s2e_id"], row["field"], row["reason"])
            for row in parked_list(tx)
            if reason in (None, row["reason"]) and field in (None, row["field"])
        }
        holds = 0
        for s2e_id, name, why in sorted(waiting):
            holds += answers.release_holds(tx, s2e_id, name, drop=drop, reason=why)
            rule = "drop" if drop else "retry"
            named = Field(name) if name else None
            journal.write(tx, "order.released", s2e_id=s2e_id, field=named, rule=rule)
        orders = {s2e_id for s2e_id, _, _ in waiting}
        mark_attention(tx, sorted(orders))
    return holds, len(orders)


def release_guards(mirror: Mirror, guard: str | None) -> list[str]:
    """Let refused plans through, up to the count that each guard names; return the guards.

    Raises InputError: no such guard waits.
    """
    with mirror.transaction() as tx:
        names = answers.release_guard(tx, guard)
        if not names:
            raise InputError("no such guard waits; see `syncd guard list`")
        for name in names:
            journal.write(tx, "guard.released", rule=name)
    return names


def pause_writing(mirror: Mirror, paused: bool) -> None:
    """Stop writing to both sides, or start it again; observing goes on."""
    with mirror.transaction() as tx:
        state.set_state(tx, state.PAUSED, paused)
