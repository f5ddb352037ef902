"""Each fact of a cycle: a row of the journal and an event of the log, with the same keys.

The journal keeps values whole; the log shows them in a line. A fact is written in the
transaction that keeps what it is about, and logged once that is committed: the log names nothing
that was not kept, and a log that is read slowly holds no lock of the mirror.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from syncd.core.case import IDENTITY, Conflict, Hold, Intent, IntentState
from syncd.core.decision import Change, Drift, Verdict
from syncd.core.equality import same
from syncd.core.planning.guards import Latch
from syncd.core.values import encode_value, show_value
from syncd.core.work_order import CmmsRecord, Field, Side, Value
from syncd.errors import RemoteError
from syncd.mirror import journal
from syncd.mirror.db.database import Tx
from syncd.mirror.link_answers import Taken

_VERDICTS = {  # state: event, level
    IntentState.CONFIRMED: ("push.confirmed", "debug"),
    IntentState.SUPERSEDED: ("push.confirmed", "info"),
    IntentState.ALTERED: ("push.altered", "info"),
    IntentState.NOT_KEPT: ("push.altered", "warning"),
    IntentState.IGNORED: ("push.ignored", "warning"),
    IntentState.NOT_APPLIED: ("push.ignored", "info"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The order that a fact is about, and the cycle that it belongs to; None: to no cycle."""

    cycle_id: str | None
    s2e_id: str
    cmms_id: str | None = None


def link_made(tx: Tx, about: Subject, how: str) -> None:
    """The order is that record now. `how`: adopted, reference, created."""
    _write(tx, "link.adopted", about, rule=how)


def record_created(tx: Tx, about: Subject, not_kept: Sequence[str] = ()) -> None:
    """A record was made. `not_kept`: the fields that it does not keep as they were sent."""
    _write(tx, "link.created", about, not_kept=list(not_kept) or None)


def link_lost(tx: Tx, about: Subject) -> None:
    """The linked record was not found by its id in two cycles."""
    _write(tx, "link.lost", about, level="warning")


def link_answered(tx: Tx, about: Subject, taken: Taken) -> None:
    """A person's answer about the link was acted on, or could not be."""
    if taken.refused is None:
        _write(tx, "link.answered", about, rule=taken.answer.wish.value)
    else:
        _write(
            tx,
            "link.refused",
            about,
            rule=taken.answer.wish.value,
            level="warning",
            reason=taken.refused,
        )


def order_tombstoned(tx: Tx, about: Subject) -> None:
    _write(tx, "order.tombstoned", about, level="warning")


def order_parked(tx: Tx, about: Subject, hold: Hold) -> None:
    """A write, or the whole order, is held until a person, a setting or another value lifts it."""
    event = "link.duplicate" if hold.reason == "duplicate_records" else "order.parked"
    if hold.reason == IDENTITY and isinstance(hold.value, list):
        _write(tx, "link.duplicate", about, level="warning", records=hold.value)
    _write(
        tx,
        event,
        about,
        field=hold.field,
        level="warning",
        side=hold.side.value,
        reason=hold.reason,
        detail=hold.detail,
    )


def conflict_arose(tx: Tx, about: Subject, conflict: Conflict) -> None:
    asks = conflict.winner is None or conflict.from_write  # it needs, or deserves, a look
    winner = "a person decides" if conflict.winner is None else conflict.winner.value
    _write(
        tx,
        "conflict.found",
        about,
        field=conflict.field,
        level="warning" if asks else "info",
        values={"s2e": conflict.s2e, "cmms": conflict.cmms},
        winner=winner,
    )


def conflict_resolved(tx: Tx, about: Subject, field: Field) -> None:
    _write(tx, "conflict.resolved", about, field=field)


def drift_arose(tx: Tx, about: Subject, drift: Drift) -> None:
    _write(
        tx,
        "drift.found",
        about,
        field=drift.field,
        rule=drift.reason,
        side=drift.side.value,
        values={"value": drift.value},
    )


def field_read_anew(tx: Tx, about: Subject, field: Field, before: Value, now: Value) -> None:
    """A changed mapping reads a field differently. In the journal alone: it may be thousands."""
    detail = {"from": encode_value(before), "to": encode_value(now)}
    _journal(tx, "remapped", about, field=field, detail=detail)


def guard_latched(tx: Tx, cycle_id: str, latch: Latch) -> None:
    """A guard refuses part of a plan, or stops both sides, until a person releases it."""
    counts = {"count": latch.count, "limit": latch.limit}
    side = None if latch.side is None else latch.side.value
    journal.write(
        tx,
        "guard.latched",
        cycle_id=cycle_id,
        rule=latch.guard.value,
        detail={"side": side, "reason": latch.detail, **counts},
    )
    event = partial(
        structlog.get_logger().error,
        "guard.latched",
        guard=latch.guard.value,
        side=side,
        reason=latch.detail,
        remedy=latch.remedy,
        **counts,
    )
    tx.after_commit(event)


