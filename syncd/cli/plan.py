"""plan, apply, undo: what would be written, writing exactly that, and writing it back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from syncd.app import CONNECTION, App, utcnow
from syncd.cli.common import (
    READING,
    WRITING,
    Full,
    Json,
    Order,
    Out,
    counted,
    exit_with,
    open_app,
    print_json,
    print_rows,
)
from syncd.core.planning.selection import PlanLine
from syncd.core.planning.undo import Cannot
from syncd.core.values import encode_value, format_time, show_value
from syncd.errors import SyncdError
from syncd.jobs.apply_plan import apply_plan
from syncd.jobs.lines import Applied
from syncd.jobs.plan_file import Header, Purpose, line_document, read_plan, write_plan
from syncd.jobs.preview import Preview, preview_cycle, preview_remap
from syncd.jobs.takeover import leased, mirror_id
from syncd.jobs.undo import Undone, undo_cycle


def register(app: typer.Typer) -> None:
    app.command()(plan)
    app.command()(apply)
    app.command()(undo)


# ── plan ──────────────────────────────────────────────────────────────────────────────────


def plan(
    full: Full = False,
    order: Order = None,
    out: Out = None,
    remap: Annotated[
        bool, typer.Option("--remap", help="What a changed mapping makes different.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What the next cycle would write: order, side, field, from, to, rule. Writes nothing.

    With --out also a file for `syncd apply`, from which lines may be deleted. With --remap
    the differences that a changed mapping has made: no cycle writes them by itself.

    Example: syncd plan --full --out plan.jsonl
    """
    with open_app(READING) as app:
        if remap:
            preview = preview_remap(app, order=order)
        else:
            preview = preview_cycle(app, full=full, order=order)
        if out is not None:
            purpose = Purpose.REMAP if remap else Purpose.PLAN
            write_plan(out, _header(app, purpose, preview.cycle_id), preview.lines())
        if as_json:
            print_json(_preview_document(preview, out))
        else:
            _print_preview(preview, out)
        raise exit_with(preview.errors)


def _header(app: App, purpose: Purpose, cycle_id: str) -> Header:
    """Return the header of a plan's file that is written now."""
    return Header(purpose, CONNECTION, mirror_id(app), cycle_id, format_time(utcnow()))


def _preview_document(preview: Preview, out: Path | None) -> dict[str, Any]:
    lines = []
    for line in preview.lines():
        document = line_document(line)
        order = {"order": document.pop("s2e_id")}
        lines.append({**order, **document, "refused": preview.is_refused(line)})
    guards = [
        {"guard": latch.guard, "side": latch.side, "detail": latch.detail}
        for latch in preview.plan.latches
    ]
    return {
        "connection": CONNECTION,
        "mirror_age_s": preview.mirror_age_s,
        "lines": lines,
        "guards": guards,
        "file": None if out is None else str(out),
    }


def _print_preview(preview: Preview, out: Path | None) -> None:
    age_s, decisions = preview.mirror_age_s, preview.plan.decisions
    if age_s is not None:
        typer.echo(
            f"Another syncd holds the lease: this is planned from the mirror, {age_s:.0f} s old."
        )
    lines = preview.lines()
    _print_lines(lines)
    creates = sum(decision.create is not None for decision in decisions)
    changes = sum(bool(decision.changes) for decision in decisions)
    typer.echo(f"{creates} to create, {changes} to change; nothing was written")
    for latch in preview.plan.latches:
        typer.echo(f"refused by guard {latch.guard}: {latch.detail}")
    if out is not None:
        _print_file(len(lines), out)


def _print_lines(lines: list[PlanLine]) -> None:
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


