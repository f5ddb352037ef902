"""What the fake Odoo is made of: its models' fields, its errors, and how it keeps texts."""

import re
from dataclasses import dataclass
from typing import Any

REQUEST, STAGE, EQUIPMENT = "maintenance.request", "maintenance.stage", "maintenance.equipment"
USER, XMLID = "res.users", "ir.model.data"
MODULE = "__scan2evolve__"  # of our external identifiers
TIME, DAY = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"
WRITES = frozenset({"create", "write", "unlink", "load"})
Row = dict[str, Any]


class OdooError(Exception):
    """An exception that was raised inside a call; `name` is Odoo's name for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message


@dataclass(frozen=True)
class Spec:
    """One field of a model."""

    type: str
    relation: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    readonly: bool = False
    copied: bool = True
    default: Any = None


@dataclass(frozen=True)
class Call:
    """One line of the ledger."""

    login: str
    model: str
    method: str
    named: Row

    @property
    def writes(self) -> bool:
        return self.method in WRITES


def models() -> dict[str, dict[str, Spec]]:
    char, stamp = Spec("char"), Spec("datetime", readonly=True)
    return {
        REQUEST: {
            "name": Spec("char", required=True),
            "description": Spec("html"),
            "priority": Spec("selection", choices=("0", "1", "2", "3")),
            "stage_id": Spec("many2one", STAGE),
            "kanban_state": Spec(
                "selection", choices=("normal", "blocked", "done"), required=True, default="normal"
            ),
            "archive": Spec("boolean"),
            "user_id": Spec("many2one", USER),
            "owner_user_id": Spec("many2one", USER),
            "equipment_id": Spec("many2one", EQUIPMENT),
            "schedule_date": Spec("datetime"),
            "close_date": Spec("date"),
            "duration": Spec("float"),
            "write_date": stamp,
        },
        STAGE: {"name": char, "sequence": Spec("integer", default=1), "done": Spec("boolean")},
        EQUIPMENT: {
            "name": Spec("char", required=True),
            "serial_no": char,
            "technician_user_id": Spec("many2one", USER),
            "active": Spec("boolean", default=True),
        },
        USER: {
            "name": Spec("char", required=True),
            "login": Spec("char", required=True),
            "email": char,
            "share": Spec("boolean"),
            "active": Spec("boolean", default=True),
        },
        XMLID: {
            "module": char,
            "name": Spec("char", required=True),
            "model": Spec("char", required=True),
            "res_id": Spec("integer"),
            "noupdate": Spec("boolean"),
        },
    }


def like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE, without case."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    told = [
        {"%": ".*", "_": "."}.get(part, re.escape(part[-1] if part[0] == "\\" else part))
        for part in parts
    ]
    return re.compile("".join(told), re.IGNORECASE | re.DOTALL)


def sanitized(html: str) -> str:
    """What is left of HTML: no scripts, no control characters, and in an element of its own."""
    clean = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL | re.IGNORECASE)
    clean = re.sub(r"[\x00-\x08\x0b-\x1f]", "", clean).lstrip()
    if clean and not clean.startswith("<"):
        clean = f"<p>{clean}</p>"
    return re.sub(r"<br\s*/>", "<br>", clean)
