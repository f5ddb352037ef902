"""The twin keeps to the documented API: schemathesis asks what the contract allows, and not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import Case
from schemathesis.config import SchemathesisConfig

from syncd.twin.server import Twin

CONTRACT = Path(__file__).parent / "scan2evolve.openapi.yaml"
SEED = "wo_def456"

# The documentation says "URL"; of all URIs the twin takes those that a browser opens.
schemathesis.openapi.format(
    "uri",
    strategies.from_regex(
        r"https?://[a-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?(/[\w~%?=&-]{0,40})?", fullmatch=True
    ),
)
schema = schemathesis.openapi.from_path(
    CONTRACT,
    config=SchemathesisConfig.from_dict(
        {
            "generation": {
                "mode": "all",
                "deterministic": True,
                "max-examples": 25,
                "no-shrink": True,
            }
        }
    ),
)


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as running:
        yield running


def headers(twin: Twin, case: "Case[Any]") -> dict[str, str]:
    if case.path.startswith("/api/downstream/"):
        return {
            "Authorization": f"Bearer {twin.config.downstream_token}",
            "X-API-KEY": twin.config.downstream_key,
        }
    return {"Authorization": f"Bearer {twin.config.v1_token}"}


@schema.parametrize()
def test_every_call_answers_as_documented(case: "Case[Any]", twin: Twin) -> None:
    case.call_and_validate(base_url=twin.url, headers=headers(twin, case))


@schema.include(path_regex=r"\{id\}").parametrize()
def test_so_it_does_for_an_order_that_exists(case: "Case[Any]", twin: Twin) -> None:
    case.path_parameters = {"id": SEED}
    case.call_and_validate(base_url=twin.url, headers=headers(twin, case))
