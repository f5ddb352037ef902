"""The sql adapter keeps to the port: the conformance suite on SQLite and on PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from syncd.cmms.conformance import AdapterConformance
from syncd.cmms.sql.adapter import SqlAdapter
from tests.conftest import Postgres, text_of
from tests.edges.sql_bench import cable
from tests.edges.sql_conformance import (
    CANNOT_ON_POSTGRESQL,
    CANNOT_ON_SQLITE,
    PostgresBench,
    SqliteBench,
)

# A server that trusts its users takes any password.
PASSWORD = make_url(os.environ.get("SYNCD_TEST_POSTGRES_URL") or "x://").password or "s3cret-pw"


@pytest.fixture(scope="module")
def cmms_url(postgres: Postgres) -> Iterator[str]:
    """One database for all tests: to make one takes longer than most of them."""
    url = postgres.make()
    yield text_of(url.set(password=PASSWORD))
    postgres.drop(url)


class TestSqlite(AdapterConformance):
    capabilities = SqlAdapter.capabilities
    cannot = CANNOT_ON_SQLITE
    breaks = frozenset({"value"})

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[SqliteBench]:
        url = f"sqlite:///{tmp_path / 'cmms.db'}"
        with closing(SqliteBench(url, url)) as bench:
            yield bench


@pytest.mark.adapters
class TestPostgresql(AdapterConformance):
    capabilities = replace(SqlAdapter.capabilities, longest_request_s=30.0)
    cannot = CANNOT_ON_POSTGRESQL
    breaks = frozenset({"value"})
    secrets = (PASSWORD,)

    @pytest.fixture
    def bench(self, postgres: Postgres, cmms_url: str) -> Iterator[PostgresBench]:
        with (
            cable(postgres, cmms_url) as (line, through),
            closing(PostgresBench(line, through, cmms_url)) as bench,
        ):
            yield bench
