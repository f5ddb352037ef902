"""The daemon of `syncd run`, put together: what it does beside its cycles."""

import random
from datetime import timedelta

from syncd.app import App
from syncd.daemon import Daemon, first_delay
from syncd.engine.cycle import Cycle
from syncd.jobs.status import save_health
from syncd.jobs.takeover import take_over
from syncd.mirror import journal, observations, state

_FORGET_EVERY = timedelta(days=1)


def make_daemon(app: App) -> Daemon:
    """Make the daemon on all parts of `app`. Raises ConfigurationError."""
    app.adapter()  # a wrong setting is reported before the daemon waits for the lease
    lease = app.lease()

    def make_cycle() -> Cycle:
        take_over(app, lease)
        return app.cycle(lease)

    return Daemon(
        lease=lease,
        make_cycle=make_cycle,
        before_cycle=lambda: forget_old(app),
        after_cycle=lambda: save_health(app),
        poll_every_s=app.settings.poll_every_s,
        first_delay_s=lambda: _first_delay_s(app),
        stop=app.stop,
        dry=app.settings.dry_run,
        monotonic=app.monotonic,
        about=_about(app),
    )


def forget_old(app: App) -> None:
    """Once a day, delete from the journal what is older than SYNCD_RETENTION_DAYS."""
    with app.mirror().transaction() as tx:
        last = state.get_moment(tx, state.PRUNED_AT)
        if last is None or tx.now - last >= _FORGET_EVERY:
            journal.prune(tx, tx.now - timedelta(days=app.settings.retention_days))
            state.set_moment(tx, state.PRUNED_AT, tx.now)


def _first_delay_s(app: App) -> float:
    with app.mirror().read() as tx:
        filled = observations.has_live_orders(tx)
    return first_delay(app.settings.poll_every_s, filled, random.random)


def _about(app: App) -> dict[str, object]:
    """Return what the log says of the mapping when the daemon starts."""
    trust, notes = app.adapter().mapping_trust, list(app.adapter().notes)
    about: dict[str, object] = {} if trust is None else {"mapping": trust}
    return about | ({"cannot": notes} if notes else {})
