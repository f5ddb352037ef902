"""A customer's database on every kind of server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cmms.sql_customer import Customer
from tests.conftest import Clock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scaffold's own test, which is as the scaffold writes it, takes a minute."""
    for item in items:
        if item.path.name == "acme_test.py":
            item.add_marker(pytest.mark.adapters)


@pytest.fixture
def customer(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Customer]:
    """The made-up customer, with three jobs."""
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    with closing(Customer(database_url, tmp_path, clock)) as made:
        made.make()
        yield made
