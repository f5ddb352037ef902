"""What a holder of the lease does before its first cycle.

It upgrades the mirror, follows a changed mapping, and has every order decided about again if a
setting that decides has changed.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields

import structlog

from syncd.app import App
from syncd.core.policy import Policy
from syncd.engine.pinning import resume_pinned
from syncd.errors import MirrorContentError, MirrorUnavailable
from syncd.mirror import attention, state
from syncd.mirror.db import schema
from syncd.mirror.db.lease import Lease

LEASE_WAIT_S = 10.0  # a command waits so long for a cycle of another process to end


@contextmanager
def leased(app: App, wait_s: float = LEASE_WAIT_S, *, whole: bool = True) -> Iterator[Lease]:
    """Hold the lease, with the mirror upgraded. Raises LeaseHeld after `wait_s` seconds.

    Args:
        whole: take over the orders, too; this needs the adapter's settings.
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
    """Bring the mirror's schema to ours, and save who holds the lease. The caller holds it."""
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
    """Return the identity of the mirror; None before a holder of the lease has used it."""
    with app.mirror().read() as tx:
        identity = state.get_state(tx, state.MIRROR_ID)
    return identity if isinstance(identity, str) else None


def take_over(app: App, lease: Lease) -> None:
    """Take over the orders from the holder before us. The caller holds the lease.

    If a setting that decides has changed, every order needs attention. A record that reads
    differently with a changed mapping is not an edit.
    """
    upgrade(app, lease)
    resume_pinned(app.mirror().fenced(lease.check), app.adapter())
    policy = _policy_text(app.policy())
    with app.mirror().transaction() as tx:
        if state.get_state(tx, state.POLICY) != policy:
            attention.mark_attention(tx, None)
            state.set_state(tx, state.POLICY, policy)


def _policy_text(policy: Policy) -> str:
    """Return the policy as a text; the same settings make the same text in every process."""
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
