"""A mapped table keeps to the port: the conformance suite on SQLite and on PostgreSQL."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cmms.conformance import AdapterConformance
from tests.cmms.sql_mapped_conformance import (
    capabilities,
    make_table,
    postgres_bench,
    sqlite_bench,
)
from tests.conftest import Postgres, text_of
from tests.edges.sql_bench import cable
from tests.edges.sql_conformance import CANNOT_ON_POSTGRESQL, CANNOT_ON_SQLITE, SqlBench
from tests.edges.test_conformance_sql import PASSWORD

with tempfile.TemporaryDirectory() as _folder:
    CAN = capabilities(Path(_folder))

pytestmark = pytest.mark.adapters


@pytest.fixture(scope="module")
def cmms_url(postgres: Postgres) -> Iterator[str]:
    """One database for all tests: to make one takes longer than most of them."""
    url = postgres.make()
    told = text_of(url.set(password=PASSWORD))
    make_table(told)
    yield told
    postgres.drop(url)


class TestSqlite(AdapterConformance):
    capabilities = CAN
    cannot = CANNOT_ON_SQLITE
    breaks = frozenset({"value"})

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[SqlBench]:
        with closing(sqlite_bench(tmp_path)) as bench:
            yield bench


class TestPostgresql(AdapterConformance):
    capabilities = CAN
    cannot = CANNOT_ON_POSTGRESQL
    breaks = frozenset({"value"})
    secrets = (PASSWORD,)

    @pytest.fixture
    def bench(self, postgres: Postgres, cmms_url: str, tmp_path: Path) -> Iterator[SqlBench]:
        with (
            cable(postgres, cmms_url) as (line, through),
            closing(postgres_bench(tmp_path)(line, through, cmms_url)) as bench,
        ):
            yield bench
