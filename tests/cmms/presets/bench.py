"""A preset on its fake, as the conformance suite asks for it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from syncd.cmms.conformance.bench import BenchFault, no_fault
from syncd.cmms.conformance.fake import FastClock
from syncd.cmms.load import AdapterContext
from syncd.cmms.port import Capabilities
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.work_order import Field, Fields, Value
from tests.cmms.presets.server import Fake, serving
from tests.conftest import utcnow
from tests.edges.s2e_bench import _bundle

PAGE = 5  # records in a page; a plant changes it the same way


@dataclass(frozen=True)
class Preset:
    """One preset, and how people type values into its CMMS.

    Attributes:
        environ: what it takes from the environment, for a server at this URL.
        names: their names of our fields.
        stamp, hours: a time and hours as people type them there.
        words: their values for ours, where they have others.
        html: what they keep as HTML.
        over: what a plant lays on it to get pages of PAGE records.
        secrets: what nobody may read.
        cannot, samples: see `suite.Suite`.
        marked: the Scan2Evolve id stands in the description.
    """

    name: str
    fake: type[Fake]
    environ: Callable[[str], dict[str, str]]
    names: Mapping[Field, str]
    stamp: Callable[[datetime], Any]
    words: Mapping[Field, Mapping[str, Any]]
    over: Mapping[str, Any]
    secrets: tuple[str, ...]
    cannot: Mapping[str, str]
    hours: Callable[[Decimal], Any] = float
    html: frozenset[Field] = frozenset()
    samples: Mapping[Field, tuple[Value, Value]] = field(default_factory=dict)
    marked: bool = False

    def adapter(self, context: AdapterContext, over: Mapping[str, Any]) -> RestAdapter:
        """The adapter made from the preset with these lines laid on it."""
        with TemporaryDirectory() as folder:
            path = Path(folder, f"{self.name}.yaml")
            told = {"extends": f"preset:{self.name}", **over}
            path.write_text(yaml.safe_dump(told), encoding="utf-8")
            return RestAdapter.from_options(
                RestAdapter.Options(url=None, mapping=str(path)), context
            )

    @property
    def capabilities(self) -> Capabilities:
        environ = self.environ("http://127.0.0.1:1")
        made = self.adapter(AdapterContext(False, utcnow, environ=environ), {})
        made.close()
        return made.capabilities

    def values(self, fields: Fields) -> dict[str, Any]:
        """These fields as people type them."""
        told = dict(fields)
        s2e_id = told.pop(Field.S2E_ID, None) if self.marked else None
        if s2e_id is not None:
            told[Field.DESCRIPTION] = f"{told.get(Field.DESCRIPTION) or 'Seen'}\n\nS2E: {s2e_id}"
        return {self.names[name]: self.spell(name, value) for name, value in told.items()}

    def spell(self, name: Field, value: Value) -> Any:
        """A value as a person types it."""
        if isinstance(value, datetime):
            return self.stamp(value)
        if isinstance(value, Decimal):
            return self.hours(value)
        if name in self.words:
            return self.words[name][str(value)]
        if name in self.html:
            return "".join(f"<p>{escape(line)}</p>" for line in str(value).split("\n"))
        return value


class PresetBench(FastClock):
    """See `syncd.cmms.conformance.bench.Bench`."""

    page_size = PAGE
    on_request: Callable[[bool], BenchFault | None]

    def __init__(self, preset: Preset, fake: Fake, **environ: str) -> None:
        super().__init__()
        self.preset, self.fake = preset, fake
        self.on_request = no_fault
        fake.judge = self._judge
        context = AdapterContext(
            may_write=True,
            utcnow=utcnow,
            ca_bundle=_bundle(),  # one certificate is read faster than the system's hundreds
            environ={**preset.environ(fake.url), **environ},
            wait=self.wait,
            monotonic=self.monotonic,
        )
        self.adapter = preset.adapter(context, {"deadline_s": 0.5, **preset.over})

    def _judge(self, writes: bool) -> str | None:
        return self.on_request(writes)

    def records(self) -> Mapping[str, Mapping[str, object]]:
        with self.fake.lock:
            return {
                key: {str(name): row.get(native) for name, native in self.preset.names.items()}
                for key, row in self.fake.rows.items()
                if not row.get("is_deleted")
            }

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        with self.fake.lock:
            self.fake.edit(cmms_id, **self.preset.values({name: value}))

    def add(self, fields: Fields) -> str:
        with self.fake.lock:
            return self.fake.add(**self.preset.values(fields))

    def delete(self, cmms_id: str) -> None:
        with self.fake.lock:
            self.fake.delete(cmms_id)


@contextmanager
def bench_of(preset: Preset, **environ: str) -> Iterator[PresetBench]:
    """The bench on a fake of its own, until the end."""
    fake = preset.fake()
    with serving(fake):
        made = PresetBench(preset, fake, **environ)
        try:
            yield made
        finally:
            made.adapter.close()
