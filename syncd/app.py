"""The one place that knows everything: constructors, called in order.

It owns the clock, randomness and the transports. Nothing is built at import time, and nothing
is looked up anywhere else.
"""

import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from syncd.cmms.load import AdapterContext, load_adapter
from syncd.cmms.port import CmmsAdapter, close
from syncd.core.policy import Mode, Overflow, Policy, Scope
from syncd.cycle import Cycle
from syncd.daemon import StopFlag
from syncd.mirror.database import Mirror, open_mirror
from syncd.mirror.lease import Lease
from syncd.scan2evolve.auth import BasicAuth, BearerAuth, ClientCredentials, DownstreamAuth, V1Auth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.settings import Settings

CONNECTION = "default"  # several connections in one process are a later version's


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
        cmms_creates=can.creates,
        cmms_finds=can.finds,
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
