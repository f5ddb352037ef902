"""adapter list, new, test: adapters of CMMSs."""

import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from syncd.cli.common import Json, open_app, print_json, print_rows
from syncd.cmms.catalogue import WORDS, entries
from syncd.cmms.scaffold import scaffold
from syncd.core.values import parse_value
from syncd.core.work_order import Field, Unreadable, Value
from syncd.errors import ConfigurationError, InputError
from syncd.settings import Need, Settings

FAILED = 70  # an adapter that does not keep to the port has a bug


def register(app: typer.Typer) -> None:
    adapter = typer.Typer(help="Adapters of CMMSs.", no_args_is_help=True)
    adapter.command("list")(list_adapters)
    adapter.command("new")(new)
    adapter.command("test")(try_adapter)
    app.add_typer(adapter, name="adapter")


def list_adapters(as_json: Json = False) -> None:
    """The adapters and presets there are, and how each was verified.

    Example: syncd adapter list
    """
    rows = entries()
    if as_json:
        print_json(
            [
                {
                    "setting": it.setting,
                    "verified": it.verified,
                    "where": it.where,
                    "trouble": it.trouble,
                }
                for it in rows
            ]
        )
        return
    cells = [(it.setting.partition("=")[2], it.verified, it.trouble or it.where) for it in rows]
    print_rows(("name", "verified", "where"), cells)
    typer.echo("\nSYNCD_CMMS_ADAPTER names an adapter, SYNCD_CMMS_MAPPING a preset of `rest`.")
    for word in [word for word in WORDS if any(it.verified == word for it in rows)]:
        typer.echo(f"{word}: {WORDS[word]}")


def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path(),
    kind: Annotated[
        str, typer.Option(help="code: a Python file; rest: a mapping for an HTTP API.")
    ] = "code",
) -> None:
    """Begin an adapter: its file and a test that passes as it is.

    Example: syncd adapter new acme && pytest acme_test.py
    """
    made = scaffold(name, folder, kind)
    for path in made:
        typer.echo(path)
    tests = [path for path in made if path.name.endswith("_test.py")]
    typer.echo(f"next: pytest {' '.join(map(str, tests))}", err=True)


def try_adapter(
    confirm: Annotated[
        str | None, typer.Option(help="The CMMS's host, instead of typing it when asked.")
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=A,B: two values that this CMMS takes, for example of a person."),
    ] = None,
    cannot: Annotated[
        list[str] | None,
        typer.Option(help="VALUE=REASON: a status or priority that this CMMS has not."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only the rules with this in their names.")
    ] = None,
) -> None:
    """Try the adapter of the settings on its CMMS, which has to be a sandbox: it makes records.

    SYNCD_CMMS_SANDBOX=1 marks it, and its host has to be typed.

    Example: syncd adapter test
    """
    try:
        from syncd.cmms.conformance import live
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"syncd adapter test needs {error.name}, which is not installed; "
            "pip install 'syncd[test]'"
        ) from error
    samples = dict(_sample(text) for text in sample or ())
    reasons = dict(_pair(text, "--cannot", "DRAFT=it knows no drafts") for text in cannot or ())
    with open_app({Need.CMMS}, may_write=True) as app:
        adapter = app.adapter()
        host = adapter.host or _host(app.settings)
        if not app.settings.cmms_sandbox:
            raise ConfigurationError(
                f"{host} is not marked as a sandbox, and this command makes and changes records "
                "in it; set SYNCD_CMMS_SANDBOX=1 if nobody works with it"
            )
        if not adapter.capabilities.creates:
            raise ConfigurationError(
                f"{adapter.name} creates no records, and those of others are not touched; "
                "there is nothing that could be tried"
            )
        typer.echo(f"This makes some hundred records in {host} and cancels them again.")
        typed = confirm if confirm is not None else typer.prompt("Type the host to go on")
        if typed.strip() != host:
            raise InputError(f"{typed.strip()!r} is not {host}; nothing was done")
        typer.echo(adapter.check() or f"{adapter.name}: it has no check of its own")
        prefix = f"wo_syncdtest_{secrets.token_hex(4)}_"
        trial = live.run(adapter, prefix, samples=samples, cannot=reasons, only=rule)
        typer.echo(f"Left in {host}, all with an s2e id that begins with {prefix}:")
        print_rows(("record", "s2e id"), trial.left.items())
    raise typer.Exit(0 if trial.passed else FAILED)


def _host(settings: Settings) -> str:
    """Return what people call the CMMS: its host, else its file, else its adapter."""
    if settings.cmms_url is None:
        return str(settings.cmms_adapter)
    parts = urlsplit(settings.reveal("cmms_url"))
    return parts.hostname or Path(parts.path).name or str(settings.cmms_adapter)


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not value:
        raise InputError(f"{option} {text!r} is not like {option} {example!r}")
    return name.strip(), value.strip()


def _sample(text: str) -> tuple[Field, tuple[Value, Value]]:
    example = "assigned_to=jane@example.com,joe@example.com"
    name, both = _pair(text, "--sample", example)
    if name not in set(Field):
        raise InputError(f"--sample {name}: there is no such field; {', '.join(Field)}")
    values = [parse_value(Field(name), value.strip()) for value in both.split(",")]
    unreadable = [value for value in values if isinstance(value, Unreadable)]
    if unreadable:
        raise InputError(f"--sample {name}: {unreadable[0].raw!r} {unreadable[0].why}")
    if len(values) != 2 or values[0] == values[1]:
        raise InputError(f"--sample {name}: two different values are wanted, for example {example}")
    return Field(name), (values[0], values[1])
