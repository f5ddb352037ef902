"""check, probe: whether both sides can be reached, and what the CMMS offers."""

from dataclasses import asdict
from typing import Annotated

import typer

from syncd.cli.common import Json, exit_code, open_app, print_json
from syncd.errors import InputError
from syncd.jobs.check import check_all
from syncd.settings import Need

_WARNED = 1


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command()(probe)


def check(
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither side.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning counts as failed.")] = False,
    as_json: Json = False,
) -> None:
    """Whether everything is set and reachable: one line each, with the remedy. Writes nothing.

    Example: syncd check
    """
    with open_app() as app:
        checked = check_all(app, offline=offline)
    if as_json:
        print_json({"checks": [asdict(line) for line in checked.lines]})
    else:
        for line in checked.lines:
            typer.echo(f"{line.state:4}  {line.what:11}  {line.detail}")
    code = exit_code(checked.errors)
    raise typer.Exit(_WARNED if code == 0 and strict and checked.warned else code)


def probe(as_json: Json = False) -> None:
    """What can be learned of the CMMS through its mapping. Writes nothing, and decides nothing.

    Example: syncd probe
    """
    with open_app({Need.CMMS}) as app:
        findings = app.adapter().probe()
        if findings is None:
            raise InputError(
                f"SYNCD_CMMS_ADAPTER={app.settings.cmms_adapter} has nothing to probe; "
                "it is for mappings of the kind rest/1"
            )
        if as_json:
            keys = ("state", "what", "detail")
            print_json({"findings": [dict(zip(keys, row, strict=True)) for row in findings]})
            return
        for state, what, detail in findings:
            typer.echo(f"{state:4}  {what:15}  {detail}")
