"""What waits for a person, and the person's answer.

An answer is a row that the holder of the lease reads in its next cycle: it needs no lease.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from syncd.cli.common import open_app, print_json, print_rows
from syncd.core.work_order import Field, Side
from syncd.errors import InputError
from syncd.mirror import attention, journal, state
from syncd.mirror.answers import answer_conflict, release_guard, release_holds
from syncd.mirror.db import schema
from syncd.mirror.db.database import Tx
from syncd.mirror.queries.waiting import conflict_list, guard_list, parked_list

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
OrderId = Annotated[str, typer.Argument(metavar="ID", help="The work order, wo_….")]
FieldName = Annotated[str | None, typer.Argument(metavar="FIELD", help="One field alone.")]


def register(app: typer.Typer) -> None:
    groups: tuple[tuple[str, str, dict[str, Callable[..., None]]], ...] = (
        ("conflicts", "Fields that both sides changed.", {"list": conflicts, "resolve": resolve}),
        ("parked", "Writes not tried again.", {"list": parked, "retry": retry, "drop": drop}),
        ("guard", "Plans refused until a person looks.", {"list": guards, "release": release}),
    )
    for name, text, commands in groups:
        group = typer.Typer(help=text, no_args_is_help=True)
        for command, function in commands.items():
            group.command(command)(function)
        app.add_typer(group, name=name)
    app.command()(pause)
    app.command()(resume)


@contextmanager
def _reading() -> Iterator[Tx]:
    with open_app() as app:
        mirror = app.mirror(create=False)
        schema.require_current(mirror)
        with mirror.read() as tx:
            yield tx


@contextmanager
def _answering() -> Iterator[Tx]:
    with open_app() as app:
        mirror = app.mirror(create=False)
        schema.require_current(mirror)
        with mirror.transaction() as tx:
            yield tx


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
    with _reading() as tx:
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
    with _answering() as tx:
        if not answer_conflict(tx, order, name, winner):
            raise InputError(f"no conflict of {order} in {name} waits; see `syncd conflicts list`")
        attention.mark_attention(tx, [order])
        journal.write(tx, "answered", s2e_id=order, field=name, rule=winner.value)
    typer.echo(f"{order}: {name} goes to {winner}; the next cycle writes it")


def parked(as_json: Json = False) -> None:
    """List what is parked, and why.

    Example: syncd parked list
    """
    with _reading() as tx:
        rows = parked_list(tx)
    _show(rows, ("order", "side", "field", "reason", "detail", "since"), as_json)


def retry(order: OrderId, field: FieldName = None) -> None:
    """Try again what is parked of this order.

    Example: syncd parked retry wo_def456
    """
    _release(order, field, drop=False)


def drop(order: OrderId, field: FieldName = None) -> None:
    """Give up what is parked: this value is never tried again, another one is.

    Example: syncd parked drop wo_def456 root_cause
    """
    _release(order, field, drop=True)


def _release(order: str, field: str | None, *, drop: bool) -> None:
    name = _field(field) if field is not None else None
    with _answering() as tx:
        if not release_holds(tx, order, name.value if name else None, drop=drop):
            raise InputError(f"nothing of {order} is parked; see `syncd parked list`")
        attention.mark_attention(tx, [order])
        rule = "drop" if drop else "retry"
        journal.write(tx, "order.released", s2e_id=order, field=name, rule=rule)
    typer.echo(f"{order}: {'dropped' if drop else 'tried again in the next cycle'}")


def guards(as_json: Json = False) -> None:
    """List the guards that wait.

    Example: syncd guard list
    """
    with _reading() as tx:
        rows = guard_list(tx)
    _show(rows, ("guard", "side", "counted", "allowed", "detail"), as_json)


def release(
    guard: Annotated[str | None, typer.Argument(metavar="GUARD", help="One of them.")] = None,
) -> None:
    """Let the refused plan through, up to the count that the guard names.

    Example: syncd guard release first_sync
    """
    with _answering() as tx:
        names = release_guard(tx, guard)
        if not names:
            raise InputError("no such guard waits; see `syncd guard list`")
        for name in names:
            journal.write(tx, "guard.released", rule=name)
    typer.echo(f"released: {', '.join(names)}; the next cycle goes on")


def pause() -> None:
    """Stop writing to both sides; observing goes on.

    Example: syncd pause
    """
    with _answering() as tx:
        state.set_state(tx, state.PAUSED, True)
    typer.echo("paused: both sides are observed, nothing is written")


def resume() -> None:
    """Write again.

    Example: syncd resume
    """
    with _answering() as tx:
        state.set_state(tx, state.PAUSED, False)
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
