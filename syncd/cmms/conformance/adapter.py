"""The class that an adapter's author inherits: all rules together."""

from typing import ClassVar

import pytest

from syncd.cmms.conformance.creating import Creating
from syncd.cmms.conformance.failing import Failing
from syncd.cmms.conformance.promising import Promising
from syncd.cmms.conformance.reading import Reading
from syncd.cmms.conformance.suite import leave_out, pytest_generate_tests_of
from syncd.cmms.conformance.updating import Updating


class AdapterConformance(Promising, Creating, Updating, Reading, Failing):
    """Inherit it as TestSomething, set `capabilities`, and write a fixture `bench`.

    `suite.Suite` lists what else may be set; `bench.Bench` describes the fixture.

    Attributes:
        live_only: keep only the rules that are safe on a real system.
    """

    live_only: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not hasattr(cls, "capabilities"):
            raise TypeError(
                f"{cls.__name__} does not say the adapter's capabilities; "
                "add `capabilities = YourAdapter.capabilities`"
            )
        leave_out(cls, live_only=cls.live_only)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        pytest_generate_tests_of(metafunc)
