"""Where things stand, and whether the daemon is healthy: for `status`, `health` and the daemon."""

from typing import Any

from syncd.app import CONNECTION, App
from syncd.core.work_order import Side
from syncd.jobs.heartbeat import Age, beat, overdue
from syncd.mirror import state
from syncd.mirror.db.database import Tx
from syncd.mirror.queries.status import status_facts, waiting_s
from syncd.mirror.queries.waiting import guard_list
from syncd.mirror.side_reads import side_reads
from syncd.settings import Settings

SIDE_NAMES = {Side.S2E: "Scan2Evolve", Side.CMMS: "the CMMS"}
_UNREAD = "has not been read for"
_TICKS = 2  # without a good cycle before the daemon is unhealthy


def silence_s(settings: Settings) -> float:
    """Return for how many seconds without a good cycle the daemon still counts as healthy."""
    return float(
        max(_TICKS * settings.poll_every_s, settings.cycle_deadline_s) + settings.poll_every_s
    )


def app_status(app: App) -> dict[str, Any]:
    """Return the document of `status --json`, from the mirror alone.

    Raises MirrorUnavailable; MirrorContentError if the mirror has another version's schema.
    """
    with app.current_mirror().read() as tx:
        because = _unhealthy_because(app.settings, tx)
        facts = status_facts(tx, app.settings.poll_every_s)
    return {
        "connection": CONNECTION,
        "healthy": because is None,
        "unhealthy_because": because,
        **facts,
    }


def _unhealthy_because(settings: Settings, tx: Tx) -> str | None:
    last_good = state.last_good_cycle_at(tx)
    if last_good is None:
        return "no cycle has ended well yet"
    if (age := (tx.now - last_good).total_seconds()) > silence_s(settings):
        return f"the last good cycle ended {age:.0f} s ago"
    if (late := overdue(_ages(settings, tx))) is not None:
        return late
    guards = guard_list(tx)
    return f"guard {guards[0]['guard']} waits for a person" if guards else None


def _ages(settings: Settings, tx: Tx) -> list[Age]:
    """What the objective is about: how old each side's last good read is, where it fails or the
    next is overdue, and the oldest change that waits."""
    objective_s, waited_s = float(settings.freshness_slo_s), waiting_s(tx)
    ages, due = [], []
    for side, read in side_reads(tx).items():
        if read.fails:
            ages.append(Age(f"{SIDE_NAMES[side]} {_UNREAD}", read.age_s, objective_s))
        else:
            due.append((SIDE_NAMES[side], read.age_s))
    if due:
        # A cycle that does not end reads none of these, whichever side it waits for.
        name = "neither side" if len(due) == len(Side) else due[0][0]
        oldest_s = max(age_s for _, age_s in due)
        ages.append(Age(f"{name} {_UNREAD}", oldest_s, objective_s + settings.poll_every_s))
    waits = [] if waited_s is None else [Age("a change has waited for", waited_s, objective_s)]
    return ages + waits


def save_health(app: App) -> None:
    """Write the daemon's heartbeat, which `syncd health` reads."""
    with app.mirror().read() as tx:
        because, ages = _unhealthy_because(app.settings, tx), _ages(app.settings, tx)
    url = app.settings.reveal("database_url")
    beat(url, unhealthy_because=because, counts_for_s=silence_s(app.settings), ages=ages)
