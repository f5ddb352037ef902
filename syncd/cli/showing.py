"""status, order show, health: what stands where."""

from typing import Annotated, Any

import typer

from syncd.app import App
from syncd.cli.common import open_app, print_json, print_rows
from syncd.errors import InputError, SyncdError
from syncd.jobs.status import app_status
from syncd.log import escape
from syncd.mirror.db import schema
from syncd.mirror.queries.order import order_view

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_UNHEALTHY = 1


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
        told = _status(app)
    if as_json:
        print_json(told)
        return
    orders = told["orders"]
    last, sweep = told["last_cycle"], told["last_complete_sweep"]
    why = "" if told["healthy"] else f": {told['unhealthy_because']}"
    typer.echo(f"{'healthy' if told['healthy'] else 'NOT healthy'}{why}")
    if told["paused"]:
        typer.echo("paused: nothing is written until `syncd resume`")
    typer.echo(f"last cycle      {last['ended_at']} {last['result']}" if last else "no cycle yet")
    typer.echo(f"complete sweep  {sweep or 'none yet'}")
    _show_sweep(told["sweep"])
    if told["oldest_open_look_s"]:
        typer.echo(f"oldest look     {told['oldest_open_look_s']:.0f} s (at an open order)")
    typer.echo(f"freshness       {told['freshness_s']:.0f} s (oldest change not yet across)")
    for key, count in orders.items():
        typer.echo(f"{key:14} {count:7}")
    for reason, count in told["out_of_scope"].items():
        typer.echo(f"  {reason:22} {count:7}")
    if told["cmms_unlinked"]:
        typer.echo(f"records without a Scan2Evolve id in the CMMS: {told['cmms_unlinked']}")
    for guard in told["guards"]:
        typer.echo(f"guard {guard['guard']}: {guard['detail']}  (syncd guard release)")


def _show_sweep(told: dict[str, Any]) -> None:
    """What the last complete sweep proved, and how far the one that runs has come."""
    proved, running, last = told["certificate"], told["running"], told["last"]
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


def _status(app: App) -> dict[str, Any]:
    mirror = app.mirror(create=False)
    schema.require_current(mirror)
    return app_status(app)


def health() -> None:
    """Whether the daemon makes progress: exit 0, or 1 and why. The container's HEALTHCHECK.

    Example: syncd health
    """
    try:
        with open_app() as app:
            told = _status(app)
    except SyncdError as error:
        typer.echo(f"NOT healthy: {error}")
        raise typer.Exit(_UNHEALTHY) from None
    typer.echo("healthy" if told["healthy"] else f"NOT healthy: {told['unhealthy_because']}")
    raise typer.Exit(0 if told["healthy"] else _UNHEALTHY)


def show_order(
    name: Annotated[str, typer.Argument(metavar="ID", help="wo_…, or the CMMS's reference.")],
    as_json: Json = False,
) -> None:
    """What each side was last seen to hold, the bases, and what happened.

    Example: syncd order show wo_def456
    """
    with open_app() as app:
        mirror = app.mirror(create=False)
        schema.require_current(mirror)
        with mirror.read() as tx:
            told = order_view(tx, name)
    if told is None:
        raise InputError(f"neither side was ever seen to hold {name}")
    if as_json:
        print_json(told)
        return
    _print_order(told)


def _print_order(told: dict[str, Any]) -> None:
    order, link = told["s2e"], told["link"]
    records = told["cmms"]
    record = records[0] if records else {}
    linked = f"linked to {link['cmms_id']} ({link['how']})" if link else "not linked"
    typer.echo(f"{told['s2e_id']}: {linked}")
    if order and order["out_of_scope"]:
        typer.echo(f"not synced: {order['out_of_scope']}")
    left = order["fields"] if order else {}
    right = record.get("fields", {})
    bases = told["bases"]
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
    for hold in told["parked"]:
        where = hold["field"] or "the whole order"
        typer.echo(f"parked: {where} towards {hold['side']}: {hold['reason']} {hold['detail']}")
    for entry in told["timeline"]:
        words = " ".join(str(entry[key]) for key in ("field", "rule") if entry[key])
        detail = " ".join(f"{k}={v}" for k, v in (entry["detail"] or {}).items())
        typer.echo(escape(f"{entry['at']}  {entry['event']:18} {words} {detail}".rstrip()))


def _cell(fields: dict[str, Any], name: str) -> str:
    if name not in fields:
        return "-"
    value = fields[name]
    if isinstance(value, dict):
        return f"(unreadable: {value.get('unreadable')})"
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