def _print_file(count: int, out: Path) -> None:
    typer.echo(f"{counted(count, 'line')} in {out}; `syncd apply {out}` writes them")


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

    Both sides are read again. A line is skipped, and named with the reason, if the side no longer
    holds its `from`, if it holds the value already, or if the planner would not write it any more.

    Example: syncd apply plan.jsonl
    """
    with open_app(WRITING, may_write=True) as app:
        app.mirror(create=False)
        planned = read_plan(file, connection=CONNECTION, mirror=mirror_id(app))
        with leased(app) as lease:
            applied = apply_plan(app.cycle(lease), planned, dry=app.settings.dry_run)
        if as_json:
            print_json(_applied_document(applied, planned.header))
        else:
            _print_applied(applied)
        raise exit_with(_errors(applied), partial=applied.partial)


def _errors(applied: Applied) -> tuple[SyncdError, ...]:
    return () if applied.report is None else applied.report.errors


def _applied_document(applied: Applied, header: Header) -> dict[str, Any]:
    return {
        "connection": CONNECTION,
        "purpose": header.purpose,
        "cycle_id": None if applied.report is None else applied.report.cycle_id,
        "result": "partial" if applied.partial else "complete",
        "applied": applied.count("applied"),
        "lines": [
            {
                "line": outcome.number,
                **line_document(outcome.line),
                "outcome": outcome.outcome,
                "reason": outcome.reason or None,
            }
            for outcome in applied.outcomes
        ],
    }


def _print_applied(applied: Applied) -> None:
    rows = [
        (it.number, it.line.s2e_id, it.line.field.value, it.outcome, it.reason)
        for it in applied.outcomes
        if it.outcome != "applied"
    ]
    if rows:
        print_rows(("line", "order", "field", "outcome", "reason"), rows)
    outcomes = dict.fromkeys(it.outcome for it in applied.outcomes)
    counts = ", ".join(f"{applied.count(outcome)} {outcome}" for outcome in outcomes)
    cycle = "" if applied.report is None else f" (cycle {applied.report.cycle_id})"
    typer.echo(f"{counts or 'nothing to write'}{cycle}")


# ── undo ──────────────────────────────────────────────────────────────────────────────────


def undo(
    cycle_id: Annotated[str, typer.Argument(metavar="CYCLE_ID", help="The cycle to undo.")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Put back what a cycle has written, as far as that can be done without harm.

    The side that was written gets its value from before. The other side keeps what it holds, and
    the two stay different until somebody edits one of them. What cannot be undone is named. With
    --out only a file for `syncd apply` is written.

    Example: syncd undo 20260310T143000Z-1f3a --out undo.jsonl
    """
    with open_app(WRITING if out is None else READING, may_write=out is None) as app:
        app.mirror(create=False)
        with leased(app) as lease:
            dry = app.settings.dry_run or out is not None
            undone = undo_cycle(app.cycle(lease), cycle_id, dry=dry)
        header = _header(app, Purpose.UNDO, cycle_id)
        if out is not None:
            write_plan(out, header, [it.line for it in undone.applied.outcomes])
        if as_json:
            print_json(_undone_document(undone, header))
        else:
            _print_undone(undone, out)
        raise exit_with(_errors(undone.applied), partial=undone.partial)


def _undone_document(undone: Undone, header: Header) -> dict[str, Any]:
    return {
        **_applied_document(undone.applied, header),
        "result": "partial" if undone.partial else "complete",
        "cannot": [_cannot_document(cannot) for cannot in undone.cannot],
    }


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


def _print_undone(undone: Undone, out: Path | None) -> None:
    outcomes = undone.applied.outcomes
    _print_lines([it.line for it in outcomes])
    if undone.cannot:
        typer.echo("not undone:")
        rows = [
            (
                cannot.written.s2e_id,
                cannot.written.side.value,
                cannot.written.field.value if cannot.written.field is not None else "(all)",
                cannot.reason,
            )
            for cannot in undone.cannot
        ]
        print_rows(("order", "side", "field", "reason"), rows)
    if not outcomes and not undone.cannot:
        typer.echo("the cycle wrote nothing")
    elif out is None:
        _print_applied(undone.applied)
    else:
        _print_file(len(outcomes), out)
