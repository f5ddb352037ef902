"""Which CMMS record belongs to an order, and whether it still says so.

the order is    its record
─────────────   ─────────────────────────────────────────────────────────────────────
linked          the linked one
not linked      the one free record that carries its id; where none carries it, the one
                that its externalId names, unless that is another order's

A linked record is its order's only while it says so. Else nothing is read from it or written to it
for this order, and the order is parked as `identity`:

the linked record carries        the order
──────────────────────────────   ──────────────────────────────────────────────────────────
its id, and no other record      goes on
its id, and another record, too  is parked: nobody knows which of them is meant
another order's id               is parked
none                             goes on if it never carried one; else it is parked

Where several records carry the id, a person is asked to leave it in one of them. The order follows
that answer: once a single one of them carries it, and that is not the linked one, the order is
relinked to it (`left_in`).
"""

from dataclasses import dataclass
from datetime import datetime

from syncd.core.case import DROPPED, IDENTITY, Candidate, Case
from syncd.core.work_order import CmmsRecord

MISSING_CYCLES = 2  # in which get by id found no record, before it counts as gone


def claims_of(case: Case) -> tuple[Candidate, ...]:
    """The records that carry this order's id. A record that another order is linked to is no
    claim of this one: somebody has put another id into it."""
    return tuple(one for one in case.claims if one.linked_to in {None, case.s2e_id})


def is_its_record(record: CmmsRecord, case: Case) -> bool:
    """Whether what this record holds may be taken for this order's."""
    if record.s2e_id is not None:
        return record.s2e_id == case.s2e_id
    return case.link is None or not case.link.carried


@dataclass(frozen=True, slots=True)
class IdentityFault:
    """Why a linked order's record cannot be taken for its own.

    Attributes:
        detail: a sentence with the ids and the way out.
        copies: the records that carry the order's id, where there are several; a person is asked
            to leave it in one of them.
    """

    detail: str
    copies: tuple[str, ...] = ()


def identity_fault(case: Case) -> IdentityFault | None:
    """What is wrong with the identity of a linked order's record; None: nothing."""
    if case.link is None or case.cmms is None:
        return None
    cmms_id, s2e_id = case.link.cmms_id, case.s2e_id
    others = sorted(one.record.cmms_id for one in case.claims if one.record.cmms_id != cmms_id)
    if not is_its_record(case.cmms, case):
        carries = case.cmms.s2e_id
        what = "no Scan2Evolve id any more" if carries is None else f"the id of {carries}"
        return IdentityFault(
            f"record {cmms_id} carries {what}; put {s2e_id} back into it, or "
            f"`syncd links relink --order {s2e_id} {'|'.join(others) or 'RECORD'}` if another "
            f"record is meant, `--drop {s2e_id}` if none is",
            tuple(others) if len(others) > 1 else (),
        )
    if others:
        copies = (cmms_id, *others)
        return IdentityFault(
            f"records {', '.join(copies)} all carry {s2e_id}; remove it in the CMMS from all but "
            f"the right one ({cmms_id} is linked; the order follows its id)",
            copies,
        )
    return None


def left_in(case: Case) -> str | None:
    """The record in which a person has left a linked order's id, when asked which of several
    records is meant; None: not asked, not answered, or it is the linked one.

    The linked record carries the id no more, or is gone.
    """
    if case.link is None:
        return None
    linked, gone = case.link.cmms_id, case.link.missing_cycles >= MISSING_CYCLES
    left = [one for one in case.claims if not (gone and one.record.cmms_id == linked)]
    if len(left) != 1 or left[0].linked_to is not None:
        return None
    there = case.cmms if case.link.missing_cycles == 0 else None
    if not gone and (there is None or is_its_record(there, case)):
        return None
    cmms_id = left[0].record.cmms_id
    return cmms_id if cmms_id in _asked_about(case) else None


def _asked_about(case: Case) -> list[str]:
    """The records of which a person has been asked which one is meant."""
    held = next((hold for hold in case.holds if hold.field is None), None)
    if held is None or held.reason not in {IDENTITY, DROPPED} or not isinstance(held.value, list):
        return []
    return held.value


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
