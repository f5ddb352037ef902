"""Prove an adapter: one fixture gives its author more than sixty tests.

    class TestAcme(AdapterConformance):
        capabilities = AcmeAdapter.capabilities

        @pytest.fixture
        def bench(self) -> Iterator[Bench]: ...

It needs pytest, which the program itself does not. How to use it: docs/how-to/write-an-adapter.md.

    adapter      AdapterConformance: the class to inherit, all rules together
    bench        Bench: what the author has to provide, and the faults that it shows
    suite        what the rules share: which of them apply, and how values are compared
    promising    rules of what an adapter says about itself, and of what records look like
    creating     rules of create and find
    updating     rules of update
    reading      rules of fetch and get
    failing      rules of errors
    samples      the values that are written
    fake         a CMMS on a loopback port, for adapters that speak HTTP
    live         the rules that are safe on a real system, for `syncd adapter test`
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
from syncd.cmms.conformance.bench import Bench, BenchFault  # noqa: E402

__all__ = ["AdapterConformance", "Bench", "BenchFault"]
