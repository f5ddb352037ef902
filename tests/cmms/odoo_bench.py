"""The odoo adapter with a fake Odoo: for its own tests, and for the conformance suite."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import trustme

from syncd.cmms.conformance.bench import BenchFault, no_fault
from syncd.cmms.load import AdapterContext
from syncd.cmms.odoo.adapter import OdooAdapter
from syncd.cmms.odoo.mapping import write_fields
from syncd.cmms.odoo.model import OdooModel, Stage, stage_map
from syncd.cmms.odoo.options import OdooOptions
from syncd.cmms.odoo.start import open_rpc
from syncd.core.work_order import Field, Fields, Value
from tests.cmms.fake_odoo import FakeOdoo
from tests.cmms.fake_odoo_models import EQUIPMENT, REQUEST, STAGE, USER, XMLID
from tests.cmms.fake_odoo_server import OdooServer
from tests.conftest import utcnow

KEY = "key-of-sync"
OWN_FIELDS = {
    "x_s2e_id": "char",
    "x_s2e_actual_hours": "float",
    "x_s2e_root_cause": "text",
    "x_s2e_resolution": "char",
    "x_s2e_closure_note": "html",
    "x_s2e_completed_at": "datetime",
    "x_s2e_started_at": "datetime",
    "x_s2e_location": "char",
}
# The options that name them.
NAMES: dict[str, Any] = {name.replace("x_s2e_", "field_"): name for name in OWN_FIELDS}
NAMES["field_s2e_id"] = NAMES.pop("field_id")


def make_odoo(version: int = 18, **more: Any) -> FakeOdoo:
    """An Odoo with two people, two pumps and fields of its own."""
    odoo = FakeOdoo(version=version, **more)
    for name in ("jane", "joe"):
        odoo.add_user(f"{name}@example.com", f"key-of-{name}")
    for number in (101, 102):
        odoo.make(EQUIPMENT, name=f"Pump {number}", serial_no=f"P-{number}")
    for name, kind in OWN_FIELDS.items():
        odoo.add_field(name, kind, copied=False)
    return odoo


def make_options(url: str, **options: Any) -> OdooOptions:
    told = {"url": url, "database": "plant", "login": "sync@example.com", "api_key": KEY}
    return OdooOptions.model_validate({**told, **options})


@cache
def small_bundle() -> str:
    """One certificate to trust: to load the system's takes longer than most tests."""
    folder = tempfile.mkdtemp(prefix="syncd-test-")
    atexit.register(shutil.rmtree, folder)
    path = Path(folder, "ca.pem")
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


def make_adapter(url: str, *, deadline_s: float = 5.0, **options: Any) -> OdooAdapter:
    made = make_options(url, **options)
    context = AdapterContext(may_write=True, utcnow=utcnow, ca_bundle=small_bundle())
    return OdooAdapter(open_rpc(made, context, deadline_s=deadline_s), made, url)


@contextmanager
def served(odoo: FakeOdoo, **options: Any) -> Iterator[tuple[OdooServer, OdooAdapter]]:
    with OdooServer(odoo) as server:
        adapter = make_adapter(server.url, **options)
        try:
            yield server, adapter
        finally:
            adapter.close()


class OdooBench:
    """What the conformance suite asks for. People use the fake's own methods."""

    page_size = 5
    on_request: Callable[[bool], BenchFault | None]

    def __init__(self, server: OdooServer, adapter: OdooAdapter) -> None:
        self.adapter, self.odoo = adapter, server.odoo
        self.on_request = no_fault
        server.on_request = self._asked
        stages = [
            Stage(row["id"], row["name"], row["done"]) for row in self.odoo.tables[STAGE].values()
        ]
        options = adapter.options
        types = {name: spec.type for name, spec in self.odoo.models[REQUEST].items()}
        self._model = OdooModel(types, options.named(), stage_map(stages, options.stages()))

    def _asked(self, writes: bool) -> BenchFault | None:
        return self.on_request(writes)

    def records(self) -> Mapping[str, Mapping[str, object]]:
        return {str(number): self._shown(row) for number, row in self._table.items()}

    @property
    def _table(self) -> dict[int, dict[str, Any]]:
        return self.odoo.tables[REQUEST]

    def _shown(self, row: dict[str, Any]) -> dict[str, object]:
        own = {
            "name": Field.TITLE,
            "description": Field.DESCRIPTION,
            "priority": Field.PRIORITY,
            "schedule_date": Field.DUE_DATE,
            "close_date": Field.COMPLETED_AT,
            "user_id": Field.ASSIGNED_TO,
            "equipment_id": Field.ASSET_CODE,
            **{field: name for name, field in self.adapter.options.named().items()},
        }
        if "x_s2e_completed_at" in own:
            own["close_date"] = "the day of completion"  # type: ignore[assignment]
        state = {"stage_id", "kanban_state", "archive"}
        shown: dict[str, object] = {
            str(own.get(name, name)): value
            for name, value in row.items()
            if name not in {"write_date", *state}
        }
        shown[str(Field.STATUS)] = tuple(row[name] for name in sorted(state))
        if self.adapter.options.field_s2e_id is None:
            shown[str(Field.S2E_ID)] = [
                mark["name"]
                for mark in self.odoo.tables[XMLID].values()
                if mark["res_id"] == row["id"]
            ]
        return shown

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        self.odoo.change(int(cmms_id), **self._values({name: value}, self._table[int(cmms_id)]))

    def add(self, fields: Fields) -> str:
        number = self.odoo.make(REQUEST, **self._values(fields, None))
        if self.adapter.options.field_s2e_id is None and fields.get(Field.S2E_ID):
            self.odoo.mark(number, str(fields[Field.S2E_ID]))
        return str(number)

    def spoil(self, cmms_id: str) -> Field:
        self._table[int(cmms_id)]["schedule_date"] = "soon"
        return Field.DUE_DATE

    def add_broken(self) -> None:
        self.odoo.broken = [None]

    def delete(self, cmms_id: str) -> None:
        self.odoo.remove(int(cmms_id))

    def _values(self, fields: Fields, row: dict[str, Any] | None) -> dict[str, Any]:
        values = write_fields(fields, row, self._model)
        for name, field, model, by in (
            (Field.ASSIGNED_TO, "user_id", USER, "login"),
            (Field.ASSET_CODE, "equipment_id", EQUIPMENT, "serial_no"),
        ):
            if fields.get(name) is not None:
                (values[field],) = (
                    it["id"] for it in self.odoo.tables[model].values() if it[by] == fields[name]
                )
        return values
