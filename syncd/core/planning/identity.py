"""Which CMMS record belongs to an order.

the order is    its record
─────────────   ─────────────────────────────────────────────────────────────────────
linked          the linked one
not linked      the one free record that carries its id; where none carries it, the one
                that its externalId names, unless that is another order's
"""

from datetime import datetime

from syncd.core.case import Candidate, Case


def claims_of(case: Case) -> tuple[Candidate, ...]:
    """The records that carry this order's id. A record that another order is linked to is no
    claim of this one: somebody has put another id into it."""
    return tuple(one for one in case.claims if one.linked_to in {None, case.s2e_id})


def owner_of(candidate: Candidate, s2e_id: str) -> str | None:
    """The order that a record belongs to; None: it is free for the order `s2e_id`.

    That order's externalId names the record. One that several orders name is free for none.
    """
    others = candidate.named_by - {s2e_id}
    return candidate.linked_to or candidate.record.s2e_id or min(others, default=None)


def counterpart(case: Case) -> Candidate | None:
    """The record that this order is linked to, or the one it would be linked to."""
    if case.link is not None:
        if case.cmms is None or case.cmms_seen_at is None:
            return None
        return Candidate(case.cmms, case.cmms_seen_at, case.s2e_id)
    claims = claims_of(case)
    return claims[0] if len(claims) == 1 else case.referenced


def counterpart_seen_at(case: Case) -> datetime | None:
    """When the read began that showed the counterpart; None: there is none."""
    record = counterpart(case)
    return None if record is None else record.seen_at
