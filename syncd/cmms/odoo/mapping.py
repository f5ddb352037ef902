"""A maintenance request in our words, and our values in Odoo's. Pure.

    archive is set                CANCELLED      whatever else the record holds
    kanban_state is blocked       ON_HOLD
    else the stage                see `StageMap`; a stage that stands for DRAFT and ASSIGNED agrees
                                  with both, whoever is assigned

Odoo sends `false` for an empty value, and 0 hours are the same as none. Times are naive UTC with
seconds; `close_date` is a day, which we read as its first moment. Long texts are HTML, which Odoo
rewrites, so they are compared as text.

A record's `native` is its row, without `write_date`, which moves though no value changes, and with
the text of a long text in place of its HTML. BESIDE holds what stands elsewhere: the Scan2Evolve
id, the person, the equipment, and the address and language that it was read with.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from syncd.cmms.mapping.values.html_text import html_to_text, text_to_html
from syncd.cmms.odoo.model import OdooModel
from syncd.core.values import encode_value, parse_hours
from syncd.core.work_order import (
    Field,
    Fields,
    Priority,
    Status,
    Unreadable,
    Unwritable,
    Value,
    ValueKind,
    kind_of,
)
from syncd.errors import Refused

Row = Mapping[str, Any]
BESIDE = "beside"  # no field of Odoo's is called so on a request
_PRIORITIES = tuple(Priority)  # Odoo's '0' to '3'
_TIME = "%Y-%m-%d %H:%M:%S"
_DAY = "%Y-%m-%d"
_OWN: Mapping[Field, str] = MappingProxyType(
    {
        Field.TITLE: "name",
        Field.DESCRIPTION: "description",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "schedule_date",
        Field.COMPLETED_AT: "close_date",
    }
)


def places(model: OdooModel) -> dict[Field, str]:
    """The request's field by our field, for those of ours that one field holds."""
    fields = {**_OWN, **model.named}
    fields.pop(Field.EXTERNAL_ID, None)  # see `OdooAdapter.get`
    return fields


# ── reading ───────────────────────────────────────────────────────────────────────────────


def read_fields(row: Row, model: OdooModel) -> dict[Field, Value]:
    """The values of one row, without people and equipment, which other records hold."""
    fields = {name: read_value(name, row.get(field), model.types[field])
              for name, field in places(model).items()}  # fmt: skip
    fields[Field.STATUS], _ = read_status(row, model)
    fields[Field.EXTERNAL_STATUS] = _shown_state(row)
    return fields


def read_value(name: Field, raw: Any, odoo_type: str) -> Value:
    if isinstance(raw, Mapping) and "text" in raw:
        return str(raw["text"]) or None  # of a long text, see `kept_row`
    if raw is False or raw is None or raw == "":
        return None
    if name is Field.PRIORITY:
        if raw in {"0", "1", "2", "3"}:
            return _PRIORITIES[int(raw)]
        return Unreadable(str(raw), "is no priority of Odoo's that we know")
    if kind_of(name) is ValueKind.HOURS:
        return parse_hours(raw) or None
    if kind_of(name) is ValueKind.TIME:
        return read_time(raw, _DAY if odoo_type == "date" else _TIME)
    if not isinstance(raw, str):
        return Unreadable(str(raw)[:200], "is not text")
    text = html_to_text(raw) if odoo_type == "html" else raw
    return text.strip() if name is Field.S2E_ID else text or None


def read_time(raw: object, form: str = _TIME) -> datetime | Unreadable:
    try:
        return datetime.strptime(str(raw), form).replace(tzinfo=UTC)
    except ValueError:
        return Unreadable(str(raw)[:200], "is not a time as Odoo spells it")


def read_changed(row: Row) -> datetime | None:
    """When the record was changed, by the server's clock; None where that cannot be read."""
    moment = read_time(row.get("write_date"))
    return None if isinstance(moment, Unreadable) else moment


def read_status(row: Row, model: OdooModel) -> tuple[Value, frozenset[str]]:
    """The status, and all statuses that the record's state stands for; none if it is just one."""
    if row.get("archive"):
        return Status.CANCELLED, frozenset()
    if row.get("kanban_state") == "blocked":
        return Status.ON_HOLD, frozenset()
    stage = reference(row.get("stage_id"))
    stands_for = model.stages.stands_for.get(stage, ()) if stage is not None else ()
    if not stands_for:
        return Unreadable(
            label(row.get("stage_id")) or "no stage",
            f"is a stage that stands for no status; name its id ({stage}) in "
            "SYNCD_CMMS_STAGE_IN_PROGRESS or another",
        ), frozenset()
    if len(stands_for) == 1:
        return stands_for[0], frozenset()
    # Of several, the one to write where Scan2Evolve holds none of them: not back to a draft.
    status = next(one for one in stands_for if one is not Status.DRAFT)
    return status, frozenset(str(one) for one in stands_for)


