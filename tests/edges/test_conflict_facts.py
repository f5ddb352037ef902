"""What the log says of a conflict: a warning where a person may have to look."""

import pytest
from structlog.testing import capture_logs

from syncd.core.case import Conflict
from syncd.core.work_order import Field, Side
from syncd.engine.facts import Subject, conflict_arose
from syncd.mirror.db.database import Mirror


@pytest.mark.parametrize(
    ("winner", "from_write", "level"),
    [
        (Side.CMMS, False, "info"),  # the owner's rule has decided
        (Side.CMMS, True, "warning"),  # a value that we wrote has met another one
        (Side.S2E, True, "warning"),
        (None, False, "warning"),  # a person decides
    ],
)
def test_the_level_of_a_conflict(
    mirror: Mirror, winner: Side | None, from_write: bool, level: str
) -> None:
    conflict = Conflict(Field.RESOLUTION, "theirs", "ours", winner, from_write)
    with capture_logs() as lines, mirror.transaction() as tx:
        conflict_arose(tx, Subject("c1", "wo_1", "7"), conflict)
    assert [(line["event"], line["log_level"]) for line in lines] == [("conflict.found", level)]
