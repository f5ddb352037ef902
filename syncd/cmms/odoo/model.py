"""The fields of a request in this database, and which stage stands for which status.

People rename, add and sort stages, and administrators make fields. So both are read from the
server and checked against the options. Without options:

    the first stage that is not done     DRAFT and ASSIGNED
    the next stage that is not done      IN_PROGRESS
    every stage that is done             COMPLETED; the first is written
    any other stage                      stands for nothing, until an option says for what

A column that somebody adds in the kanban view may become the first one. That makes every stage
another one by this table, and no record another record. So what was learned first is pinned
(`port.AdapterBase.learn`): a stage that it does not name stands for nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from syncd.cmms.odoo.options import NAMED, OdooOptions, setting
from syncd.cmms.odoo.rpc import Rpc
from syncd.core.work_order import Field, Status
from syncd.errors import AccessRefused, ConfigurationError, Refused, UnexpectedContent

REQUEST, STAGE = "maintenance.request", "maintenance.stage"
EQUIPMENT, USER, XMLID = "maintenance.equipment", "res.users", "ir.model.data"
# The Scan2Evolve id is the name of an external identifier of this module.
MODULE = "__scan2evolve__"

NEEDED = (
    "id", "name", "description", "priority", "stage_id", "kanban_state", "archive", "user_id",
    "equipment_id", "schedule_date", "close_date", "write_date",
)  # fmt: skip
_BOTH = (Status.DRAFT, Status.ASSIGNED)  # one stage may stand for both


@dataclass(frozen=True, slots=True)
class Stage:
    id: int
    name: str
    done: bool


@dataclass(frozen=True, slots=True)
class StageMap:
    """Which stage stands for which of our statuses.

    Attributes:
        stages: all stages, by id, in Odoo's order.
        stands_for: the statuses that a stage stands for, by its id; a stage that is missing
            stands for none.
        target: the stage that is written, by status.
        chosen: the statuses whose stages the options name.
    """

    stages: Mapping[int, Stage]
    stands_for: Mapping[int, tuple[Status, ...]]
    target: Mapping[Status, int]
    chosen: frozenset[Status]

    def is_done(self, number: int | None) -> bool:
        stage = self.stages.get(number) if number is not None else None
        return stage is not None and stage.done

    def meanings(self) -> dict[str, str]:
        """What each stage is read as, and which one is written: see `core/meaning.py`."""
        read = {f"stage {number}": ", ".join(them) for number, them in self.stands_for.items()}
        written = {f"{status} is written": f"stage {it}" for status, it in self.target.items()}
        return {**read, **written}

    def described(self) -> str:
        """Every stage and what it stands for, for people."""
        parts = []
        for stage in self.stages.values():
            names = self.stands_for.get(stage.id, ())
            if names:
                parts.append(f"{stage.id} {stage.name} = {', '.join(names)}")
            else:
                parts.append(
                    f"{stage.id} {stage.name} stands for nothing (name it in SYNCD_CMMS_STAGE_…)"
                )
        return "; ".join(parts)


def stage_map(stages: Sequence[Stage], chosen: Mapping[Status, tuple[int, ...]]) -> StageMap:
    """Make the map.

    Args:
        stages: in Odoo's order.
        chosen: the stages that the options name, by status.
    """
    known = {stage.id: stage for stage in stages}
    taken = {number for ids in chosen.values() for number in ids}
    begin = {number for status in _BOTH for number in chosen.get(status, ())}
    still_open = [stage.id for stage in stages if not stage.done]
    first = [number for number in still_open if number not in taken - begin][:1]
    after = [number for number in still_open if number not in {*taken, *first}][:1]
    done = [stage.id for stage in stages if stage.done and stage.id not in taken]
    stages_of: dict[Status, Sequence[int]] = {
        Status.DRAFT: first,
        Status.ASSIGNED: first,
        Status.IN_PROGRESS: after,
        Status.COMPLETED: done,
        **chosen,
    }
    stands_for: dict[int, tuple[Status, ...]] = {}
    for status in Status:
        for number in stages_of.get(status, ()):
            stands_for[number] = (*stands_for.get(number, ()), status)
    target = {status: ids[0] for status, ids in stages_of.items() if ids}
    return StageMap(known, stands_for, target, frozenset(chosen))


@dataclass(frozen=True, slots=True)
class OdooModel:
    """What records of this database are read and written by.

    Attributes:
        types: Odoo's types of the request's fields that are read, by Odoo's name.
        named: the fields of Odoo that the options name, by our field.
    """

    types: Mapping[str, str]
    named: Mapping[Field, str]
    stages: StageMap


def learn(rpc: Rpc, options: OdooOptions, writes: frozenset[Field]) -> dict[str, Any]:
    """Read fields and stages, and check the options against them.

    Returns JSON: {"fields": {name: type}, "stages": [[id, name, done], ...]}.

    Raises ConfigurationError naming the option, and RemoteError.
    """
    named = options.named()
    fields = _fields_of(rpc, REQUEST, [*NEEDED, *named.values()])
    lacking = [name for name in NEEDED if name not in fields]
    if lacking:
        raise UnexpectedContent(
            f"{REQUEST} has no {', '.join(lacking)}, or the user may not see them", side="cmms"
        )
    for name, field in named.items():
        about = fields.get(field)
        _check(f"field_{name.value}", REQUEST, about, field, NAMED[name], name in writes)
    if options.equipment_by is not None:
        field = options.equipment_by
        by = _fields_of(rpc, EQUIPMENT, [field]).get(field)
        _check("equipment_by", EQUIPMENT, by, field, ("char",), False)
    if options.field_s2e_id is None:
        _check_identifiers(rpc)
    stages = _stages(rpc)
    _check_stages(stages, options)
    return {
        "fields": {name: str(about.get("type")) for name, about in fields.items()},
        "stages": [[stage.id, stage.name, stage.done] for stage in stages],
    }


def mapping_hash(options: OdooOptions, model: OdooModel) -> str:
    """A text that changes when a record may be read or written differently.

    The address is not part of it: links to another address are sent to Scan2Evolve.
    """
    decides = [
        {name.value: field for name, field in model.named.items()},
        options.equipment_by,
        options.language,
        sorted(options.read_only),
        model.stages.meanings(),
    ]
    text = json.dumps(decides, sort_keys=True, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def model_of(learned: Mapping[str, Any], options: OdooOptions) -> OdooModel:
    """The model, from what `learn` has returned, perhaps long ago and with other options.

    A field that it does not name is of the first type that its option allows.
    """
    named = options.named()
    stages = [Stage(int(number), str(name), bool(done)) for number, name, done in learned["stages"]]
    types = {field: NAMED[name][0] for name, field in named.items()} | dict(learned["fields"])
    # Only what these options read; what other options have read is no longer asked for.
    read = {field: types[field] for field in (*NEEDED, *named.values()) if field in types}
    return OdooModel(read, named, stage_map(stages, options.stages()))


def _stages(rpc: Rpc) -> list[Stage]:
    rows = rpc.call(
        STAGE, "search_read", domain=[], fields=["name", "done"], order="sequence asc, id asc"
    )
    return [Stage(row["id"], str(row["name"]), bool(row["done"])) for row in rows_of(rows)]


def _check_stages(stages: Sequence[Stage], options: OdooOptions) -> None:
    known = {stage.id for stage in stages}
    for status, ids in options.stages().items():
        gone = [number for number in ids if number not in known]
        if gone:
            there = ", ".join(f"{stage.id} {stage.name}" for stage in stages)
            raise ConfigurationError(
                f"{setting(f'stage_{status.value.lower()}')}: there is no stage {gone[0]}; "
                f"there are {there or 'none'}"
            )


def split_rows(answer: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows that search_read answered, and what among them has no id.

    Raises UnexpectedContent for what is no list, and where nothing in it has an id.
    """
    rows = answer if isinstance(answer, list) else []
    named = [row for row in rows if isinstance(row, dict) and type(row.get("id")) is int]
    if named:
        return named, [row for row in rows if row not in named]
    return rows_of(answer), []


