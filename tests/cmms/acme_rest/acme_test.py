"""The acme mapping against a made-up Acme, written from its documentation."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.cmms.conformance import AdapterConformance, Bench
from syncd.cmms.conformance.fake import CmmsRequest, FakeBench, FakeCmms, FastClock
from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Value

TOKEN = "a-secret-token"
NAMES = {  # our field: its name there
    Field.S2E_ID: "external_ref",
    Field.TITLE: "name",
    Field.PRIORITY: "priority",
    Field.STATUS: "state",
    Field.RESOLUTION: "solution",
    Field.COMPLETED_AT: "done_at",
    Field.ACTUAL_HOURS: "hours",
}
STATES = {"open": "ASSIGNED DRAFT", "working": "IN_PROGRESS ON_HOLD", "done": "COMPLETED CANCELLED"}


class FakeAcme(FakeCmms):
    def answer(self, request: CmmsRequest) -> tuple[int, object]:
        row_id = request.path[-1]
        if request.method == "POST":
            return 201, self.rows[self.save(request.body)]
        if request.method == "PATCH" and row_id in self.rows:
            self.save(request.body, row_id)
        if len(request.path) > 1:
            return (200, self.rows[row_id]) if row_id in self.rows else (404, {"error": "unknown"})
        query = {"search": "", "after": "", "since": "", **request.query}
        rows = [self.rows[key] for key in sorted(self.rows) if key > query["after"]]
        rows = [it for it in rows if it["updated_at"].replace("+00:00", "Z") >= query["since"]]
        rows = [it for it in rows if query["search"].lower() in str(it.get("external_ref")).lower()]
        return 200, {"items": rows[:3], "next": rows[2]["id"] if len(rows) > 3 else None}


def spell(name: Field, value: Value) -> object:
    state = [theirs for theirs, ours in STATES.items() if str(value) in ours.split()]
    if name is Field.STATUS:
        return state[0]
    return float(value) if isinstance(value, Decimal) else encode_value(value)


def adapter(url: str, *, may_write: bool = True) -> RestAdapter:
    clock = FastClock()
    context = AdapterContext(
        may_write=may_write,
        utcnow=lambda: datetime.now(UTC),
        environ={"ACME_TOKEN": TOKEN, "ACME_DEADLINE_S": "0.5"},
        wait=clock.wait,
        monotonic=clock.monotonic,
    )
    mapping = str(Path(__file__).with_name("acme.yaml"))
    return RestAdapter.from_options(RestAdapter.Options(url=url, mapping=mapping), context)


class TestAcme(AdapterConformance):
    capabilities = adapter("http://127.0.0.1:1", may_write=False).capabilities
    secrets = (TOKEN,)

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with FakeAcme() as fake, closing(adapter(fake.url)) as made:
            yield FakeBench(made, fake, page_size=3, names=NAMES, spell=spell)
