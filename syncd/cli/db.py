"""db upgrade, db current, db backup: the mirror's database."""

from pathlib import Path
from typing import Annotated

import typer

from syncd.app import utcnow
from syncd.cli.common import open_app
from syncd.jobs.takeover import leased
from syncd.mirror.db import schema


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The mirror's database.", no_args_is_help=True)
    group.command("upgrade")(upgrade)
    group.command("current")(current)
    group.command("backup")(backup)
    app.add_typer(group, name="db")


def upgrade() -> None:
    """Bring the mirror to this version's schema; a SQLite file is backed up first.

    Example: syncd db upgrade
    """
    with open_app() as app, leased(app, whole=False):
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
