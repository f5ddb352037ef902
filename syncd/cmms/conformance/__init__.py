"""Proves an adapter: one fixture buys its author more than sixty tests (docs/adapters.md).

    class TestAcme(AdapterConformance):
        capabilities = AcmeAdapter.capabilities

        @pytest.fixture
        def bench(self) -> Iterator[Bench]: ...

It needs pytest, which the program itself does not.
"""

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "syncd.cmms.conformance needs pytest, which is not installed; "
        "pip install 'syncd[test]', or pip install pytest",
        name=error.name,
    ) from error

# Before they are imported: a failed assertion then shows the values it compared.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in ("creating", "failing", "promising", "reading", "suite", "updating")
    )
)

from syncd.cmms.conformance.adapter import AdapterConformance  # noqa: E402 - see above
from syncd.cmms.conformance.bench import Bench, Fault  # noqa: E402

__all__ = ["AdapterConformance", "Bench", "Fault"]
