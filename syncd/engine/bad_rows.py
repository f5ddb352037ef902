"""Rows of the CMMS's list that have no id which can be read. They are named once, and nobody's."""

from collections.abc import Mapping

import structlog

from syncd.mirror import state
from syncd.mirror.db.database import Mirror

_NAMED_AT_ONCE = 20  # rows that are logged one by one


def name_rows(mirror: Mirror, nameless: Mapping[str, str], *, whole: bool) -> None:
    """Log each row without an id where it is new, and keep which are known.

    Args:
        nameless: what each holds, shortened, with where it stands.
        whole: all rows were read, so that those which are not among them are gone.
    """
    log = structlog.get_logger()
    with mirror.read() as tx:
        known: dict[str, str] = dict(state.get_state(tx, state.CMMS_NAMELESS) or {})
    new = [what for what in nameless if what not in known]
    for what in new[:_NAMED_AT_ONCE]:
        log.warning("record.unread", place=nameless[what], error=f"it has no id: {what}")
    if len(new) > _NAMED_AT_ONCE:
        more = len(new) - _NAMED_AT_ONCE
        log.warning("record.unread", place="the same list", error=f"{more} more have no id")
    kept = dict(nameless) if whole else {**known, **nameless}
    if kept != known:
        with mirror.transaction() as tx:
            state.set_state(tx, state.CMMS_NAMELESS, kept)
