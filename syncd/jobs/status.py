"""Where things stand, and whether the daemon is healthy: for `status`, `health` and the daemon."""

from typing import Any

from syncd.app import CONNECTION, App
from syncd.jobs.heartbeat import beat
from syncd.mirror import state
from syncd.mirror.db.database import Tx
from syncd.mirror.queries.status import freshness_s, status_facts
from syncd.mirror.queries.waiting import guard_list
from syncd.mirror.side_reads import unread_s
from syncd.settings import Settings

SIDE_NAMES = {"s2e": "Scan2Evolve", "cmms": "the CMMS"}
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
        because, facts = _unhealthy_because(app.settings, tx), status_facts(tx)
    return {
        "connection": CONNECTION,
        "healthy": because is None,
        "unhealthy_because": because,
        **facts,
    }


def _unhealthy_because(settings: Settings, tx: Tx) -> str | None:
    last_good, waited = state.last_good_cycle_at(tx), freshness_s(tx)
    if last_good is None:
        return "no cycle has ended well yet"
    if (age := (tx.now - last_good).total_seconds()) > silence_s(settings):
        return f"the last good cycle ended {age:.0f} s ago"
    for side, unread in unread_s(tx).items():
        if unread > settings.freshness_slo_s:
            return f"{SIDE_NAMES[side.value]} has not been read for {unread:.0f} s"
    if waited > settings.freshness_slo_s:
        return f"a change has waited for {waited:.0f} s"
    guards = guard_list(tx)
    return f"guard {guards[0]['guard']} waits for a person" if guards else None


def save_health(app: App) -> None:
    """Write the daemon's heartbeat, which `syncd health` reads."""
    with app.mirror().read() as tx:
        because = _unhealthy_because(app.settings, tx)
    url = app.settings.reveal("database_url")
    beat(url, unhealthy_because=because, counts_for_s=silence_s(app.settings))
