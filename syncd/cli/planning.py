"""plan, apply, undo: what would be written, writing exactly that, and taking it back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from syncd.app import CONNECTION, App, utcnow
from syncd.cli.common import counted, exit_code, open_app, print_json, print_rows
from syncd.core.planning.plan import Plan, decide
from syncd.core.planning.selection import PlanLine, lines_of
from syncd.core.planning.undo import Cannot
from syncd.core.work_order import encode_value, format_time, show_value
from syncd.engine.cycle import Cycle
from syncd.engine.decide import age_of, plan_from_mirror
from syncd.engine.request import CycleRequest
from syncd.errors import LeaseHeld, SyncdError
from syncd.jobs.apply_plan import Applied, apply_lines
from syncd.jobs.plan_file import (
    Header,
    PlanFile,
    Purpose,
    line_document,
    read_plan,
    write_plan,
)
from syncd.jobs.remap import remapped
from syncd.jobs.takeover import leased, mirror_id
from syncd.jobs.undo import Undone, apply_undo, undo_cycle
from syncd.settings import Need

_WAIT_S = 10.0  # for the lease
_WRITING = (Need.S2E, Need.SYNC, Need.CMMS)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Full = Annotated[bool, typer.Option("--full", help="Read the whole list, due or not.")]
Only = Annotated[str | None, typer.Option("--order", help="One work order alone.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write the plan to this file.")]


def register(app: typer.Typer) -> None:
    app.command()(plan)
    app.command()(apply)
    app.command()(undo)


# ── plan ──────────────────────────────────────────────────────────────────────────────────


def plan(
    full: Full = False,
    order: Only = None,
    out: Out = None,
    remap: Annotated[
        bool, typer.Option("--remap", help="What a changed mapping makes different.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What the next cycle would write: order, side, field, from, to, rule. Writes nothing.

    With --out also a file for `syncd apply`, from which lines may be taken out. With --remap
    the differences that a changed mapping has made: no cycle writes them by itself.

    Example: syncd plan --full --out plan.jsonl
    """
    with open_app((Need.S2E, Need.CMMS)) as app:
        errors: tuple[SyncdError, ...] = ()
        age: float | None = None
        cycle_id = ""
        only = None if order is None else (order,)
        try:
            with leased(app, _WAIT_S if remap else 0.0) as lease:
                asked = CycleRequest(full=full, only=only, dry=True)
                report = app.cycle(lease).run(_remapped(app, asked) if remap else asked)
            found, errors, cycle_id = report.plan, report.errors, report.cycle_id
        except LeaseHeld:
            if remap:
                raise
            now = utcnow()
            found = plan_from_mirror(app.mirror(), app.policy(), now)
            age = age_of(app.mirror(), now)
            if order is not None:
                found = found.only(d for d in found.decisions if d.s2e_id == order)
        lines = [line for decision in found.decisions for line in lines_of(decision)]
        if out is not None:
            purpose = Purpose.REMAP if remap else Purpose.PLAN
            write_plan(out, header(app, purpose, cycle_id), lines)
        if as_json:
            print_json(_plan_document(lines, found, age, out))
        else:
            _print_plan(lines, found, age, out)
        for error in errors:
            typer.echo(f"syncd: {error}", err=True)
        raise typer.Exit(exit_code(errors))


def _remapped(app: App, asked: CycleRequest) -> CycleRequest:
    """The same, about the orders alone of which something has come to read differently."""
    deciding = remapped(app.mirror())
    wanted = deciding.fields if asked.only is None else deciding.fields.keys() & asked.only
    return CycleRequest(only=tuple(wanted), dry=True, decide=deciding)


def header(app: App, purpose: Purpose, cycle_id: str) -> Header:
    """What a file says of itself that is written now."""
    return Header(purpose, CONNECTION, mirror_id(app), cycle_id, format_time(utcnow()))


def _plan_document(
    lines: list[PlanLine], found: Plan, age: float | None, out: Path | None
) -> dict[str, Any]:
    told = []
    for line in lines:
        document = line_document(line)
        order = {"order": document.pop("s2e_id")}
        told.append({**order, **document, "refused": _is_refused(line, found)})
    guards = [
        {"guard": latch.guard, "side": latch.side, "detail": latch.detail}
        for latch in found.latches
    ]
    return {
        "connection": CONNECTION,
        "mirror_age_s": age,
        "lines": told,
        "guards": guards,
        "file": None if out is None else str(out),
    }


def _is_refused(line: PlanLine, found: Plan) -> bool:
    if line.rule == "create":
        return found.refuses_creates()
    return found.refuses_changes(line.side)


def _print_plan(lines: list[PlanLine], found: Plan, age: float | None, out: Path | None) -> None:
    if age is not None:
        typer.echo(
            f"Another syncd holds the lease: this is planned from the mirror, {age:.0f} s old."
        )
    print_lines(lines)
    creates = sum(decision.create is not None for decision in found.decisions)
    changes = sum(bool(decision.changes) for decision in found.decisions)
    typer.echo(f"{creates} to create, {changes} to change; nothing was written")
    for latch in found.latches:
        typer.echo(f"refused by guard {latch.guard}: {latch.detail}")
    if out is not None:
        typer.echo(f"{counted(len(lines), 'line')} in {out}; `syncd apply {out}` writes them")


def print_lines(lines: list[PlanLine]) -> None:
    """CycleRequest, side, field, from, to and rule, as a table."""
    if lines:
        heads = ("order", "side", "field", "from", "to", "rule")
        print_rows(
            heads,
            [
                (
                    line.s2e_id,
                    line.side.value,
                    line.field.value,
                    _short(encode_value(line.before)),
                    _short(encode_value(line.to)),
                    line.rule,
                )
                for line in lines
            ],
        )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("unreadable"))
    return show_value(None if value is None else str(value))


