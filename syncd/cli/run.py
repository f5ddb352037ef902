"""run, once: cycles, and what they did."""

from typing import Any

import typer

from syncd.app import CONNECTION
from syncd.cli.common import WRITING, Full, Json, Order, exit_with, open_app, print_json
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.errors import SyncdError
from syncd.jobs.run import make_daemon
from syncd.jobs.takeover import leased


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(once)


def run() -> None:
    """The daemon: a cycle every SYNCD_POLL_EVERY_S seconds, until SIGTERM.

    Example: syncd run
    """
    with open_app(WRITING, may_write=True) as app:
        raise typer.Exit(make_daemon(app).run())


def once(full: Full = False, order: Order = None, as_json: Json = False) -> None:
    """One cycle, until it is done or SYNCD_CYCLE_DEADLINE_S has passed.

    Example: syncd once --full --json
    """
    with open_app(WRITING, may_write=True) as app:
        only = None if order is None else (order,)
        request = CycleRequest(full=full, only=only, dry=app.settings.dry_run)
        try:
            with leased(app) as lease:
                report = app.cycle(lease).run(request)
        except SyncdError as error:
            if as_json:
                print_json(_no_cycle(error))
            raise
        if as_json:
            print_json(report.document(CONNECTION))
        else:
            _print_report(report)
        raise exit_with(report.errors, partial=report.result == "partial")


def _no_cycle(error: SyncdError) -> dict[str, Any]:
    """Return the document of a cycle that has not begun."""
    nothing = {"requests": 0, "observed": 0, "changed": 0}
    counts = ("created", "pushed_s2e", "pushed_cmms", "conflicts", "parked", "in_doubt")
    return {
        "connection": CONNECTION,
        "cycle_id": None,
        "result": "failed",
        "seconds": 0,
        "s2e": {**nothing, "sweep": "none", "sweep_reason": None},
        "cmms": nothing,
        **dict.fromkeys((*counts, "out_of_scope"), 0),
        "error": str(error),
    }


def _print_report(report: CycleReport) -> None:
    counts = report.document(CONNECTION)
    s2e, cmms = report.s2e, report.cmms
    sweep = s2e.sweep if s2e.sweep_reason is None else f"{s2e.sweep} ({s2e.sweep_reason})"
    typer.echo(f"cycle {report.cycle_id}: {report.result} in {report.seconds:.1f} s")
    typer.echo(
        f"  Scan2Evolve  {s2e.observed} seen, {s2e.changed} changed, "
        f"{report.s2e_requests} requests, sweep {sweep}"
    )
    typer.echo(f"  CMMS         {cmms.observed} seen, {cmms.changed} changed")
    typer.echo(
        f"  written      {counts['created']} created, {counts['pushed_cmms']} to the CMMS, "
        f"{counts['pushed_s2e']} to Scan2Evolve"
    )
    waiting = ("conflicts", "parked", "in_doubt", "out_of_scope")
    typer.echo("  waiting      " + ", ".join(f"{counts[key]} {key}" for key in waiting))
    for latch in report.plan.latches:
        typer.echo(f"  guard        {latch.guard}: {latch.detail}")