def rows_of(answer: Any) -> list[dict[str, Any]]:
    """The rows that search_read answered. Raises UnexpectedContent for anything else."""
    if isinstance(answer, list) and all(
        isinstance(row, dict) and type(row.get("id")) is int for row in answer
    ):
        return answer
    raise UnexpectedContent(f"search_read answered {str(answer)[:80]!r}, no records", side="cmms")


def _fields_of(rpc: Rpc, model: str, names: list[str]) -> Mapping[str, Mapping[str, Any]]:
    attributes = ["type", "readonly", "store", "searchable"]
    try:
        answer = rpc.call(model, "fields_get", allfields=names, attributes=attributes)
    except Refused as error:
        if "exist" not in str(error):
            raise
        raise UnexpectedContent(
            f"{error}; is the Maintenance app installed in this database?",
            side="cmms",
            status=error.status,
        ) from error
    if isinstance(answer, dict) and all(isinstance(about, dict) for about in answer.values()):
        return answer
    raise UnexpectedContent(f"fields_get answered {str(answer)[:80]!r}", side="cmms")


def _check(
    option: str,
    model: str,
    about: Mapping[str, Any] | None,
    field: str,
    types: tuple[str, ...],
    written: bool,
) -> None:
    name = setting(option)
    if about is None:
        raise ConfigurationError(
            f"{name}: {model} has no field {field}, or the user may not see it; make it in Odoo "
            f"(type {' or '.join(types)}) or unset {name}"
        )
    if about.get("type") not in types:
        raise ConfigurationError(
            f"{name}: {field} is of type {about.get('type')}; it has to be {' or '.join(types)}"
        )
    if not about.get("store", True) and not about.get("searchable", True):
        raise ConfigurationError(f"{name}: {field} is not stored, so Odoo cannot search by it")
    if written and about.get("readonly"):
        raise ConfigurationError(
            f"{name}: {field} is read-only in Odoo; name another, or add "
            f"{option.removeprefix('field_')} to {setting('read_only')}"
        )


def _check_identifiers(rpc: Rpc) -> None:
    """Raise AccessRefused if the user may not read external identifiers. Few users may, and
    without a field of its own the Scan2Evolve id is one."""
    try:
        rpc.call(XMLID, "search_read", domain=[["module", "=", MODULE]], fields=["id"], limit=1)
    except AccessRefused as error:
        raise AccessRefused(
            "SYNCD_CMMS_FIELD_S2E_ID is not set, and the user may not read external "
            "identifiers; make a field for the Scan2Evolve id and name it there, or give the "
            "user the group Administration: Access Rights",
            side="cmms",
            status=error.status,
        ) from error
