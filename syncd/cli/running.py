"""run, once, check."""

import random
from contextlib import suppress
from typing import Annotated, Any

import typer

from syncd.app import App
from syncd.cli.common import exit_code, open_app, print_json
from syncd.cmms.port import NOT_VERIFIED
from syncd.daemon import Daemon, first_delay
from syncd.engine.cycle import Cycle
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.errors import SyncdError
from syncd.jobs.status import tell_health
from syncd.jobs.takeover import leased, take_over
from syncd.mirror import observations, state
from syncd.mirror.db import schema
from syncd.settings import Need

_WAIT_S = 10.0  # for the lease
_CHECK_S = 20.0
_SKEW_S = 300.0  # between our clock and the server's, before check warns
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Full = Annotated[bool, typer.Option("--full", help="Read the whole list, due or not.")]
Only = Annotated[str | None, typer.Option("--order", help="One work order alone, for a pilot.")]
_WRITING = (Need.S2E, Need.SYNC, Need.CMMS)


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(once)
    app.command()(check)


def run() -> None:
    """The daemon: a cycle every SYNCD_POLL_EVERY_S seconds, until SIGTERM.

    Example: syncd run
    """
    with open_app(_WRITING, may_write=True) as app:
        app.adapter()
        lease = app.lease()

        def make_cycle() -> Cycle:
            take_over(app, lease)
            return app.cycle(lease)

        daemon = Daemon(
            lease=lease,
            make_cycle=make_cycle,
            tend=lambda: prune(app),
            told=lambda: tell_health(app),
            poll_every_s=app.settings.poll_every_s,
            first_delay_s=lambda: _first_delay(app),
            stop=app.stop,
            dry=app.settings.dry_run,
            about=_about(app),
        )
        raise typer.Exit(daemon.run())


def _about(app: App) -> dict[str, object]:
    """What the log says of the mapping when the daemon starts."""
    trust, notes = app.adapter().mapping_trust, list(app.adapter().notes)
    about: dict[str, object] = {} if trust is None else {"mapping": trust}
    return about | ({"cannot": notes} if notes else {})


def _first_delay(app: App) -> float:
    with app.mirror().read() as tx:
        filled = observations.has_live_orders(tx)
    return first_delay(app.settings.poll_every_s, filled, random.random)


def prune(app: App) -> None:
    """Once a day, drop what is older than SYNCD_RETENTION_DAYS."""
    from datetime import timedelta

    from syncd.mirror import journal

    with app.mirror().transaction() as tx:
        last = state.get_moment(tx, state.PRUNED_AT)
        if last is None or tx.now - last >= timedelta(days=1):
            journal.prune(tx, tx.now - timedelta(days=app.settings.retention_days))
            state.set_moment(tx, state.PRUNED_AT, tx.now)


def once(full: Full = False, order: Only = None, as_json: Json = False) -> None:
    """One cycle, until it is done or SYNCD_CYCLE_DEADLINE_S has passed.

    Example: syncd once --full --json
    """
    with open_app(_WRITING, may_write=True) as app:
        try:
            with leased(app, _WAIT_S) as lease:
                cycle = app.cycle(lease)
                report = cycle.run(
                    CycleRequest(full=full, only=_only(order), dry=app.settings.dry_run)
                )
        except SyncdError as error:
            if as_json:
                print_json(_no_cycle(error))
            raise
        if as_json:
            print_json(report.document("default"))
        else:
            _print_report(report)
        for met in report.errors:
            typer.echo(f"syncd: {met}", err=True)
        raise typer.Exit(exit_code(report.errors, partial=report.result == "partial"))


def _only(order: str | None) -> tuple[str, ...] | None:
    return None if order is None else (order,)


def _no_cycle(error: SyncdError) -> dict[str, Any]:
    nothing = {"requests": 0, "observed": 0, "changed": 0}
    counts = ("created", "pushed_s2e", "pushed_cmms", "conflicts", "parked", "in_doubt")
    return {
        "connection": "default",
        "cycle_id": None,
        "result": "failed",
        "seconds": 0,
        "s2e": {**nothing, "sweep": "none", "sweep_reason": None},
        "cmms": nothing,
        **dict.fromkeys((*counts, "out_of_scope"), 0),
        "error": str(error),
    }