# ── writes ────────────────────────────────────────────────────────────────────────────────


def write_decided(tx: Tx, about: Subject, change: Change) -> None:
    """A change is about to be sent. In the journal alone: the answer is what the log shows."""
    whole = None if same(change.value, change.source) else encode_value(change.source)
    detail = {
        "side": change.side.value,
        "from": encode_value(change.before),
        "to": encode_value(change.value),
        "source": whole,
    }
    _journal(tx, journal.DECIDED, about, field=change.field, rule=change.rule, detail=detail)


def write_applied(
    tx: Tx,
    about: Subject,
    intent: Intent,
    request_id: str | None = None,
    *,
    besides: Collection[Field] = (),
) -> None:
    """A clear success was answered, but for the fields `besides`."""
    fields = [name.value for name in intent.writes if name not in besides]
    _write(tx, "push.applied", about, side=intent.side.value, fields=fields, request_id=request_id)


def write_judged(tx: Tx, about: Subject, verdict: Verdict) -> None:
    """It is known what became of one written field."""
    event, level = _VERDICTS[verdict.state]
    sent = verdict.intent.writes[verdict.field].sent
    _write(
        tx,
        event,
        about,
        field=verdict.field,
        rule=verdict.state.value,
        level=level,
        side=verdict.intent.side.value,
        values={"sent": sent, "seen": verdict.seen},
    )


def changed_unasked(
    tx: Tx, about: Subject, field: Field, before: CmmsRecord | None, now: CmmsRecord
) -> None:
    """A write has changed a field that was not sent; that counts as the CMMS's own edit."""
    values = {"before": None if before is None else before.fields.get(field)}
    values["seen"] = now.fields.get(field)
    _write(tx, "push.side_effect", about, field=field, side=Side.CMMS.value, values=values)


def write_in_doubt(tx: Tx, about: Subject, side: Side, error: str) -> None:
    """A write was sent, and no clear answer came."""
    _write(tx, "push.in_doubt", about, level="warning", side=side.value, error=error)


def write_refused(tx: Tx, about: Subject, intent: Intent, error: RemoteError) -> None:
    """It was refused, or was certainly not applied. What follows from that is another fact."""
    fields = [name.value for name in intent.writes]
    _write(
        tx, "push.refused", about, side=intent.side.value, fields=fields, error=error_text(error)
    )


def write_held_back(tx: Tx, about: Subject, hold: Hold, again_in_s: float) -> None:
    """A write that came to nothing is tried again by itself."""
    _write(
        tx,
        "push.refused",
        about,
        field=hold.field,
        level="warning",
        side=hold.side.value,
        reason=hold.reason,
        again_in_s=again_in_s,
        error=hold.detail,
    )


def error_text(error: RemoteError) -> str:
    """An error with its class, as the journal keeps it."""
    return f"{type(error).__name__}: {error}"


# ── both at once ──────────────────────────────────────────────────────────────────────────


def _write(
    tx: Tx,
    event: str,
    about: Subject,
    *,
    field: Field | None = None,
    rule: str | None = None,
    level: str = "info",
    values: Mapping[str, Value] | None = None,
    **detail: object,
) -> None:
    """Write the row and the event.

    Args:
        values: values of fields: whole in the journal, cut to one line in the log.
        detail: further keys; those with None are left out of both.
    """
    values = values or {}
    detail = {key: value for key, value in detail.items() if value is not None}
    whole = {key: encode_value(value) for key, value in values.items()}
    _journal(tx, event, about, field=field, rule=rule, detail={**whole, **detail})
    keys: dict[str, object] = {"field": field, "rule": rule, "cmms_id": about.cmms_id}
    keys = {key: value for key, value in keys.items() if value is not None}
    shown = {key: show_value(value) for key, value in values.items()}
    log = getattr(structlog.get_logger(), level)
    tx.after_commit(partial(log, event, s2e_id=about.s2e_id, **keys, **shown, **detail))


def _journal(
    tx: Tx,
    event: str,
    about: Subject,
    *,
    field: Field | None = None,
    rule: str | None = None,
    detail: Mapping[str, object],
) -> None:
    journal.write(
        tx,
        event,
        cycle_id=about.cycle_id,
        s2e_id=about.s2e_id,
        cmms_id=about.cmms_id,
        field=field,
        rule=rule,
        detail=detail,
    )
