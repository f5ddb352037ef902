"""conflicts, parked, guard, pause, resume: what waits for a person, and the person's answer."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from syncd.cli.common import Json, open_app, print_json, print_rows
from syncd.core.work_order import Field, Side
from syncd.errors import InputError
from syncd.jobs.answers import (
    pause_writing,
    release_all_parked,
    release_guards,
    release_parked,
    resolve_conflict,
)
from syncd.mirror.queries.held import held_list, parked_list
from syncd.mirror.queries.waiting import conflict_list, guard_list

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The work order, wo_….")]
FieldName = Annotated[str | None, typer.Argument(metavar="FIELD", help="One field alone.")]
ParkedId = Annotated[str | None, typer.Argument(metavar="[ID]", help="The work order, wo_….")]
Every = Annotated[bool, typer.Option("--all", help="All that is parked, in place of one order's.")]
OfReason = Annotated[str | None, typer.Option("--reason", help="With --all: for this reason.")]
OfField = Annotated[str | None, typer.Option("--field", help="With --all: of this field.")]


def register(app: typer.Typer) -> None:
    groups: tuple[tuple[str, str, dict[str, Callable[..., None]]], ...] = (
        ("conflicts", "Fields that both sides changed.", {"list": conflicts, "resolve": resolve}),
        ("parked", "Writes not tried again.", {"list": parked, "retry": retry, "drop": drop}),
        (
            "guard",
            "Plans refused until a person releases the guard.",
            {"list": guards, "release": release},
        ),
    )
    for name, text, commands in groups:
        group = typer.Typer(help=text, no_args_is_help=True)
        for command, function in commands.items():
            group.command(command)(function)
        app.add_typer(group, name=name)
    app.command()(pause)
    app.command()(resume)


def _show(rows: list[dict[str, Any]], heads: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(heads, [[row.get(_KEYS.get(head, head)) for head in heads] for row in rows])
    else:
        typer.echo("nothing waits")


_KEYS = {"order": "s2e_id", "scan2evolve": "s2e_value", "cmms": "cmms_value", "found": "found_at"}


def conflicts(
    every: Annotated[bool, typer.Option("--all", help="Also those the owner has won.")] = False,
    as_json: Json = False,
) -> None:
    """List the conflicts that wait; with --all the log, with each losing value.

    Example: syncd conflicts list
    """
    with open_app() as app, app.current_mirror().read() as tx:
        rows = conflict_list(tx, every=every)
    _show(rows, ("order", "field", "scan2evolve", "cmms", "winner", "found"), as_json)


def resolve(
    order: OrderId,
    field: Annotated[str, typer.Argument(metavar="FIELD")],
    side: Annotated[str, typer.Argument(metavar="cmms|s2e", help="Whose value wins.")],
) -> None:
    """Decide a conflict; the next cycle writes the chosen value to the other side.

    Example: syncd conflicts resolve wo_def456 status cmms
    """
    name, winner = _field(field), _side(side)
    with open_app() as app:
        resolve_conflict(app.current_mirror(), order, name, winner)
    typer.echo(f"{order}: {name} goes to {winner}; the next cycle writes it")


def parked(
    every: Annotated[
        bool, typer.Option("--all", help="Also what is tried again by itself, and answers.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what is parked, and why; with --all also what is tried again by itself, and when.

    Example: syncd parked list
    """
    with open_app() as app, app.current_mirror().read() as tx:
        rows = held_list(tx) if every else parked_list(tx)
    heads = ("order", "side", "field", "reason", "detail", "since")
    _show(rows, (*heads[:3], "state", "until", *heads[3:]) if every else heads, as_json)


def retry(
    order: ParkedId = None,
    field: FieldName = None,
    every: Every = False,
    reason: OfReason = None,
    of_field: OfField = None,
) -> None:
    """Try again what is parked of this order, or with --all of every order.

    Example: syncd parked retry wo_def456
    """
    if every:
        _release_all(order, reason, of_field, drop=False)
    else:
        _release(order, field, reason or of_field, drop=False)


def drop(
    order: ParkedId = None,
    field: FieldName = None,
    every: Every = False,
    reason: OfReason = None,
    of_field: OfField = None,
) -> None:
    """Give up what is parked: this value is never tried again, another one is.

    Example: syncd parked drop wo_def456 root_cause
    """
    if every:
        _release_all(order, reason, of_field, drop=True)
    else:
        _release(order, field, reason or of_field, drop=True)


def _release(order: str | None, field: str | None, narrowed: str | None, *, drop: bool) -> None:
    if order is None:
        raise InputError("name a work order, or --all for all that is parked")
    if narrowed is not None:
        raise InputError("--reason and --field go with --all; name the field after the order")
    name = _field(field) if field is not None else None
    with open_app() as app:
        release_parked(app.current_mirror(), order, name, drop=drop)
    typer.echo(f"{order}: {'dropped' if drop else 'tried again in the next cycle'}")


def _release_all(order: str | None, reason: str | None, field: str | None, *, drop: bool) -> None:
    if order is not None:
        raise InputError("--all goes without a work order; narrow it with --reason and --field")
    name = _field(field) if field is not None else None
    with open_app() as app:
        holds, orders = release_all_parked(app.current_mirror(), reason, name, drop=drop)
    typer.echo(
        f"{holds} of {orders} orders {'dropped' if drop else 'tried again in the next cycle'}"
    )


def guards(as_json: Json = False) -> None:
    """List the guards that wait.

    Example: syncd guard list
    """
    with open_app() as app, app.current_mirror().read() as tx:
        rows = guard_list(tx)
    _show(rows, ("guard", "side", "counted", "allowed", "detail"), as_json)


def release(
    guard: Annotated[str | None, typer.Argument(metavar="GUARD", help="One of them.")] = None,
) -> None:
    """Let the refused plan through, up to the count that the guard names.

    Example: syncd guard release first_sync
    """
    with open_app() as app:
        names = release_guards(app.current_mirror(), guard)
    typer.echo(f"released: {', '.join(names)}; the next cycle goes on")


def pause() -> None:
    """Stop writing to both sides; observing goes on.

    Example: syncd pause
    """
    with open_app() as app:
        pause_writing(app.current_mirror(), True)
    typer.echo("paused: both sides are observed, nothing is written")


def resume() -> None:
    """Write again.

    Example: syncd resume
    """
    with open_app() as app:
        pause_writing(app.current_mirror(), False)
    typer.echo("writing again with the next cycle")


def _field(text: str) -> Field:
    try:
        return Field(text)
    except ValueError:
        raise InputError(f"{text} is not a field; fields are {', '.join(Field)}") from None


def _side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise InputError(f"{text} is not a side; use cmms or s2e") from None
