"""The odoo adapter keeps to the port: the conformance suite against the fake Odoo.

Once as an Odoo 18 with external identifiers and no fields of its own, over JSON-RPC; once as an
Odoo 19 with every field that can be named, over JSON-2.
"""

from collections.abc import Iterator

import pytest

from syncd.cmms.conformance import AdapterConformance, BenchFault
from syncd.cmms.odoo.adapter import capabilities
from tests.cmms.odoo_bench import KEY, NAMES, OdooBench, make_odoo, make_options, served

pytestmark = pytest.mark.adapters

_LAGS: dict[str, str] = {BenchFault.LAGGING: "what a transaction has committed is found at once"}
_JSON_2: dict[str, str] = {
    **_LAGS,
    BenchFault.ERROR_IN_200: "JSON-2 tells errors by the status",
    BenchFault.TIMEOUT: "waited for over JSON-RPC, by the same client",
    BenchFault.TIMEOUT_APPLIED: "waited for over JSON-RPC, by the same client",
}
_BY_RPC = {"page_size": OdooBench.page_size, "deadline_s": 2.0}
_ALL = {**NAMES, "equipment_by": "serial_no"}


class TestJsonRpc(AdapterConformance):
    capabilities = capabilities(make_options("http://localhost"))
    cannot = _LAGS
    breaks = frozenset({"value", "row"})
    secrets = (KEY,)

    @pytest.fixture
    def bench(self) -> Iterator[OdooBench]:
        with served(make_odoo(18), **_BY_RPC) as (server, adapter):
            yield OdooBench(server, adapter)


class TestJson2(AdapterConformance):
    capabilities = capabilities(make_options("http://localhost", **_ALL))
    cannot = _JSON_2
    breaks = frozenset({"value", "row"})
    secrets = (KEY,)

    @pytest.fixture
    def bench(self) -> Iterator[OdooBench]:
        with served(make_odoo(19), protocol="json2", **_BY_RPC, **_ALL) as (server, adapter):
            yield OdooBench(server, adapter)