def _shown_state(row: Row) -> str | None:
    stage = label(row.get("stage_id"))
    if row.get("archive"):
        return f"{stage} (cancelled)"
    return f"{stage} (blocked)" if row.get("kanban_state") == "blocked" else stage


def reference(raw: Any) -> int | None:
    """The id in the value of a many2one: [id, label], an id, or false for none."""
    if isinstance(raw, list) and raw and type(raw[0]) is int:
        return raw[0]
    return raw if type(raw) is int else None


def label(raw: Any) -> str | None:
    return str(raw[1]) if isinstance(raw, list) and len(raw) > 1 else None


def kept_row(row: Row, model: OdooModel, beside: Row) -> dict[str, Any]:
    """A row as it is kept, for whatever mapping reads it later: see the module text."""
    kept: dict[str, Any] = {BESIDE: dict(beside)}
    for name, raw in row.items():
        if model.types.get(name) == "html":
            kept[name] = {"text": html_to_text(raw)} if isinstance(raw, str) else raw
        elif name != "write_date":
            kept[name] = raw
    return kept


def fields_held(native: Row, model: OdooModel) -> set[Field]:
    """Our fields that a kept row tells, of those that stand in the row itself."""
    held = {name for name, field in places(model).items() if field in native}
    if {"stage_id", "archive", "kanban_state"} <= native.keys():
        held |= {Field.STATUS, Field.EXTERNAL_STATUS}
    return held


# ── writing ───────────────────────────────────────────────────────────────────────────────


def write_value(value: Value, odoo_type: str) -> Any:
    """One value as Odoo takes it; false for None."""
    if value is None:
        return False
    if isinstance(value, Priority):
        return str(_PRIORITIES.index(value))
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return wire_time(value, _DAY if odoo_type == "date" else _TIME)
    text = str(encode_value(value)).replace("\x00", "")
    return text_to_html(text) if odoo_type == "html" else text


def wire_time(moment: datetime, form: str = _TIME) -> str:
    return moment.astimezone(UTC).strftime(form)


def write_status(status: Status, row: Row | None, model: OdooModel) -> dict[str, Any]:
    """The values to write so that the record stands for `status`.

    A stage that stands for it already is kept, since writing a stage resets the day of
    completion. Raises Refused if no stage stands for it.
    """
    stages = model.stages
    if status is Status.CANCELLED and status not in stages.chosen:
        return {"archive": True}
    now = reference(row.get("stage_id")) if row is not None else None
    stands_for = stages.stands_for.get(now, ()) if now is not None else ()
    values: dict[str, Any] = {"archive": False}
    if status is Status.ON_HOLD and status not in stages.chosen:
        values["kanban_state"] = "blocked"
        # Any open stage can be marked as blocked, so it stays.
        if set(stands_for) & {Status.DRAFT, Status.ASSIGNED, Status.IN_PROGRESS}:
            return values
        status = Status.IN_PROGRESS
    elif row is not None and row.get("kanban_state") == "blocked":
        values["kanban_state"] = "normal"
    if status in stands_for:
        return values
    if status not in stages.target:
        raise Refused(_nowhere(status).detail, side="cmms")
    return {**values, "stage_id": stages.target[status]}


def kept_value(name: Field, value: Value, model: OdooModel) -> Value | Unwritable:
    """What the value reads back as: whole seconds or days, text out of HTML, and no 0 hours."""
    if isinstance(value, Status):
        return value if _has_place(value, model) else _nowhere(value)
    field = places(model).get(name)
    if field is None or value is None or isinstance(value, Unreadable):
        return value
    odoo_type = model.types[field]
    return read_value(name, write_value(value, odoo_type), odoo_type)


def _has_place(status: Status, model: OdooModel) -> bool:
    """Whether a record can stand for this status, see `write_status`."""
    target, chosen = model.stages.target, model.stages.chosen
    if status in chosen or status is Status.CANCELLED:
        return True
    if status is Status.ON_HOLD:
        return bool(target.keys() & {Status.DRAFT, Status.ASSIGNED, Status.IN_PROGRESS})
    return status in target


def _nowhere(status: Status) -> Unwritable:
    detail = f"no stage in Odoo stands for {status}; name one in SYNCD_CMMS_STAGE_{status}"
    return Unwritable("unmapped", detail)


def write_fields(fields: Fields, row: Row | None, model: OdooModel) -> dict[str, Any]:
    """The values to write for these fields, without people and equipment."""
    values = {
        field: write_value(fields[name], model.types[field])
        for name, field in places(model).items()
        if name in fields
    }
    status = fields.get(Field.STATUS)
    if isinstance(status, Status):
        values |= write_status(status, row, model)
    return values
