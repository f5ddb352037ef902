"""The stand-in CMMS, connected by a mapping alone, passes the conformance suite."""

from collections.abc import Iterator
from types import MappingProxyType

import pytest

from syncd.cmms.conformance import AdapterConformance
from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.adapter import RestAdapter
from tests.cmms.standin import SECRET, Standin, standin
from tests.cmms.standin_bench import MAPPING, StandinBench, environ
from tests.conftest import utcnow

pytestmark = pytest.mark.adapters

CAPABILITIES = RestAdapter.from_options(
    RestAdapter.Options(url=None, mapping=str(MAPPING)),
    AdapterContext(
        may_write=False,
        utcnow=utcnow,
        environ=environ(Standin(url="http://127.0.0.1:1", lag_s=1.0)),
    ),
).capabilities


class TestStandin(AdapterConformance):
    capabilities = CAPABILITIES
    secrets = (SECRET, "session-canary")
    cannot = MappingProxyType({"DRAFT": "no move leads back to NEW"})
    breaks = frozenset({"value", "row"})

    @pytest.fixture
    def bench(self) -> Iterator[StandinBench]:
        with standin(lag_s=0.0) as world:
            made = StandinBench(world, STANDIN_LAG_S="1", STANDIN_DEADLINE_S="0.5")
            yield made
            made.close()
