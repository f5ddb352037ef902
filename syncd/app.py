"""The one place that knows everything: constructors, called in order.

It owns the clock, randomness and the transports. Nothing is built at import time, and nothing
is looked up anywhere else.
"""

import math
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TextIO

import structlog

from syncd.cmms.load import AdapterContext, find_adapter, make_adapter
from syncd.cmms.port import CmmsAdapter, close, mapping_hash, settled
from syncd.core.budget import RateBudget
from syncd.core.policy import Mode, Overflow, Policy, Scope
from syncd.cycle import Cycle
from syncd.daemon import StopFlag
from syncd.errors import MirrorContentError, MirrorUnavailable
from syncd.http import HttpClient
from syncd.log import configure
from syncd.mirror import looks, report, schema, state
from syncd.mirror.database import Mirror, Tx, open_mirror
from syncd.mirror.lease import Lease
from syncd.ops.heartbeat import beat
from syncd.remapping import follow_mapping
from syncd.scan2evolve.auth import BasicAuth, BearerAuth, ClientCredentials, DownstreamAuth, V1Auth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.settings import Need, Settings, adapter_options, load_settings
from syncd.sweeping import Progress

CONNECTION = "default"  # several connections in one process are a later version's
_FRESH_S = 60.0  # an observation this old may still be the ground of a write


def utcnow() -> datetime:
    return datetime.now(UTC)


def new_cycle_id(started: datetime) -> str:
    """Sortable, readable, unique: 20260310T143000Z-1f3a."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def holder() -> str:
    """Who holds the lease, for the one who waits for it."""
    return f"{socket.gethostname()} pid {os.getpid()}"


def make_policy(settings: Settings, adapter: CmmsAdapter) -> Policy:
    """Settings and the adapter's capabilities as the planner needs them."""
    can = adapter.capabilities
    return Policy(
        owners=settings.owners,
        cmms_writes=can.writes & can.reads,
        cmms_clears=can.clears,
        cmms_writes_once=can.writes_once,
        cmms_creates=can.creates,
        cmms_finds=can.finds,
        cmms_mapping=mapping_hash(adapter),
        cmms_settles=partial(settled, adapter),
        cmms_creates_with=can.creates_with,
        mode=Mode(settings.cmms_mode),
        create=Scope(settings.cmms_create),
        site_ids=frozenset(settings.s2e_site_ids),
        asset_ids=frozenset(settings.s2e_asset_ids),
        allow_reopen=settings.allow_reopen,
        overwrite_drift=settings.drift == "overwrite",
        overflow=Overflow(settings.text_overflow),
        s2e_read_lag=timedelta(seconds=settings.s2e_read_lag_s),
        cmms_read_lag=timedelta(seconds=can.read_lag_s),
        cmms_index_lag=timedelta(seconds=can.index_lag_s),
        first_sync_max=settings.first_sync_max,
        guard_percent=settings.guard_changes_percent,
        guard_min=settings.guard_changes_min,
    )


