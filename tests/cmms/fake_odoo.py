"""Odoo's Maintenance, as far as the adapter sees it, with the quirks of the real one.

Written from an Odoo 18.0 that was run beside it and asked the same: stamps are the start of the
transaction, with microseconds that the wire does not show; what is empty is `false`; a done
stage sets `close_date` to today, whatever the same write says; HTML is wrapped and cleaned;
requests are archived by a flag of their own, and unlinking leaves nothing behind.

`FakeOdoo` is the database and its models. `fake_odoo_server` speaks its protocols.
"""

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.cmms.fake_odoo_models import (
    DAY,
    EQUIPMENT,
    MODULE,
    REQUEST,
    STAGE,
    TIME,
    USER,
    XMLID,
    Call,
    OdooError,
    Row,
    Spec,
    like,
    sanitized,
)
from tests.cmms.fake_odoo_models import models as make_models


@dataclass
class FakeOdoo:
    """One database.

    Attributes:
        version: 18 or 19, which compare times and answer errors differently.
        keys: per login the password or API key; groups: per login what it may do:
            "manager" (of maintenance) and "rights" (external identifiers).
        calls: the ledger, in the order they came; failed ones too.
        utcnow: the server's clock.
        denied: operations that nobody may do; raises: what every call of write ends with.
        ignores_order: rows come as they were made, last first, whatever is asked.
        broken: what stands among the requests of a list that are no rows.
    """

    version: int = 18
    utcnow: Callable[[], datetime] = lambda: datetime.now(UTC)
    database: str = "plant"
    keys: dict[str, str] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    models: dict[str, dict[str, Spec]] = field(default_factory=make_models)
    tables: dict[str, dict[int, Row]] = field(default_factory=dict)

    ignores_order: bool = False
    broken: list[Any] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    raises: OdooError | None = None

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers = {model: count(1) for model in self.models}
        self.tables = {model: {} for model in self.models}
        self.now = self.utcnow()
        self.user = ""
        for name, done in (("New Request", False), ("In Progress", False), ("Repaired", True),
                           ("Scrap", True)):  # fmt: skip
            self.make(STAGE, name=name, done=done, sequence=len(self.tables[STAGE]) + 1)
        self.add_user("sync@example.com", "key-of-sync", {"manager", "rights"})

    # ── people ────────────────────────────────────────────────────────────────────────────

    def add_user(self, login: str, key: str, groups: Sequence[str] | set[str] = ()) -> int:
        self.keys[login], self.groups[login] = key, set(groups)
        return self.make(
            USER, name=login.split("@", maxsplit=1)[0].title(), login=login, email=login
        )

    def add_field(self, name: str, kind: str, *, model: str = REQUEST, **about: Any) -> None:
        self.models[model][name] = Spec(kind, **about)
        for row in self.tables[model].values():
            row.setdefault(name, None)

    def make(self, model: str, **values: Any) -> int:
        """A person makes a record; its id."""
        with self.transaction():
            return self._create(model, values)

    def change(self, number: int, model: str = REQUEST, **values: Any) -> None:
        """A person edits a record."""
        with self.transaction():
            self._write(model, [number], values)

    def remove(self, number: int, model: str = REQUEST) -> None:
        with self.transaction():
            self._unlink(model, [number])

    def mark(self, number: int, s2e_id: str) -> None:
        """A person gives a request the external identifier."""
        values = {"module": MODULE, "name": s2e_id, "model": REQUEST, "res_id": number}
        with self.transaction():
            self._create(XMLID, values)

    def duplicate(self, number: int) -> int:
        """A person duplicates a request: what is copied is copied."""
        row = self.tables[REQUEST][number]
        specs = self.models[REQUEST]
        never = {"id", "stage_id", "write_date"}
        kept = {key: value for key, value in row.items() if key not in never and specs[key].copied}
        return self.make(REQUEST, **kept)

    def row(self, number: int, model: str = REQUEST) -> Row:
        """The record as the database holds it."""
        return self.tables[model][number]

    @contextmanager
    def transaction(self, began: datetime | None = None) -> Iterator[None]:
        """All or nothing; whatever is written is stamped with when it began."""
        with self.lock:
            before, self.now = copy.deepcopy(self.tables), began or self.utcnow()
            try:
                yield
            except Exception:
                self.tables = before
                raise

    # ── calls ─────────────────────────────────────────────────────────────────────────────

    def sign_in(self, login: str, key: str) -> int | bool:
        found = [row["id"] for row in self.tables[USER].values() if row["login"] == login]
        return found[0] if found and self.keys.get(login) == key else False

    def login_of(self, key: str) -> str | None:
        return next((login for login, held in self.keys.items() if held == key), None)

    def call(self, login: str, model: str, method: str, ids: Any, named: Row) -> Any:
        """One call, one transaction. Raises OdooError."""
        with self.lock:
            self.calls.append(Call(login, model, method, {"ids": ids, **named}))
            if model not in self.models:
                raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist")
            context = named.pop("context", {})
            function = getattr(self, f"_on_{method}", None)
            if function is None:
                raise OdooError(
                    "builtins.AttributeError",
                    f"The method '{method}' does not exist on the model '{model}'",
                )
            self.user = login
            try:
                with self.transaction():
                    return function(model, ids, context=context, **named)
            except TypeError as error:
                raise OdooError("builtins.TypeError", str(error)) from error
            finally:
                self.user = ""

    def may(self, login: str, model: str, operation: str) -> bool:
        if operation in self.denied:
            return False
        groups = self.groups[login]
        if model == XMLID:
            return "rights" in groups
        if model == REQUEST or operation == "read":
            return True
        return "manager" in groups and model in {STAGE, EQUIPMENT}

    def _need(self, model: str, operation: str) -> None:
        if not self.may(self.user, model, operation):
            raise OdooError(
                "odoo.exceptions.AccessError",
                f"You are not allowed to {operation} '{model}' records.",
            )

    def _sees(self, model: str, row: Row) -> bool:
        """The record rule: without the group, people see their own requests."""
        if model != REQUEST or "manager" in self.groups[self.user]:
            return True
        mine = self.sign_in(self.user, self.keys[self.user])
        return mine in {row["user_id"], row["owner_user_id"]}

    def _on_check_access_rights(
        self, model: str, _ids: Any, *, context: Row, operation: str, raise_exception: bool
    ) -> bool:
        if self.version >= 19:
            raise OdooError("builtins.AttributeError", "The method does not exist")
        return self.may(self.user, model, operation)

    def _on_has_access(self, model: str, _ids: Any, *, context: Row, operation: str) -> bool:
        return self.may(self.user, model, operation)

    def _on_fields_get(
        self, model: str, _ids: Any, *, context: Row, allfields: list[str], attributes: list[str]
    ) -> Row:
        known = {"id": Spec("integer", readonly=True), **self.models[model]}
        return {
            name: {
                "type": known[name].type,
                "readonly": known[name].readonly,
                "store": True,
                "searchable": True,
            }
            for name in allfields
            if name in known
        }

    def _on_search_read(
        self,
        model: str,
        _ids: Any,
        *,
        context: Row,
        domain: list[Any],
        fields: list[str],
        limit: int | None = None,
        order: str = "id desc",
    ) -> list[Row]:
        self._need(model, "read")
        rows = [
            row
            for row in self.tables[model].values()
            if self._sees(model, row) and self._matches(model, row, domain)
        ]
        if self.ignores_order:
            rows.reverse()
        if "active" in self.models[model] and context.get("active_test", True):
            rows = [row for row in rows if row["active"]]
        for key in reversed(order.split(",") if not self.ignores_order else []):
            name, _, way = key.strip().partition(" ")
            rows.sort(key=lambda row: row[name], reverse=way == "desc")
        shown = [self._shown(model, row, fields) for row in rows[:limit]]
        return [*self.broken, *shown] if shown and model == REQUEST else shown

    def _on_create(self, model: str, _ids: Any, *, context: Row, vals_list: list[Row] | Row) -> Any:
        self._need(model, "create")
        if isinstance(vals_list, dict):
            return self._create(model, vals_list)
        return [self._create(model, values) for values in vals_list]

    def _on_write(self, model: str, ids: list[int], *, context: Row, vals: Row) -> bool:
        self._need(model, "write")
        self._write(model, ids, vals)
        if self.raises is not None:
            raise self.raises
        return True

    def _on_unlink(self, model: str, ids: list[int], *, context: Row) -> bool:
        self._unlink(model, ids)
        return True

    def _on_archive_equipment_request(self, model: str, ids: list[int], *, context: Row) -> None:
        self._write(model, ids, {"archive": True})

    def _on_load(
        self, model: str, _ids: Any, *, context: Row, fields: list[str], data: list[list[str]]
    ) -> Row:
        """Import by external identifier; the identifier needs no right of its own."""
        self._need(model, "create")
        (cells,) = data
        told = dict(zip(fields, cells, strict=True))
        module, _, name = told.pop("id").partition(".")
        values: Row = {}
        for column, cell in told.items():
            key, _, part = column.partition("/")
            spec = self._spec(model, key)
            if spec.type == "many2one":
                if part != ".id":
                    raise OdooError("builtins.ValueError", f"Cannot find {cell} by name here")
                if cell and int(cell) not in self.tables[spec.relation]:
                    text = f"No matching record found for database id '{cell}' in field '{key}'"
                    return {"ids": False, "messages": [{"type": "error", "message": text}]}
                values[key] = int(cell) if cell else False
            elif spec.type == "boolean":
                values[key] = cell.lower() in {"1", "true", "yes"}
            else:
                values[key] = float(cell) if spec.type == "float" and cell else cell or False
        for row in self.tables[XMLID].values():
            if (row["module"], row["name"]) == (module, name):
                if not (context.get("mode") == "update" and row["noupdate"]):
                    self._write(model, [row["res_id"]], values)
                return {"ids": [row["res_id"]], "messages": [], "nextrow": 0}
        try:
            number = self._create(model, values)
        except OdooError as error:
            return {"ids": False, "messages": [{"type": "error", "message": error.message}]}
        mark = {"module": module, "name": name, "model": model, "res_id": number}
        self._create(XMLID, {**mark, "noupdate": context.get("noupdate", False)})
        return {"ids": [number], "messages": [], "nextrow": 0}

    # ── the models ────────────────────────────────────────────────────────────────────────

    def _spec(self, model: str, name: str) -> Spec:
        if name not in self.models[model]:
            raise OdooError("builtins.ValueError", f"Invalid field '{name}' on model '{model}'")
        return self.models[model][name]

    def _create(self, model: str, values: Row) -> int:
        given = {name: self._taken(model, name, raw) for name, raw in values.items()}
        row: Row = {name: spec.default for name, spec in self.models[model].items()} | given
        self._complete(model, row)
        if model == XMLID and any(
            (it["module"], it["name"]) == (row["module"], row["name"])
            for it in self.tables[XMLID].values()
        ):
            raise OdooError(
                "odoo.exceptions.ValidationError",
                'duplicate key value violates unique constraint "ir_model_data_module_name"',
            )
        if model == REQUEST:
            self._first_values(row, given)
            if self.user and "owner_user_id" not in given:
                row["owner_user_id"] = self.sign_in(self.user, self.keys[self.user])
        row["id"] = next(self._numbers[model])
        row["write_date"] = self.now
        self.tables[model][row["id"]] = row
        return int(row["id"])

    def _first_values(self, row: Row, given: Row) -> None:
        stages = sorted(self.tables[STAGE].values(), key=lambda it: (it["sequence"], it["id"]))
        if "stage_id" not in given and stages:
            row["stage_id"] = stages[0]["id"]
        self._name_technician(row, given)
        done = self._is_done(row)
        row["close_date"] = (row["close_date"] or self.now.strftime(DAY)) if done else None

    def _name_technician(self, row: Row, given: Row) -> None:
        """The user is computed from the equipment, unless somebody was named in the same write."""
        if given.get("equipment_id") and "user_id" not in given:
            row["user_id"] = self.tables[EQUIPMENT][given["equipment_id"]]["technician_user_id"]

    def _write(self, model: str, ids: list[int], values: Row) -> None:
        for number in ids:
            if number not in self.tables[model] or not self._exists_for(model, number):
                raise OdooError(
                    "odoo.exceptions.MissingError",
                    f"Record does not exist or has been deleted. ({model}({number},))",
                )
            row = self.tables[model][number]
            given = {name: self._taken(model, name, raw) for name, raw in values.items()}
            if model == REQUEST and "stage_id" in given and "kanban_state" not in given:
                given["kanban_state"] = "normal"
            row.update(given)
            self._complete(model, row)
            if model == REQUEST:
                self._name_technician(row, given)
                if "stage_id" in given:
                    row["close_date"] = self.now.strftime(DAY) if self._is_done(row) else None
            row["write_date"] = self.now

    def _exists_for(self, model: str, number: int) -> bool:
        if self.user and not self._sees(model, self.tables[model][number]):
            raise OdooError("odoo.exceptions.AccessError", "top-secret records")
        return True

    def _unlink(self, model: str, ids: list[int]) -> None:
        for number in ids:
            self.tables[model].pop(number, None)
        marks = self.tables[XMLID]
        for row in [*marks.values()]:
            if row["model"] == model and row["res_id"] in ids:
                del marks[row["id"]]

    def _is_done(self, row: Row) -> bool:
        stage = self.tables[STAGE].get(row["stage_id"])
        return stage is not None and bool(stage["done"])

    def _complete(self, model: str, row: Row) -> None:
        for name, spec in self.models[model].items():
            if spec.required and not row.get(name):
                raise OdooError(
                    "odoo.exceptions.ValidationError",
                    f"The operation cannot be completed: a mandatory field is not set. ({name})",
                )

    # ── values ────────────────────────────────────────────────────────────────────────────

    def _taken(self, model: str, name: str, raw: Any) -> Any:
        """A value as the database keeps it. Raises OdooError for one that is not taken."""
        spec = self._spec(model, name)
        wrong = OdooError("builtins.ValueError", f"Wrong value for {model}.{name}: {raw!r}")
        if spec.type == "boolean":
            return bool(raw)
        if raw is False or raw is None:
            return None
        if isinstance(raw, str) and "\x00" in raw:
            text = "A string literal cannot contain NUL (0x00) characters."
            raise OdooError("builtins.ValueError", text)
        if spec.type == "selection" and raw not in spec.choices:
            raise wrong
        if spec.type == "many2one":
            if not isinstance(raw, int):
                raise OdooError(
                    "builtins.ValueError", f"Expected singleton: {spec.relation}({raw})"
                )
            if raw not in self.tables[spec.relation]:
                raise OdooError(
                    "odoo.exceptions.MissingError", f"({spec.relation}({raw},)) does not exist"
                )
        if spec.type in {"datetime", "date"}:
            try:
                datetime.strptime(raw, TIME if spec.type == "datetime" else DAY)
            except (TypeError, ValueError) as error:
                raise OdooError("builtins.ValueError", str(error)) from error
        if spec.type in {"float", "integer"} and not isinstance(raw, int | float):
            raise OdooError("builtins.ValueError", f"could not convert string to float: {raw!r}")
        return sanitized(raw) if spec.type == "html" else raw

    def _shown(self, model: str, row: Row, fields: list[str]) -> Row:
        """A record as the wire shows it."""
        shown: Row = {"id": row["id"]}
        for name in fields:
            if name == "id":
                continue
            spec, value = self._spec(model, name), row[name]
            if spec.type == "many2one" and value:
                shown[name] = [value, self.tables[spec.relation][value]["name"]]
            elif isinstance(value, datetime):
                shown[name] = value.strftime(TIME)
            elif spec.type in {"float", "integer"}:
                shown[name] = value or 0
            else:
                shown[name] = False if value is None else value
        return shown

    def _matches(self, model: str, row: Row, domain: list[Any]) -> bool:
        """Odoo's prefix notation; terms that stand side by side all have to hold."""
        stack: list[bool] = []
        for term in reversed(domain):
            if term == "|":
                stack.append(bool(stack.pop()) | bool(stack.pop()))
            elif term == "&":
                stack.append(bool(stack.pop()) & bool(stack.pop()))
            else:
                stack.append(self._holds(model, row, *term))
        return all(stack)

    def _holds(self, model: str, row: Row, name: str, operator: str, value: Any) -> bool:
        if name != "id":
            self._spec(model, name)
        held = row[name]
        if isinstance(held, datetime):
            held = held.replace(tzinfo=None)
            if self.version >= 19:
                held = held.replace(microsecond=0)
            value = datetime.strptime(value, TIME)
        if operator == "=":
            return bool(held == value) or (not held and value is False)
        if operator == "in":
            return held in value
        if operator == "=ilike":
            return held is not None and like(value).fullmatch(str(held)) is not None
        if held is None:
            return False
        return bool(held > value if operator == ">" else held >= value)
