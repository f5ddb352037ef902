"""The command that looks at a CMMS through its mapping."""

from typing import Annotated

import typer

from syncd.cli.common import open_app, print_json
from syncd.errors import InputError
from syncd.settings import Need


def probe(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
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
            print_json({"findings": [dict(zip(keys, one, strict=True)) for one in findings]})
            return
        for state, what, detail in findings:
            typer.echo(f"{state:4}  {what:15}  {detail}")


def register(app: typer.Typer) -> None:
    app.command()(probe)