@dataclass(slots=True)
class App:
    """Everything a command may need, each made when first asked for.

    Attributes:
        progressed, waits: told how a first read of the list goes, and why nothing moves.
        hide: told what the logs must not show, besides the settings' own secrets.
    """

    settings: Settings
    stop: StopFlag
    may_write: bool = True
    monotonic: Callable[[], float] = time.monotonic
    progressed: Callable[[Progress], None] = lambda _progress: None
    waits: Callable[[float, str], None] = lambda _seconds, _why: None
    hide: Callable[[str], None] = lambda _secret: None
    _mirror: Mirror | None = None
    _client: Scan2EvolveClient | None = None
    _adapter: CmmsAdapter | None = None

    def mirror(self, *, create: bool = True) -> Mirror:
        """The mirror, opened. Raises MirrorUnavailable, MirrorContentError."""
        if self._mirror is None:
            url = self.settings.url("database_url")
            self._mirror = open_mirror(url, utcnow, connection=CONNECTION, create=create)
        return self._mirror

    def lease(self) -> Lease:
        return Lease(self.mirror(), holder(), self.stop.sleep, self.monotonic)

    def adapter(self) -> CmmsAdapter:
        """The CMMS's adapter, from its own options. Raises ConfigurationError."""
        if self._adapter is None:
            found = find_adapter(self.settings.cmms_adapter)
            context = AdapterContext(
                may_write=self.may_write,
                utcnow=utcnow,
                ca_bundle=self._ca_bundle(),
                proxy=self._proxy(),
                allow_http=self.settings.allow_http,
                wait=self.stop.sleep,
                monotonic=self.monotonic,
                left_s=self._left_s,
                environ=self.settings.environ,
                hide=self.hide,
            )
            options = adapter_options(found.Options, self.settings)
            self._adapter = make_adapter(found, options, context)
        return self._adapter

    def client(self) -> Scan2EvolveClient:
        """The client, with the v1 pair on one connection and the downstream pair on another."""
        if self._client is None:
            reading, writing = self._http(), self._http()
            self._client = Scan2EvolveClient(
                reading=reading,
                writing=writing,
                auth=self._auth(reading),
                downstream=self._downstream(),
                budget=RateBudget(self.settings.s2e_requests_per_minute),
                wait=self.stop.sleep,
                monotonic=self.monotonic,
                utcnow=utcnow,
                random=random.random,
                waits=self.waits,
            )
        return self._client

    def policy(self) -> Policy:
        return make_policy(self.settings, self.adapter())

    def cycle(self, lease: Lease) -> Cycle:
        """A cycle on all of these. The caller holds the lease."""
        adapter = self.adapter()
        return Cycle(
            client=self.client(),
            adapter=adapter,
            mirror=self.mirror(),
            lease=lease,
            policy=self.policy(),
            utcnow=utcnow,
            new_id=new_cycle_id,
            stop=self.stop,
            deadline_s=self.settings.cycle_deadline_s,
            sweep_every=timedelta(seconds=self.settings.sweep_every_s),
            fresh=timedelta(seconds=max(_FRESH_S, self.settings.poll_every_s)),
            monotonic=self.monotonic,
            progressed=self.progressed,
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._adapter is not None:
            close(self._adapter)
        if self._mirror is not None:
            self._mirror.close()

    def _http(self) -> HttpClient:
        return HttpClient(
            self.settings.s2e_url,
            side="s2e",
            ca_bundle=self._ca_bundle(),
            proxy=self._proxy(),
            monotonic=self.monotonic,
        )

    def _left_s(self) -> float:
        """How long an adapter may wait: as long as the client of Scan2Evolve may."""
        ends = math.inf if self._client is None else self._client.deadline
        return max(ends - self.monotonic(), 0.0)

    def _ca_bundle(self) -> str | None:
        bundle = self.settings.ca_bundle
        return None if bundle is None else str(bundle)

    def _proxy(self) -> str | None:
        return None if self.settings.proxy is None else self.settings.url("proxy")

    def _auth(self, reading: HttpClient) -> V1Auth:
        secret, mode = self.settings.secret, self.settings.s2e_auth
        if mode == "basic":
            return BasicAuth(secret("s2e_client_id"), secret("s2e_client_secret"))
        if mode == "bearer" or (mode == "auto" and self.settings.s2e_token is not None):
            return BearerAuth(secret("s2e_token"))
        return ClientCredentials(
            reading,
            secret("s2e_client_id"),
            secret("s2e_client_secret"),
            lambda answer: self.client().check_token_answer(answer),
        )

    def _downstream(self) -> DownstreamAuth | None:
        if self.settings.s2e_sync_token is None or self.settings.s2e_sync_api_key is None:
            return None
        secret = self.settings.secret
        return DownstreamAuth(secret("s2e_sync_token"), secret("s2e_sync_api_key"))


@contextmanager
def opened(
    environ: Mapping[str, str],
    needs: Collection[Need],
    *,
    stderr: TextIO,
    stop: StopFlag | None = None,
    may_write: bool = True,
) -> Iterator[App]:
    """The application of one command: settings read, logs set up, everything closed at the end.

    Raises ConfigurationError before anything is opened.
    """
    settings = load_settings(environ, needs)
    redactor = configure(
        form=settings.log_format,
        level=settings.log_level,
        stream=stderr,
        secrets=settings.secrets(),
    )
    structlog.contextvars.bind_contextvars(connection=CONNECTION)
    may_write = may_write and not settings.dry_run
    app = App(settings, stop or StopFlag(), may_write, hide=redactor.hide)
    try:
        yield app
    finally:
        app.close()


@contextmanager
def leased(app: App, wait_s: float, *, whole: bool = True) -> Iterator[Lease]:
    """The lease, with the mirror upgraded under it. Raises LeaseHeld.

    Args:
        whole: also take over the orders, for which the adapter has to be set.
    """
    lease = app.lease()
    lease.acquire(wait_s)
    try:
        if whole:
            take_over(app, lease)
        else:
            upgrade(app, lease)
        yield lease
    finally:
        with suppress(MirrorUnavailable, MirrorContentError):
            lease.release()


def upgrade(app: App, lease: Lease) -> None:
    """Having the lease: bring the mirror's schema to ours, and say who we are."""
    before, after, saved = schema.upgrade(app.mirror())
    if before is not None and before != after:
        structlog.get_logger().info(
            "mirror.upgraded", before=before, after=after, backup=str(saved) if saved else None
        )
    lease.announce()
    with app.mirror().transaction() as tx:
        if state.get_state(tx, state.MIRROR_ID) is None:
            state.set_state(tx, state.MIRROR_ID, secrets.token_hex(8))


def mirror_id(app: App) -> str | None:
    """The identity of the mirror; None before a holder of the lease has used it."""
    with app.mirror().read() as tx:
        told = state.get_state(tx, state.MIRROR_ID)
    return told if isinstance(told, str) else None


def take_over(app: App, lease: Lease) -> None:
    """Having the lease: upgrade, and have every order looked at again if a setting that decides
    has changed. What a changed mapping has records read as is no edit."""
    upgrade(app, lease)
    follow_mapping(app.mirror().fenced(lease.check), app.adapter())
    policy = _settled_under(app.policy())
    with app.mirror().transaction() as tx:
        if state.get_state(tx, state.POLICY) != policy:
            looks.look_at(tx, None)
            state.set_state(tx, state.POLICY, policy)


def _settled_under(policy: Policy) -> str:
    """The policy as text that is the same for the same settings in every process."""
    parts = []
    for field in fields(policy):
        if not field.compare:
            continue
        value = getattr(policy, field.name)
        if isinstance(value, frozenset):
            value = sorted(value)
        elif isinstance(value, Mapping):
            value = sorted((str(key), str(item)) for key, item in value.items())
        parts.append(f"{field.name}={value}")
    return " ".join(parts)


_TICKS = 2  # without a good cycle before health says no


def silence_s(settings: Settings) -> float:
    """For how many seconds without a good cycle the daemon still counts as healthy."""
    return float(
        max(_TICKS * settings.poll_every_s, settings.cycle_deadline_s) + settings.poll_every_s
    )


def app_status(app: App) -> dict[str, Any]:
    """The document of `status --json`, from the mirror alone."""
    with app.mirror().read() as tx:
        because, told = _unhealthy_because(app.settings, tx), report.status(tx)
    return {
        "connection": CONNECTION,
        "healthy": because is None,
        "unhealthy_because": because,
        **told,
    }


def _unhealthy_because(settings: Settings, tx: Tx) -> str | None:
    last_good, waited = state.last_good_cycle_at(tx), report.freshness_s(tx)
    if last_good is None:
        return "no cycle has ended well yet"
    if (age := (tx.now - last_good).total_seconds()) > silence_s(settings):
        return f"the last good cycle ended {age:.0f} s ago"
    if waited > settings.freshness_slo_s:
        return f"a change has waited for {waited:.0f} s"
    guards = report.guard_list(tx)
    return f"guard {guards[0]['guard']} waits for a person" if guards else None


def tell_health(app: App) -> None:
    """Leave the daemon's word for `syncd health`."""
    with app.mirror().read() as tx:
        because = _unhealthy_because(app.settings, tx)
    url = app.settings.url("database_url")
    beat(url, unhealthy_because=because, counts_for_s=silence_s(app.settings))
