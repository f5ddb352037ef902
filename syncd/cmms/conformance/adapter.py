"""The suite that an adapter's author subclasses, all rules together."""

from typing import ClassVar

import pytest

from syncd.cmms.conformance.creating import Creating
from syncd.cmms.conformance.failing import Failing
from syncd.cmms.conformance.promising import Promising
from syncd.cmms.conformance.reading import Reading
from syncd.cmms.conformance.suite import leave_out, pytest_generate_tests_of
from syncd.cmms.conformance.updating import Updating


class AdapterConformance(Promising, Creating, Updating, Reading, Failing):
    """Subclass it as TestSomething, say `capabilities`, and give it a fixture `bench`.

    See `suite.Suite` for what else may be said, and `bench.Bench` for the fixture.
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