# ── apply ─────────────────────────────────────────────────────────────────────────────────


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `plan --out`.")],
    as_json: Json = False,
) -> None:
    """Write exactly what a plan's file says, as far as it still holds; nothing else.

    Both sides are looked at afresh. A line is skipped, and named with the reason, where the
    side no longer holds its `from`, where it holds the value already, or where the planner
    would not write it any more.

    Example: syncd apply plan.jsonl
    """
    with open_app(_WRITING, may_write=True) as app:
        app.mirror(create=False)
        planned = read_plan(file, connection=CONNECTION, mirror=mirror_id(app))
        with leased(app, _WAIT_S) as lease:
            dry = app.settings.dry_run
            done = _apply(app.cycle(lease), planned, dry=dry)
        _tell(done, planned.header, as_json=as_json)


def _apply(cycle: Cycle, planned: PlanFile, *, dry: bool) -> Applied:
    if planned.header.purpose is Purpose.UNDO:
        return apply_undo(cycle, planned.header.cycle_id, planned.lines, dry=dry)
    remaps = planned.header.purpose is Purpose.REMAP
    deciding = remapped(cycle.mirror) if remaps else decide
    return apply_lines(cycle, planned.lines, deciding, dry=dry)


def _tell(done: Applied, header: Header, *, as_json: bool) -> None:
    """Print what became of the lines, and exit with the code that says so."""
    errors = () if done.report is None else done.report.errors
    if as_json:
        print_json(_applied_document(done, header))
    else:
        _print_applied(done)
    for error in errors:
        typer.echo(f"syncd: {error}", err=True)
    raise typer.Exit(exit_code(errors, partial=done.partial))


def _applied_document(done: Applied, header: Header) -> dict[str, Any]:
    return {
        "connection": CONNECTION,
        "purpose": header.purpose,
        "cycle_id": None if done.report is None else done.report.cycle_id,
        "result": "partial" if done.partial else "complete",
        "applied": done.count("applied"),
        "lines": [
            {
                "line": each.number,
                **line_document(each.line),
                "outcome": each.outcome,
                "reason": each.reason or None,
            }
            for each in done.outcomes
        ],
    }


def _print_applied(done: Applied) -> None:
    rows = [
        (each.number, each.line.s2e_id, each.line.field.value, each.outcome, each.reason)
        for each in done.outcomes
        if each.outcome != "applied"
    ]
    if rows:
        print_rows(("line", "order", "field", "outcome", "reason"), rows)
    kinds = dict.fromkeys(each.outcome for each in done.outcomes)
    counts = ", ".join(f"{done.count(kind)} {kind}" for kind in kinds)
    cycle = "" if done.report is None else f" (cycle {done.report.cycle_id})"
    typer.echo(f"{counts or 'nothing to write'}{cycle}")


# ── undo ──────────────────────────────────────────────────────────────────────────────────


def undo(
    cycle_id: Annotated[str, typer.Argument(metavar="CYCLE_ID", help="The cycle to undo.")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Put back what a cycle has written, as far as that can be done without harm.

    The side that was written gets its value from before; the other side keeps what it holds,
    and the two are left so until somebody edits one of them. What cannot be undone is named.
    With --out nothing is written but a file for `syncd apply`.

    Example: syncd undo 20260310T143000Z-1f3a --out undo.jsonl
    """
    needs = _WRITING if out is None else (Need.S2E, Need.CMMS)
    with open_app(needs, may_write=out is None) as app:
        app.mirror(create=False)
        with leased(app, _WAIT_S) as lease:
            dry = app.settings.dry_run or out is not None
            done = undo_cycle(app.cycle(lease), cycle_id, dry=dry)
        told = header(app, Purpose.UNDO, cycle_id)
        lines = [each.line for each in done.applied.outcomes]
        if out is not None:
            write_plan(out, told, lines)
        if as_json:
            document = _applied_document(done.applied, told)
            document |= {"result": "partial" if done.partial else "complete"}
            print_json({**document, "cannot": [_cannot_document(each) for each in done.cannot]})
        else:
            _print_undone(done, out)
        errors = () if done.applied.report is None else done.applied.report.errors
        for error in errors:
            typer.echo(f"syncd: {error}", err=True)
        raise typer.Exit(exit_code(errors, partial=done.partial))


def _cannot_document(cannot: Cannot) -> dict[str, Any]:
    written = cannot.written
    return {
        "s2e_id": written.s2e_id,
        "side": written.side.value,
        "field": written.field.value if written.field is not None else None,
        "from": encode_value(written.before),
        "to": encode_value(written.sent),
        "reason": cannot.reason,
    }


def _print_undone(done: Undone, out: Path | None) -> None:
    print_lines([each.line for each in done.applied.outcomes])
    if done.cannot:
        typer.echo("not undone:")
        rows = [
            (
                each.written.s2e_id,
                each.written.side.value,
                each.written.field.value if each.written.field is not None else "(all)",
                each.reason,
            )
            for each in done.cannot
        ]
        print_rows(("order", "side", "field", "reason"), rows)
    if not done.applied.outcomes and not done.cannot:
        typer.echo("the cycle wrote nothing")
    elif out is None:
        _print_applied(done.applied)
    else:
        count = len(done.applied.outcomes)
        typer.echo(f"{counted(count, 'line')} in {out}; `syncd apply {out}` writes them")
