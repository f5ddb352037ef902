"""links list, links relink: which order is which record."""

from typing import Annotated

import typer

from syncd.app import CONNECTION
from syncd.cli.common import READING, Json, counted, exit_with, open_app, print_json, print_rows
from syncd.errors import InputError
from syncd.jobs.rebuild_links import Rebuilt, rebuild_links
from syncd.jobs.relink import recreate_record, relink_order, unlink_order
from syncd.jobs.takeover import leased
from syncd.mirror.link_answers import Wish
from syncd.mirror.queries.links import link_list
from syncd.settings import Need


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Which order is which record.", no_args_is_help=True)
    group.command("list")(links)
    group.command("relink")(relink)
    app.add_typer(group, name="links")


def links(as_json: Json = False) -> None:
    """List the links, what is missing, and what a person has unlinked.

    Example: syncd links list
    """
    with open_app() as app, app.current_mirror().read() as tx:
        rows = link_list(tx)
    for row in rows:
        row["made_at"] = f"{row['made_at']:%Y-%m-%dT%H:%M:%SZ}" if row["made_at"] else None
    if as_json:
        print_json(rows)
    elif rows:
        keys = ("s2e_id", "cmms_id", "how", "made_at", "state")
        heads = ("order", "cmms", "how", "since", "state")
        print_rows(heads, [[row[key] for key in keys] for row in rows])
    else:
        typer.echo("nothing is linked")


def relink(
    order: Annotated[
        tuple[str, str] | None,
        typer.Option("--order", metavar="ID CMMS_ID", help="This order is that record."),
    ] = None,
    recreate: Annotated[
        str | None,
        typer.Option("--recreate", metavar="ID", help="Make its lost record anew."),
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option("--drop", metavar="ID", help="Unlink it, until it is relinked."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Link what is unlinked, from what both sides hold; or say what one order is.

    Without an option both sides are read and nothing is written to either. An order is linked if a
    record carries its id, or if it names a record. Conflicts are named, and no link is dropped.
    With an option the next cycle acts on the answer.

    Example: syncd links relink --order wo_def456 1042
    """
    chosen = [option for option in (order, recreate, drop) if option is not None]
    if len(chosen) > 1:
        raise InputError("use one of --order, --recreate and --drop")
    if not chosen:
        _rebuild(as_json)
        return
    warnings: list[str] = []
    confirms = False
    with open_app(() if drop is not None else (Need.CMMS,)) as app:
        if order is not None:
            relinked = relink_order(app, *order)
            answer, confirms = relinked.answer, relinked.confirms
            warnings = [
                f"record {other} carries the id of {order[0]}, too: remove it there in the CMMS"
                for other in relinked.others
            ]
        elif recreate is not None:
            answer = recreate_record(app, recreate)
        else:
            answer = unlink_order(app, str(drop))
    if as_json:
        wish = {"s2e_id": answer.s2e_id, "wish": answer.wish, "cmms_id": answer.cmms_id}
        print_json({**wish, "warnings": warnings})
        return
    typer.echo((_CONFIRMED if confirms else _NEXT[answer.wish]).format(answer))
    for warning in warnings:
        typer.echo(warning)


_CONFIRMED = "{0.s2e_id} stays record {0.cmms_id}; the next cycle brings externalId to it"
_NEXT = {
    Wish.RELINK: "{0.s2e_id} is record {0.cmms_id} from the next cycle on: a first meeting",
    Wish.RECREATE: "{0.s2e_id}: the next cycle makes a record",
    Wish.DROP: "{0.s2e_id} takes no part from the next cycle on, until it is relinked",
}


def _rebuild(as_json: bool) -> None:
    with open_app(READING) as app, leased(app) as lease:
        rebuilt = rebuild_links(app.cycle(lease))
    if as_json:
        print_json(_document(rebuilt))
    else:
        _print(rebuilt)
    raise exit_with(rebuilt.report.errors, partial=rebuilt.report.result == "partial")


def _document(rebuilt: Rebuilt) -> dict[str, object]:
    linked = ("s2e_id", "cmms_id", "how")
    conflicts = ("s2e_id", "reason", "detail")
    return {
        "connection": CONNECTION,
        "result": rebuilt.report.result,
        "linked": [dict(zip(linked, row, strict=True)) for row in rebuilt.linked],
        "conflicts": [dict(zip(conflicts, row, strict=True)) for row in rebuilt.conflicts],
        "under_way": rebuilt.under_way,
    }


def _print(rebuilt: Rebuilt) -> None:
    if rebuilt.linked:
        print_rows(("order", "cmms", "how"), rebuilt.linked)
    if rebuilt.conflicts:
        print_rows(("order", "conflict", "detail"), rebuilt.conflicts)
    conflicts = counted(len(rebuilt.conflicts), "conflict")
    typer.echo(f"{len(rebuilt.linked)} linked, {conflicts}; nothing was written")
    for s2e_id in rebuilt.under_way:
        typer.echo(f"{s2e_id}: its create is being read back, which links it by itself")
