"""What both sides agree on when a create of ours has made a record. Pure."""

from collections.abc import Mapping

from syncd.core.decision import BaseMove
from syncd.core.equality import Match, match_sent
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, Field, Value

UNFINISHED = "unfinished"  # the rule of a base that a create cut short has left


def created_bases(
    writes: Mapping[Field, Value], record: CmmsRecord, policy: Policy
) -> list[BaseMove]:
    """The bases of a record that our own create has just made.

    What was sent is what both sides held: an edit made meanwhile is seen as an edit. Where the
    CMMS normalised what it stored, its own spelling is its base. What further calls of the create
    were to write, and the record does not hold, is still to be written: see `is_unfinished`.
    """
    moves = []
    for name, sent in writes.items():
        if is_unfinished(name, sent, record, policy):
            seen = record.fields[name]
            moves.append(BaseMove(name, seen, seen, UNFINISHED))
        else:
            moves.append(BaseMove(name, sent, stored_as(name, sent, record, policy), "created"))
    return moves


def is_unfinished(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> bool:
    """Whether a create that was cut off between its calls has left this field unwritten."""
    if policy.cmms_creates_with is None or name in policy.cmms_creates_with:
        return False
    return name in record.fields and not _is_kept(name, sent, record, policy)


def stored_as(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> Value:
    """How a record stores the value it was created with; `sent` if it holds another value."""
    return record.fields.get(name, sent) if _is_kept(name, sent, record, policy) else sent


def _is_kept(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> bool:
    seen = record.fields.get(name, sent)
    return match_sent(name, sent, seen, record, policy) is not Match.OTHER
