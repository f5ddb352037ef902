"""A customer's database on every kind of server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cmms.sql_customer import Customer
from tests.conftest import Clock


@pytest.fixture
def customer(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Customer]:
    """The made-up customer, with three jobs."""
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    with closing(Customer(database_url, tmp_path, clock)) as made:
        made.make()
        yield made
