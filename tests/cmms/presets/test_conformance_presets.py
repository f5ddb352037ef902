"""Every preset, on a fake of its CMMS, passes the conformance suite."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from syncd.cmms.conformance import AdapterConformance
from tests.cmms.presets.atlas_bench import ATLAS
from tests.cmms.presets.bench import Preset, PresetBench, bench_of
from tests.cmms.presets.erpnext_bench import ERPNEXT
from tests.cmms.presets.glpi_bench import GLPI
from tests.cmms.presets.limble_bench import LIMBLE
from tests.cmms.presets.maintainx_bench import MAINTAINX
from tests.cmms.presets.maximo_bench import MAXIMO
from tests.cmms.presets.servicenow_bench import SERVICENOW

pytestmark = pytest.mark.adapters


class OnItsFake:
    """What the suite is told of a preset."""

    preset: ClassVar[Preset]

    def __init_subclass__(cls, preset: Preset) -> None:
        cls.preset = preset
        for name in ("capabilities", "secrets", "cannot", "samples"):
            setattr(cls, name, getattr(preset, name))
        super().__init_subclass__()

    @pytest.fixture
    def bench(self) -> Iterator[PresetBench]:
        with bench_of(self.preset) as made:
            yield made


class TestMaintainX(OnItsFake, AdapterConformance, preset=MAINTAINX):
    pass


class TestMaximo(OnItsFake, AdapterConformance, preset=MAXIMO):
    pass


class TestAtlas(OnItsFake, AdapterConformance, preset=ATLAS):
    pass


class TestErpnext(OnItsFake, AdapterConformance, preset=ERPNEXT):
    pass


class TestGlpi(OnItsFake, AdapterConformance, preset=GLPI):
    pass


class TestServicenow(OnItsFake, AdapterConformance, preset=SERVICENOW):
    pass


class TestLimble(OnItsFake, AdapterConformance, preset=LIMBLE):
    pass
