"""Whether everything is set and reachable: a line for each thing, with the remedy. Writes nothing.

settings    all names and values are known
mirror      the database can be opened
adapter     its settings are complete
mapping     how it is verified, and what cannot be done with it
cmms        the CMMS answers
meaning     its words mean what is pinned (`engine/pinning.py`)
scan2evolve reading works
downstream  writing would work, tried on an id that cannot exist
clock       ours and Scan2Evolve's agree
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from syncd.app import App
from syncd.cmms.port import NOT_VERIFIED
from syncd.core.meaning import compare_meanings
from syncd.core.work_order import Field
from syncd.engine.pinning import REMEDY, load_kept
from syncd.errors import MirrorContentError, MirrorUnavailable, SyncdError
from syncd.mirror.db import schema
from syncd.mirror.queries.held import parked_fields
from syncd.settings import Need

_ANSWER_WITHIN_S = 20.0  # a rate limit is not waited for
_SKEW_S = 300.0  # between our clock and the server's, before it is a warning


@dataclass(frozen=True, slots=True)
class CheckLine:
    """What was checked, whether it is well, and the detail or the remedy."""

    state: Literal["ok", "warn", "fail"]
    what: str
    detail: str


@dataclass(slots=True)
class Checked:
    """The lines, and the errors behind those that failed."""

    lines: list[CheckLine] = field(default_factory=list)
    errors: list[SyncdError] = field(default_factory=list)

    @property
    def warned(self) -> bool:
        return any(line.state == "warn" for line in self.lines)

    def ok(self, what: str, detail: str) -> None:
        self.lines.append(CheckLine("ok", what, detail))

    def warn(self, what: str, detail: str) -> None:
        self.lines.append(CheckLine("warn", what, detail))

    def attempt(self, what: str, check: Callable[[], str]) -> None:
        """Add the line that `check` returns, or the error that it raises."""
        try:
            self.ok(what, check())
        except SyncdError as error:
            self.fail(what, error)

    def fail(self, what: str, error: SyncdError) -> None:
        self.errors.append(error)
        self.lines.append(CheckLine("fail", what, str(error)))


def check_all(app: App, *, offline: bool) -> Checked:
    """Check settings, mirror and adapter, and unless `offline` both sides."""
    checked = Checked()
    checked.ok("settings", "all names and values are known")
    checked.attempt("mirror", lambda: _mirror(app))
    checked.attempt("adapter", lambda: _adapter(app))
    if not checked.errors:
        _identity(app, checked)
        _mapping(app, checked)
    if not offline:
        app.client().deadline = app.monotonic() + _ANSWER_WITHIN_S
        checked.attempt("cmms", lambda: app.adapter().check() or "reachable")
        _warnings(app, checked)
        _meaning(app, checked)
        checked.attempt("scan2evolve", lambda: _reading(app))
        checked.attempt("downstream", lambda: _writing(app))
        _clock(app, checked)
    return checked


def _mirror(app: App) -> str:
    with suppress(MirrorUnavailable):
        mirror = app.mirror(create=False)
        revision = schema.current(mirror)
        return f"{mirror.where}, schema {revision or 'none yet'}"
    if app.settings.reveal("database_url").startswith("sqlite"):
        return "not there yet; the first run makes it"
    app.mirror()
    return "reachable"


def _adapter(app: App) -> str:
    can = app.adapter().capabilities
    return f"{app.settings.cmms_adapter}: reads {len(can.reads)} fields, writes {len(can.writes)}"


def _identity(app: App, checked: Checked) -> None:
    if Field.S2E_ID not in app.adapter().capabilities.reads:
        checked.warn(
            "identity",
            "records hold no Scan2Evolve id here: a number that the CMMS gives to another record "
            "is not noticed; map s2e_id to a field that people leave alone",
        )


def _mapping(app: App, checked: Checked) -> None:
    trust = app.adapter().mapping_trust
    if trust is None:
        return
    if trust.endswith(NOT_VERIFIED):
        checked.warn("mapping", trust)
    else:
        checked.ok("mapping", trust)
    for note in app.adapter().notes:
        checked.ok("mapping", note)
    for name, orders in _waiting_for_a_line(app).items():
        checked.warn(
            "mapping",
            f"{name} of {orders} {'order' if orders == 1 else 'orders'} waits for a line in its "
            "table: `syncd parked list` shows the values",
        )


def _waiting_for_a_line(app: App) -> Mapping[str, int]:
    """How many orders hold a value that no line of the mapping writes, by field."""
    with suppress(MirrorUnavailable, MirrorContentError), app.current_mirror().read() as tx:
        return parked_fields(tx, "unmapped")
    return {}


def _warnings(app: App, checked: Checked) -> None:
    """What the adapter finds doubtful in a CMMS that answers."""
    if checked.errors:
        return
    try:
        for text in app.adapter().warnings():
            checked.warn("cmms", text)
    except SyncdError as error:
        checked.fail("cmms", error)


def _meaning(app: App, checked: Checked) -> None:
    """Compare what is pinned with what the server says; nothing is pinned before a first cycle."""
    if checked.errors:
        return
    adapter, kept = app.adapter(), None
    with suppress(MirrorUnavailable, MirrorContentError), app.current_mirror().read() as tx:
        kept = load_kept(tx)
    if kept is None:
        return
    pinned = adapter.meanings(kept.pinned)
    try:
        change = compare_meanings(pinned, adapter.meanings(adapter.learn()))
    except SyncdError as error:
        checked.fail("meaning", error)
        return
    if change:
        checked.warn("meaning", f"{'; '.join(change.lines)}; {REMEDY}")
    else:
        words = sum(map(len, pinned.values()))
        checked.ok("meaning", f"{words} words of the CMMS mean what is pinned")


def _reading(app: App) -> str:
    app.settings.require(Need.S2E)
    page = app.client().list_work_orders(limit=1)
    return f"reading works; {page.total} work orders"


def _writing(app: App) -> str:
    app.settings.require(Need.SYNC)
    app.client().probe_sync()
    return "writing would work (tried on an id that cannot exist)"


def _clock(app: App, checked: Checked) -> None:
    skew_s = app.client().clock_skew_s
    if skew_s is None:
        return
    text = f"our clock is {skew_s:+.0f} s from Scan2Evolve's"
    if abs(skew_s) > _SKEW_S:
        checked.warn("clock", text)
    else:
        checked.ok("clock", text)
