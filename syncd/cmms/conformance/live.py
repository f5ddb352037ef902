"""Try the rules that are safe for a live system, on the CMMS of the settings.

These rules need only the adapter, and touch only records that they have made. Afterwards these
records are cancelled, as far as the adapter can; the port has no call that deletes.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from syncd.cmms.port import CmmsAdapter
from syncd.core.work_order import CmmsRecord, Field, Fields, Status, Value
from syncd.errors import RemoteError, Throttled

if TYPE_CHECKING:
    from syncd.cmms.conformance import AdapterConformance

R = TypeVar("R")
_FILE = "live_rules.py"
_TITLE = "Made by `syncd adapter test`; may be deleted"
_PATIENCE = 5  # how often one call waits because the CMMS answered Throttled
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a trial.

    Attributes:
        passed: whether every rule held.
        left: what people should know of each record that is still there, by its CMMS id.
    """

    passed: bool
    left: Mapping[str, str]


@dataclass(slots=True)
class _Recorder:
    """The adapter. It waits where the CMMS asks to, and notes the records that it makes."""

    adapter: CmmsAdapter
    sleep: Callable[[float], None]
    made: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.adapter, name)

    def fetch(self, changed_since: Any) -> Any:
        return self.adapter.fetch(changed_since)

    def get(self, cmms_id: str) -> CmmsRecord:
        return self._patiently(lambda: self.adapter.get(cmms_id))

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        return self._patiently(lambda: self.adapter.find(s2e_id))

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        made = self._patiently(lambda: self.adapter.create(s2e_id, fields))
        self.made[made.cmms_id] = s2e_id
        # The adapter declares that its search may miss the record for so long.
        self.sleep(min(self.adapter.capabilities.index_lag_s, _LONGEST_WAIT_S))
        return made

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        return self._patiently(lambda: self.adapter.update(cmms_id, fields, expected))

    def _patiently(self, call: Callable[[], R]) -> R:
        for _ in range(_PATIENCE):
            try:
                return call()
            except Throttled as error:
                self.sleep(min(error.wait_s, _LONGEST_WAIT_S))
        return call()


class _LiveBench:
    """The part of a bench that the live rules use."""

    def __init__(self, adapter: CmmsAdapter) -> None:
        self.adapter = adapter


class _Module(pytest.Module):
    """A test file that does not exist: it holds the one class of rules."""

    suite: "type[AdapterConformance]"

    def _getobj(self) -> ModuleType:
        module = ModuleType("live_rules")
        module.__dict__["TestLive"] = self.suite
        return module


@dataclass(slots=True)
class _Plugin:
    """Collects the rules. They are imported only while pytest runs, so that a failed assertion
    shows the values it compared."""

    make: "Callable[[], type[AdapterConformance]]"

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> _Module | None:
        if file_path.name != _FILE:
            return None
        module = _Module.from_parent(parent, path=file_path)
        module.suite = self.make()
        return module


def run(
    adapter: CmmsAdapter,
    id_prefix: str,
    *,
    samples: Mapping[Field, tuple[Value, Value]] | None = None,
    cannot: Mapping[str, str] | None = None,
    only: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Trial:
    """Run the rules; pytest prints on stdout how it goes.

    Args:
        id_prefix: the Scan2Evolve ids of the records begin with it, and those of no others.
        samples, cannot: as in `conformance.suite.Suite`.
        only: run the rules with this text in their names; None: all.
    """
    recorder = _Recorder(adapter, sleep)

    def make() -> "type[AdapterConformance]":
        from syncd.cmms.conformance import AdapterConformance

        own_samples, own_cannot = samples or {}, cannot or {}

        class TestLive(AdapterConformance):
            live_only = True
            capabilities = adapter.capabilities
            samples = own_samples
            cannot = own_cannot

            @pytest.fixture
            def bench(self) -> _LiveBench:
                return _LiveBench(cast("CmmsAdapter", recorder))

        TestLive.id_prefix = id_prefix
        return TestLive

    chosen = [] if only is None else ["-k", only]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        Path(folder, _FILE).touch()
        code = pytest.main(
            ["-v", "--no-header", "--tb=short", "--disable-plugin-autoload",
             "-p", "no:cacheprovider", f"--rootdir={folder}", f"--confcutdir={folder}",
             f"--config-file={folder}/pytest.ini", *chosen, f"{folder}/{_FILE}"],
            plugins=[_Plugin(make)],
        )  # fmt: skip
    return Trial(code == pytest.ExitCode.OK, _clean_up(recorder))


def _clean_up(recorder: _Recorder) -> dict[str, str]:
    """Cancel the records that were made, and say so in their titles. See `Trial.left`."""
    can = recorder.adapter.capabilities
    wanted: dict[Field, Value] = {Field.TITLE: _TITLE, Field.STATUS: Status.CANCELLED}
    fields = {name: value for name, value in wanted.items() if name in can.writes}
    left = {}
    for cmms_id, s2e_id in recorder.made.items():
        try:
            recorder.update(cmms_id, fields, {})
            left[cmms_id] = f"{s2e_id}, cancelled" if Field.STATUS in fields else s2e_id
        except RemoteError as error:
            left[cmms_id] = f"{s2e_id}, could not be cancelled: {error}"
    return left
