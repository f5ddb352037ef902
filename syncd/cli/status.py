"""status, order show, health: where things stand."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from syncd.cli.common import Json, open_app, print_json, print_rows
from syncd.errors import InputError, SyncdError
from syncd.jobs.status import SIDE_NAMES, app_status
from syncd.log import escape
from syncd.mirror.queries.order import order_view

_UNHEALTHY = 1
_AT_MOST = 20  # lines about rows of one kind


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(health)
    order = typer.Typer(help="One work order.", no_args_is_help=True)
    order.command("show")(show_order)
    app.add_typer(order, name="order")


def status(as_json: Json = False) -> None:
    """Where things stand: counts, guards, the last cycle.

    Example: syncd status --json
    """
    with open_app() as app:
        document = app_status(app)
    if as_json:
        print_json(document)
    else:
        _print_status(document)


def _print_status(document: dict[str, Any]) -> None:
    orders = document["orders"]
    last, sweep = document["last_cycle"], document["last_complete_sweep"]
    why = "" if document["healthy"] else f": {document['unhealthy_because']}"
    typer.echo(f"{'healthy' if document['healthy'] else 'NOT healthy'}{why}")
    if document["paused"]:
        typer.echo("paused: nothing is written until `syncd resume`")
    typer.echo(f"last cycle      {last['ended_at']} {last['result']}" if last else "no cycle yet")
    typer.echo(f"complete sweep  {sweep or 'none yet'}")
    _print_sweep(document["sweep"])
    if document["oldest_open_look_s"]:
        typer.echo(f"oldest read     {document['oldest_open_look_s']:.0f} s (of an open order)")
    typer.echo(f"freshness       {document['freshness_s']:.0f} s (oldest change not yet across)")
    for side, seconds in document["unread_s"].items():
        typer.echo(f"not read        {SIDE_NAMES[side]}, for {seconds:.0f} s")
    for key, count in orders.items():
        typer.echo(f"{key:14} {count:7}")
    if document["tried_again"]:
        typer.echo(f"tried again by themselves, later: {document['tried_again']} writes")
    for reason, count in document["out_of_scope"].items():
        typer.echo(f"  {reason:22} {count:7}")
    if document["cmms_unlinked"]:
        typer.echo(f"records without a Scan2Evolve id in the CMMS: {document['cmms_unlinked']}")
    _print_some(
        f"no id can be read in the CMMS, left out: {where}: {what}"
        for what, where in document["cmms_nameless"].items()
    )
    _print_some(
        f"the CMMS dates its record {cmms_id} ahead: {changed}"
        for cmms_id, changed in document["cmms_ahead"].items()
    )
    for guard in document["guards"]:
        typer.echo(f"guard {guard['guard']}: {guard['detail']}  (syncd guard release)")


def _print_some(lines: Iterable[str]) -> None:
    """Print the first of the lines, and how many more there are."""
    every = list(lines)
    for line in every[:_AT_MOST]:
        typer.echo(escape(line))
    if len(every) > _AT_MOST:
        typer.echo(f"  and {len(every) - _AT_MOST} more (syncd status --json)")


def _print_sweep(sweep: dict[str, Any]) -> None:
    """Print what the last complete sweep proved, and how far the running one has come."""
    proved, running, last = sweep["certificate"], sweep["running"], sweep["last"]
    if proved is not None:
        order = " or ".join(proved["order"]) or "unknown"
        typer.echo(
            f"  proved by     {proved['pages']} pages, {proved['overlaps']} overlaps, "
            f"{proved['head_passes']} head"
        )
        typer.echo(f"                {proved['unseen']} asked by id; in the order {order}")
    if last is not None and last["result"] != "complete":
        typer.echo(f"last sweep      {last['result']}: {last['reason']}")
    if running is not None:
        of = "" if running["total"] is None else f" of {running['total']}"
        typer.echo(f"sweep running   {running['orders']}{of} orders, {running['pages']} pages")


def health() -> None:
    """Whether the daemon makes progress: exit 0, or 1 and why. The container's HEALTHCHECK.

    Example: syncd health
    """
    try:
        with open_app() as app:
            document = app_status(app)
    except SyncdError as error:
        typer.echo(f"NOT healthy: {error}")
        raise typer.Exit(_UNHEALTHY) from None
    healthy, because = document["healthy"], document["unhealthy_because"]
    typer.echo("healthy" if healthy else f"NOT healthy: {because}")
    raise typer.Exit(0 if healthy else _UNHEALTHY)


def show_order(
    name: Annotated[str, typer.Argument(metavar="ID", help="wo_…, or the CMMS's reference.")],
    as_json: Json = False,
) -> None:
    """What each side was last seen to hold, the bases, and what happened.

    Example: syncd order show wo_def456
    """
    with open_app() as app, app.current_mirror().read() as tx:
        view = order_view(tx, name)
    if view is None:
        raise InputError(f"neither side was ever seen to hold {name}")
    if as_json:
        print_json(view)
    else:
        _print_order(view)


def _print_order(view: dict[str, Any]) -> None:
    order, link = view["s2e"], view["link"]
    records = view["cmms"]
    record = records[0] if records else {}
    linked = f"linked to {link['cmms_id']} ({link['how']})" if link else "not linked"
    typer.echo(f"{view['s2e_id']}: {linked}")
    if order and order["out_of_scope"]:
        typer.echo(f"not synced: {order['out_of_scope']}")
    left = order["fields"] if order else {}
    right = record.get("fields", {})
    bases = view["bases"]
    rows = [
        (
            name,
            _cell(left, name),
            _cell(bases.get("s2e", {}).get("fields", {}), name),
            _cell(bases.get("cmms", {}).get("fields", {}), name),
            _cell(right, name),
        )
        for name in dict.fromkeys([*left, *right])
    ]
    print_rows(("field", "scan2evolve", "its base", "the cmms's base", "cmms"), rows)
    for hold in view["parked"]:
        where = hold["field"] or "the whole order"
        state = _STATES[hold["state"]].format(hold["until"])
        typer.echo(f"{state}: {where} towards {hold['side']}: {hold['reason']} {hold['detail']}")
    for entry in view["timeline"]:
        words = " ".join(str(entry[key]) for key in ("field", "rule") if entry[key])
        detail = " ".join(f"{k}={v}" for k, v in (entry["detail"] or {}).items())
        typer.echo(escape(f"{entry['at']}  {entry['event']:18} {words} {detail}".rstrip()))


_STATES = {"parked": "parked", "again": "tried again at {}", "answered": "answered by a person"}


def _cell(fields: dict[str, Any], name: str) -> str:
    if name not in fields:
        return "-"
    value = fields[name]
    if isinstance(value, dict):
        return f"(unreadable: {value.get('unreadable')})"
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
