"""The rest adapter on the stand-in, as the conformance suite asks for it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from syncd.cmms.conformance.bench import BenchFault, no_fault
from syncd.cmms.conformance.fake import FastClock
from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.work_order import Field, Fields, Value
from tests.cmms.standin import FORMAT, SECRET, USER, ZONE, Standin
from tests.conftest import utcnow
from tests.edges.s2e_bench import _bundle
from tests.stories.world import World

MAPPING = Path(__file__).parent / "standin.yaml"
URGENCY = {"CRITICAL": 1, "HIGH": 2, "MEDIUM": 3, "LOW": 4}
STATE = {
    "DRAFT": "NEW",
    "ASSIGNED": "OPEN",
    "IN_PROGRESS": "WIP",
    "ON_HOLD": "HOLD",
    "COMPLETED": "DONE",
    "CANCELLED": "VOID",
}
NAMES = {
    Field.S2E_ID: "ref",
    Field.TITLE: "summary",
    Field.DESCRIPTION: "details",
    Field.STATUS: "state",
    Field.PRIORITY: "urgency",
    Field.LOCATION: "place",
    Field.ASSET_NAME: "machine",
    Field.DUE_DATE: "due",
    Field.ESTIMATED_HOURS: "minutes_planned",
    Field.ACTUAL_HOURS: "minutes_spent",
    Field.ROOT_CAUSE: "cause",
    Field.RESOLUTION: "remedy",
    Field.CLOSURE_NOTE: "note",
    Field.COMPLETED_AT: "finished",
}


class StandinWorld(World):
    """A world whose CMMS is the stand-in."""

    cmms: Standin

    def environ(self, more: Mapping[str, str | None] | None = None) -> dict[str, str]:
        return super().environ(more) | environ(self.cmms)


def environ(world: Standin, **more: str) -> dict[str, str]:
    """What the mapping takes from the environment."""
    return {
        "STANDIN_URL": world.url,
        "STANDIN_USER": USER,
        "STANDIN_SECRET": SECRET,
        "STANDIN_LAG_S": str(world.lag_s),
        **more,
    }


def native(name: Field, value: Value) -> Any:
    """A value as a person would type it into the stand-in."""
    if isinstance(value, datetime):
        return value.astimezone(ZONE).strftime(FORMAT)
    if isinstance(value, Decimal):
        return int(value * 60)
    tables: dict[Field, dict[str, Any]] = {Field.STATUS: STATE, Field.PRIORITY: URGENCY}
    table = tables.get(name)
    return value if table is None else table[str(value)]


class StandinBench(FastClock):
    """See `syncd.cmms.conformance.bench.Bench`."""

    on_request: Callable[[bool], BenchFault | None]

    def __init__(self, world: Standin, **more: str) -> None:
        super().__init__()
        self.world = world
        self.page_size = world.page
        self.on_request = no_fault
        world.judge = self._judge
        self.hidden: set[str] = set()
        context = AdapterContext(
            may_write=True,
            utcnow=utcnow,
            ca_bundle=_bundle(),  # one certificate is read faster than the system's hundreds
            environ=environ(world, **more),
            wait=self.wait,
            monotonic=self.monotonic,
            hide=self.hidden.add,
        )
        self.adapter = RestAdapter.from_options(
            RestAdapter.Options(url=None, mapping=str(MAPPING)), context
        )

    def _judge(self, writes: bool) -> str | None:
        return self.on_request(writes)

    def close(self) -> None:
        self.adapter.close()

    def records(self) -> Mapping[str, Mapping[str, object]]:
        with self.world.lock:
            return {
                str(number): {str(name): ticket[key] for name, key in NAMES.items()}
                for number, ticket in self.world.tickets.items()
            }

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        self.world.edit(int(cmms_id), **{NAMES[name]: native(name, value)})

    def add(self, fields: Fields) -> str:
        values = {NAMES[name]: native(name, value) for name, value in fields.items()}
        return str(self.world.add(**values))

    def spoil(self, cmms_id: str) -> Field:
        self.world.edit(int(cmms_id), minutes_spent="soon")
        return Field.ACTUAL_HOURS

    def add_broken(self) -> None:
        self.world.broken = [None]

    def delete(self, cmms_id: str) -> None:
        self.world.delete(int(cmms_id))