def _print_report(report: CycleReport) -> None:
    told = report.document("default")
    s2e, cmms = report.s2e, report.cmms
    sweep = s2e.sweep if s2e.sweep_reason is None else f"{s2e.sweep} ({s2e.sweep_reason})"
    typer.echo(f"cycle {report.cycle_id}: {report.result} in {report.seconds:.1f} s")
    typer.echo(
        f"  Scan2Evolve  {s2e.observed} seen, {s2e.changed} changed, "
        f"{report.s2e_requests} requests, sweep {sweep}"
    )
    typer.echo(f"  CMMS         {cmms.observed} seen, {cmms.changed} changed")
    typer.echo(
        f"  written      {told['created']} created, {told['pushed_cmms']} to the CMMS, "
        f"{told['pushed_s2e']} to Scan2Evolve"
    )
    waits = {key: told[key] for key in ("conflicts", "parked", "in_doubt", "out_of_scope")}
    typer.echo("  waiting      " + ", ".join(f"{count} {key}" for key, count in waits.items()))
    for latch in report.plan.latches:
        typer.echo(f"  guard        {latch.guard}: {latch.detail}")


def check(
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither side.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning counts as failed.")] = False,
    as_json: Json = False,
) -> None:
    """Whether everything is set and reachable: one line each, with the remedy. Writes nothing.

    Example: syncd check
    """
    with open_app() as app:
        lines: list[tuple[str, str, str]] = [("ok", "settings", "all names and values are known")]
        errors: list[SyncdError] = []

        def tell(what: str, ask: Any) -> None:
            try:
                lines.append(("ok", what, ask()))
            except SyncdError as error:
                errors.append(error)
                lines.append(("fail", what, str(error)))

        tell("mirror", lambda: _check_mirror(app))
        tell("adapter", lambda: _check_adapter(app))
        lines += _check_mapping(app) if not errors else []
        if not offline:
            app.client().deadline = app.monotonic() + _CHECK_S  # no waiting for a rate limit
            tell("cmms", lambda: app.adapter().check() or "reachable")
            tell("scan2evolve", lambda: _check_reading(app))
            tell("downstream", lambda: _check_writing(app))
            skew = app.client().clock_skew_s
            if skew is not None:
                far = abs(skew) > _SKEW_S
                text = f"our clock is {skew:+.0f} s from Scan2Evolve's"
                lines.append(("warn" if far else "ok", "clock", text))
        warned = any(state == "warn" for state, _, _ in lines)
        if as_json:
            keys = ("state", "what", "detail")
            print_json({"checks": [dict(zip(keys, line, strict=True)) for line in lines]})
        else:
            for told, what, detail in lines:
                typer.echo(f"{told:4}  {what:11}  {detail}")
        code = exit_code(errors)
        raise typer.Exit(1 if code == 0 and strict and warned else code)


def _check_mirror(app: App) -> str:
    from syncd.errors import MirrorUnavailable

    with suppress(MirrorUnavailable):
        mirror = app.mirror(create=False)
        revision = schema.current(mirror)
        return f"{mirror.where}, schema {revision or 'none yet'}"
    path = app.settings.reveal("database_url")
    if path.startswith("sqlite"):
        return "not there yet; the first run makes it"
    app.mirror()
    return "reachable"


def _check_adapter(app: App) -> str:
    app.settings.require(Need.CMMS)
    can = app.adapter().capabilities
    return f"{app.settings.cmms_adapter}: reads {len(can.reads)} fields, writes {len(can.writes)}"


def _check_mapping(app: App) -> list[tuple[str, str, str]]:
    """How the mapping is verified, and what cannot be done with it; nothing without one."""
    trust = app.adapter().mapping_trust
    if trust is None:
        return []
    untried = trust.endswith(NOT_VERIFIED)
    told = [("warn" if untried else "ok", "mapping", trust)]
    return told + [("ok", "mapping", note) for note in app.adapter().notes]


def _check_reading(app: App) -> str:
    app.settings.require(Need.S2E)
    page = app.client().list_work_orders(limit=1)
    return f"reading works; {page.total} work orders"


def _check_writing(app: App) -> str:
    app.settings.require(Need.SYNC)
    app.client().probe_sync()
    return "writing would work (tried on an id that cannot exist)"
