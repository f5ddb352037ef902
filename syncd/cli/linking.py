"""links list, links relink: which order is which record."""

from typing import Annotated

import typer

from syncd.app import App, utcnow
from syncd.cli.common import counted, exit_code, open_app, print_json, print_rows
from syncd.core.work_order import CmmsRecord
from syncd.errors import InputError, NotFound
from syncd.jobs.rebuild_links import Rebuilt, rebuild_links
from syncd.jobs.takeover import leased
from syncd.mirror import link_answers, observations
from syncd.mirror.db import schema
from syncd.mirror.link_answers import LinkAnswer, Wish
from syncd.mirror.links import link_of, owner_of
from syncd.mirror.queries.links import claiming_records, link_list, order_facts
from syncd.settings import Need

_WAIT_S = 10.0  # for the lease
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Which order is which record.", no_args_is_help=True)
    group.command("list")(links)
    group.command("relink")(relink)
    app.add_typer(group, name="links")


def links(as_json: Json = False) -> None:
    """List the links, what is missing, and what a person has unlinked.

    Example: syncd links list
    """
    with open_app() as app:
        mirror = app.mirror(create=False)
        schema.require_current(mirror)
        with mirror.read() as tx:
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

    Without an option both sides are read and nothing is written to either: orders whose record
    carries their id, or that name a record, are linked; conflicts are named; nothing is dropped.
    With one, the next cycle acts on the answer.

    Example: syncd links relink --order wo_def456 1042
    """
    given = [each for each in (order, recreate, drop) if each is not None]
    if len(given) > 1:
        raise InputError("use one of --order, --recreate and --drop")
    if not given:
        _rebuild(as_json)
        return
    if order is not None:
        answer, warnings = _relink(*order)
    elif recreate is not None:
        answer, warnings = _recreate(recreate), []
    else:
        answer, warnings = _drop(str(drop)), []
    if as_json:
        wish = {"s2e_id": answer.s2e_id, "wish": answer.wish, "cmms_id": answer.cmms_id}
        print_json({**wish, "warnings": warnings})
        return
    typer.echo(_SAID[answer.wish].format(answer))
    for warning in warnings:
        typer.echo(warning)


_SAID = {
    Wish.RELINK: "{0.s2e_id} is record {0.cmms_id} from the next cycle on: a first meeting",
    Wish.RECREATE: "{0.s2e_id}: the next cycle makes a record",
    Wish.DROP: "{0.s2e_id} takes no part from the next cycle on, until it is relinked",
}


# ── one order ─────────────────────────────────────────────────────────────────────────────


def _relink(s2e_id: str, cmms_id: str) -> tuple[LinkAnswer, list[str]]:
    with open_app((Need.CMMS,)) as app:
        began = utcnow()
        record = _record(app, cmms_id)
        if record is None:
            raise InputError(f"there is no record {cmms_id} in the CMMS")
        if record.s2e_id not in {None, s2e_id}:
            raise InputError(
                f"record {cmms_id} carries the id of {record.s2e_id}; "
                "remove it in the CMMS if that is wrong"
            )
        mirror = app.mirror(create=False)
        schema.require_current(mirror)
        with mirror.transaction() as tx:
            _require_order(order_facts(tx, s2e_id), s2e_id)
            owner = owner_of(tx, record.cmms_id)
            if owner == s2e_id:
                raise InputError(f"{s2e_id} is linked to record {cmms_id} already")
            if owner is not None:
                raise InputError(
                    f"record {cmms_id} is linked to {owner}; "
                    f"`syncd links relink --drop {owner}` first"
                )
            if not observations.is_known_record(tx, record.cmms_id):
                observations.save_cmms(tx, [record], seen_at=began)
            answer = LinkAnswer(s2e_id, Wish.RELINK, record.cmms_id)
            link_answers.save_answer(tx, answer)
            others = set(claiming_records(tx, s2e_id)) - {record.cmms_id}
    return answer, [
        f"record {other} carries the id of {s2e_id}, too: remove it there in the CMMS"
        for other in sorted(others)
    ]


def _recreate(s2e_id: str) -> LinkAnswer:
    with open_app((Need.CMMS,)) as app:
        adapter = app.adapter()
        if not adapter.capabilities.creates:
            raise InputError(f"the adapter {adapter.name} cannot create records")
        found = adapter.find(s2e_id) if adapter.capabilities.finds else []
        if found:
            raise InputError(
                f"record {found[0].cmms_id} carries the id of {s2e_id}; use --order {s2e_id} "
                f"{found[0].cmms_id}, or remove the id there"
            )
        with app.mirror(create=False).read() as tx:
            link = link_of(tx, s2e_id)
        if link is not None and _record(app, link.cmms_id) is not None:
            raise InputError(f"{s2e_id} is linked to record {link.cmms_id}, which is there")
        return _ask(app, LinkAnswer(s2e_id, Wish.RECREATE))


def _drop(s2e_id: str) -> LinkAnswer:
    with open_app() as app:
        return _ask(app, LinkAnswer(s2e_id, Wish.DROP))


def _ask(app: App, answer: LinkAnswer) -> LinkAnswer:
    mirror = app.mirror(create=False)
    schema.require_current(mirror)
    with mirror.transaction() as tx:
        _require_order(order_facts(tx, answer.s2e_id), answer.s2e_id)
        link_answers.save_answer(tx, answer)
    return answer


def _record(app: App, cmms_id: str) -> CmmsRecord | None:
    try:
        return app.adapter().get(cmms_id)
    except NotFound:
        return None


def _require_order(facts: object, s2e_id: str) -> None:
    if facts is None:
        raise InputError(f"{s2e_id} was never seen in Scan2Evolve; `syncd once --full` reads all")
    if getattr(facts, "tombstone_at", None) is not None:
        raise InputError(f"{s2e_id} was deleted in Scan2Evolve")


# ── all of them ───────────────────────────────────────────────────────────────────────────


def _rebuild(as_json: bool) -> None:
    with open_app((Need.S2E, Need.CMMS)) as app, leased(app, _WAIT_S) as lease:
        done = rebuild_links(app.cycle(lease))
    if as_json:
        print_json(_document(done))
    else:
        _print(done)
    for error in done.report.errors:
        typer.echo(f"syncd: {error}", err=True)
    raise typer.Exit(exit_code(done.report.errors, partial=done.report.result == "partial"))


def _document(done: Rebuilt) -> dict[str, object]:
    linked = ("s2e_id", "cmms_id", "how")
    named = ("s2e_id", "reason", "detail")
    return {
        "connection": "default",
        "result": done.report.result,
        "linked": [dict(zip(linked, row, strict=True)) for row in done.linked],
        "conflicts": [dict(zip(named, row, strict=True)) for row in done.conflicts],
        "under_way": done.under_way,
    }


def _print(done: Rebuilt) -> None:
    if done.linked:
        print_rows(("order", "cmms", "how"), done.linked)
    if done.conflicts:
        print_rows(("order", "conflict", "detail"), done.conflicts)
    conflicts = counted(len(done.conflicts), "conflict")
    typer.echo(f"{len(done.linked)} linked, {conflicts}; nothing was written")
    for s2e_id in done.under_way:
        typer.echo(f"{s2e_id}: its create is being read back, which links it by itself")
