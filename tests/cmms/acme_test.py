"""The acme adapter against a made-up Acme, written from its documentation."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from syncd.cmms.conformance import AdapterConformance, Bench
from syncd.cmms.conformance.fake import CmmsRequest, FakeBench, FakeCmms
from syncd.cmms.load import AdapterContext
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Value
from tests.cmms.acme import NAMES, STATES, AcmeAdapter

TOKEN = "a-secret-token"


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
    state = [theirs for theirs, ours in STATES.items() if value in ours]
    return state[0] if name is Field.STATUS else encode_value(value)


class TestAcme(AdapterConformance):
    capabilities = AcmeAdapter.capabilities
    secrets = (TOKEN,)

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        context = AdapterContext(may_write=True, utcnow=lambda: datetime.now(UTC))
        with FakeAcme() as fake:
            settings = {"url": fake.url, "token": TOKEN, "timeout_s": 1.5}
            options = AcmeAdapter.Options.model_validate(settings)
            with closing(AcmeAdapter(options, context)) as adapter:
                yield FakeBench(adapter, fake, page_size=3, names=NAMES, spell=spell)
