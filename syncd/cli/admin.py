"""simulate, demo, db, config, version."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from syncd import __version__
from syncd.app import utcnow
from syncd.cli.common import open_app, print_json, print_rows
from syncd.errors import InputError
from syncd.jobs.takeover import leased
from syncd.mirror.db import schema
from syncd.settings import load_settings, reference, shown

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    app.command()(simulate)
    app.command()(demo)
    app.command()(version)
    db = typer.Typer(help="The mirror's database.", no_args_is_help=True)
    db.command("upgrade")(upgrade)
    db.command("current")(current)
    db.command("backup")(backup)
    app.add_typer(db, name="db")
    config = typer.Typer(help="The settings.", no_args_is_help=True)
    config.command("show")(show)
    config.command("reference")(print_reference)
    app.add_typer(config, name="config")


def simulate(
    port: Annotated[int, typer.Option(help="Listen here on loopback; 0: any.")] = 0,
    orders: Annotated[int, typer.Option(help="How many work orders it has.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed, the same orders.")] = 1,
    order: Annotated[
        str, typer.Option(help="hidden, id, createdAt, -createdAt, updatedAt, -updatedAt, unstable")
    ] = "hidden",
    page_max: Annotated[int, typer.Option(help="The largest page it serves.")] = 200,
    rate_limit: Annotated[int, typer.Option(help="Requests a minute.")] = 6000,
    read_lag_s: Annotated[float, typer.Option(help="Reads lag writes by so much.")] = 0,
    normalise: Annotated[bool, typer.Option(help="Trim and round what is synced.")] = False,
    ignore: Annotated[str, typer.Option(help="Fields it accepts and does not keep.")] = "",
    fault: Annotated[
        list[str] | None, typer.Option(help="kind:METHOD:times, for example lost:POST:3")
    ] = None,
    control: Annotated[bool, typer.Option(help="Edits and the ledger under /__twin/.")] = False,
) -> None:
    """A Scan2Evolve on this machine, honest or hostile, for trying and testing.

    Example: syncd simulate --orders 300 --rate-limit 60 --fault lost:POST:2
    """
    from syncd.twin.model import TwinConfig
    from syncd.twin.serve import serve

    try:
        config = TwinConfig(
            orders=orders,
            seed=seed,
            order=order,
            page_max=page_max,
            rate_limit=rate_limit,
            read_lag_s=read_lag_s,
            normalise=normalise,
            ignore_fields=frozenset(name for name in ignore.split(",") if name),
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    raise typer.Exit(serve(config, port, fault or [], control=control, out=sys.stdout))


def demo(
    folder: Annotated[Path | None, typer.Option(help="Where its files go.")] = None,
) -> None:
    """A working day in half a minute, offline: a Scan2Evolve, a CMMS, and syncd between them.

    Example: syncd demo
    """
    from syncd.demo import play

    raise typer.Exit(play(folder, sys.stdout))


def version() -> None:
    """The version.

    Example: syncd version
    """
    typer.echo(f"syncd {__version__}")


def upgrade() -> None:
    """Bring the mirror to this version's schema; a SQLite file is backed up first.

    Example: syncd db upgrade
    """
    with open_app() as app, leased(app, 10.0, whole=False):
        typer.echo(f"{app.mirror().where} has schema {schema.current(app.mirror())}")


def current() -> None:
    """The mirror's schema, and this version's.

    Example: syncd db current
    """
    with open_app() as app:
        mirror = app.mirror(create=False)
        typer.echo(f"{mirror.where}: {schema.current(mirror) or 'empty'}; syncd: {schema.newest()}")


def backup(target: Annotated[Path | None, typer.Argument(help="The copy.")] = None) -> None:
    """Copy a SQLite mirror, also while the daemon runs.

    Example: syncd db backup /backup/syncd.db
    """
    with open_app() as app:
        mirror = app.mirror(create=False)
        saved = schema.backup(mirror, target or schema.backup_name(mirror, utcnow))
    typer.echo(f"saved to {saved}")


def show(as_json: Json = False) -> None:
    """Every setting with its value and where it comes from; secrets are masked.

    Example: syncd config show
    """
    rows = shown(load_settings(os.environ))
    if as_json:
        keys = ("name", "value", "origin")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_rows(("name", "value", "from"), rows)


def print_reference() -> None:
    """Every setting with its default and meaning, as a Markdown table.

    Example: syncd config reference
    """
    typer.echo("| name | default | meaning |\n|---|---|---|")
    for name, default, meaning in reference():
        typer.echo(f"| {name} | {default} | {meaning} |")
