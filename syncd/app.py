"""The composition root: constructors, called in order, with what the settings say.

It owns the clock, randomness and the transports. Nothing is made when modules are imported.
"""

import math
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TextIO

import structlog

from syncd.cmms.load import AdapterContext, find_adapter, make_adapter
from syncd.cmms.port import AdapterBase
from syncd.core.budget import RateBudget
from syncd.core.policy import Mode, Overflow, Policy, Scope
from syncd.daemon import StopFlag
from syncd.engine.cycle import Cycle
from syncd.engine.read_sweep import Progress
from syncd.http import HttpClient
from syncd.log import configure
from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror, open_mirror
from syncd.mirror.db.lease import Lease
from syncd.scan2evolve.auth import BasicAuth, BearerAuth, ClientCredentials, DownstreamAuth, V1Auth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.settings import Need, Settings, adapter_options, load_settings

CONNECTION = "default"  # a later version may have several connections in one process
_FRESH_S = 60.0  # a write may be decided on an observation as old as this


def utcnow() -> datetime:
    return datetime.now(UTC)


def new_cycle_id(started: datetime) -> str:
    """Return a sortable, readable, unique id, such as 20260310T143000Z-1f3a."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def holder() -> str:
    """Return the name of this process, for those who wait for its lease."""
    return f"{socket.gethostname()} pid {os.getpid()}"


def make_policy(settings: Settings, adapter: AdapterBase) -> Policy:
    """Return settings and the adapter's capabilities as the planner needs them."""
    can = adapter.capabilities
    return Policy(
        owners=settings.owners,
        cmms_writes=can.writes & can.reads,
        cmms_clears=can.clears,
        cmms_writes_once=can.writes_once,
        cmms_creates=can.creates,
        cmms_finds=can.finds,
        cmms_mapping=adapter.mapping_hash,
        cmms_keeps=adapter.settled,
        cmms_creates_with=can.creates_with,
        cmms_needs=can.status_needs or {},
        mode=Mode(settings.cmms_mode),
        create=Scope(settings.cmms_create),
        site_ids=frozenset(settings.s2e_site_ids),
        asset_ids=frozenset(settings.s2e_asset_ids),
        allow_reopen=settings.allow_reopen,
        overwrite_drift=settings.drift == "overwrite",
        overflow=Overflow(settings.text_overflow),
        s2e_longest_request=timedelta(seconds=settings.s2e_longest_request_s),
        cmms_longest_request=timedelta(seconds=can.longest_request_s),
        s2e_read_lag=timedelta(seconds=settings.s2e_read_lag_s),
        cmms_read_lag=timedelta(seconds=can.read_lag_s),
        cmms_index_lag=timedelta(seconds=can.index_lag_s),
        first_sync_max=settings.first_sync_max,
        guard_percent=settings.guard_changes_percent,
        guard_min=settings.guard_changes_min,
    )


@dataclass(slots=True)
class App:
    """The parts of the program; each is made when a command first needs it.

    Attributes:
        may_write: False: the adapter makes and changes nothing in the CMMS.
        progressed: called with the progress of a first read of the list.
        waits: called with the seconds and the reason of a wait for Scan2Evolve.
        hide: called with a value that logs must not show, beside the settings' own secrets.
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
    _adapter: AdapterBase | None = None

    def mirror(self, *, create: bool = True) -> Mirror:
        """Return the mirror, opened. Raises MirrorUnavailable, MirrorContentError."""
        if self._mirror is None:
            url = self.settings.reveal("database_url")
            self._mirror = open_mirror(url, utcnow, connection=CONNECTION, create=create)
        return self._mirror

    def current_mirror(self) -> Mirror:
        """Return the mirror, which has to exist and to have this version's schema.

        Raises MirrorUnavailable, MirrorContentError.
        """
        mirror = self.mirror(create=False)
        schema.require_current(mirror)
        return mirror

    def lease(self) -> Lease:
        return Lease(self.mirror(), holder(), self.stop.sleep, self.monotonic)

    def adapter(self) -> AdapterBase:
        """Return the CMMS's adapter, made from its own options. Raises ConfigurationError."""
        if self._adapter is None:
            self.settings.require(Need.CMMS)
            adapter_class = find_adapter(str(self.settings.cmms_adapter))
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
            options = adapter_options(adapter_class.Options, self.settings)
            self._adapter = make_adapter(adapter_class, options, context)
        return self._adapter

    def client(self) -> Scan2EvolveClient:
        """Return the client. Reading and writing have a connection and credentials of their own."""
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
        """Return a cycle on all of these. The caller holds the lease."""
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
            self._adapter.close()
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
        """Return how long an adapter may wait: until the deadline of the client's requests."""
        ends = math.inf if self._client is None else self._client.deadline
        return max(ends - self.monotonic(), 0.0)

    def _ca_bundle(self) -> str | None:
        bundle = self.settings.ca_bundle
        return None if bundle is None else str(bundle)

    def _proxy(self) -> str | None:
        return None if self.settings.proxy is None else self.settings.reveal("proxy")

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
    """Open the application of one command: settings read, logs set up; at the end all is closed.

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
