"""config show, config reference, version: the settings, and which syncd this is."""

import os

import typer

from syncd import __version__
from syncd.cli.common import Json, print_json, print_rows
from syncd.settings import load_settings, reference, shown


def register(app: typer.Typer) -> None:
    app.command()(version)
    group = typer.Typer(help="The settings.", no_args_is_help=True)
    group.command("show")(show)
    group.command("reference")(print_reference)
    app.add_typer(group, name="config")


def version() -> None:
    """The version.

    Example: syncd version
    """
    typer.echo(f"syncd {__version__}")


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
