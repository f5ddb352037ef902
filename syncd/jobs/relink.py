"""A person's answer about one order's link: it is that record, it needs a new one, it has none.

Like the other answers (`answers`) it is saved, and the next cycle acts on it. What can be checked
now, is: that the order and the record exist, and that the record belongs to no other order.
"""

from dataclasses import dataclass

from syncd.app import App, utcnow
from syncd.core.case import IDENTITY
from syncd.core.planning.difference import EXTERNAL_ID_DIFFERS
from syncd.core.work_order import CmmsRecord, Field
from syncd.errors import InputError, NotFound
from syncd.mirror import link_answers, links, observations
from syncd.mirror.db.database import Tx
from syncd.mirror.link_answers import LinkAnswer, Wish
from syncd.mirror.queries.held import parked_list
from syncd.mirror.queries.links import claiming_records, order_facts


@dataclass(frozen=True, slots=True)
class Relinked:
    """An answer that an order is a record.

    Attributes:
        others: other records that carry the order's id.
        confirms: the order is linked to that record already.
    """

    answer: LinkAnswer
    others: tuple[str, ...]
    confirms: bool


def relink_order(app: App, s2e_id: str, cmms_id: str) -> Relinked:
    """Answer that this order is that record.

    That it is the linked one is an answer only where the order waits for it.

    Raises InputError.
    """
    began = utcnow()
    record = _record(app, cmms_id)
    if record is None:
        raise InputError(f"there is no record {cmms_id} in the CMMS")
    if record.s2e_id not in {None, s2e_id}:
        raise InputError(
            f"record {cmms_id} carries the id of {record.s2e_id}; "
            "remove it in the CMMS if that is wrong"
        )
    answer = LinkAnswer(s2e_id, Wish.RELINK, record.cmms_id)
    with app.current_mirror().transaction() as tx:
        _require_order(tx, s2e_id)
        owner = links.owner_of(tx, record.cmms_id)
        if owner == s2e_id and not _is_asked(tx, s2e_id):
            raise InputError(f"{s2e_id} is linked to record {cmms_id} already")
        if owner not in {None, s2e_id}:
            raise InputError(
                f"record {cmms_id} is linked to {owner}; `syncd links relink --drop {owner}` first"
            )
        if not observations.is_known_record(tx, record.cmms_id):
            observations.save_cmms(tx, [record], seen_at=began)
        link_answers.save_answer(tx, answer)
        others = set(claiming_records(tx, s2e_id)) - {record.cmms_id}
    return Relinked(answer, tuple(sorted(others)), owner == s2e_id)


def recreate_record(app: App, s2e_id: str) -> LinkAnswer:
    """Answer that the order's record is lost and has to be made anew. Raises InputError."""
    adapter = app.adapter()
    if not adapter.capabilities.creates:
        raise InputError(f"the adapter {adapter.name} cannot create records")
    records = adapter.find(s2e_id) if adapter.capabilities.finds else []
    if records:
        raise InputError(
            f"record {records[0].cmms_id} carries the id of {s2e_id}; use --order {s2e_id} "
            f"{records[0].cmms_id}, or remove the id there"
        )
    with app.mirror(create=False).read() as tx:
        link = links.link_of(tx, s2e_id)
    if link is not None and _record(app, link.cmms_id) is not None:
        raise InputError(f"{s2e_id} is linked to record {link.cmms_id}, which is there")
    return _save(app, LinkAnswer(s2e_id, Wish.RECREATE))


def unlink_order(app: App, s2e_id: str) -> LinkAnswer:
    """Answer that the order takes no part until it is relinked. Raises InputError."""
    return _save(app, LinkAnswer(s2e_id, Wish.DROP))


def _save(app: App, answer: LinkAnswer) -> LinkAnswer:
    with app.current_mirror().transaction() as tx:
        _require_order(tx, answer.s2e_id)
        link_answers.save_answer(tx, answer)
    return answer


def _is_asked(tx: Tx, s2e_id: str) -> bool:
    """Whether the order waits for the answer that its link is right: for its record's id, or for
    what externalId names."""
    asked = {("", IDENTITY), (Field.EXTERNAL_ID.value, EXTERNAL_ID_DIFFERS)}
    return any(
        row["s2e_id"] == s2e_id and (row["field"], row["reason"]) in asked
        for row in parked_list(tx)
    )


def _record(app: App, cmms_id: str) -> CmmsRecord | None:
    try:
        return app.adapter().get(cmms_id)
    except NotFound:
        return None


def _require_order(tx: Tx, s2e_id: str) -> None:
    facts = order_facts(tx, s2e_id)
    if facts is None:
        raise InputError(f"{s2e_id} was never seen in Scan2Evolve; `syncd once --full` reads all")
    if facts.tombstone_at is not None:
        raise InputError(f"{s2e_id} was deleted in Scan2Evolve")
