"""What a holder of the lease does before its first cycle: upgrade, follow a changed mapping."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields

import structlog

from syncd.app import App
from syncd.core.policy import Policy
from syncd.errors import MirrorContentError, MirrorUnavailable
from syncd.jobs.remap import follow_mapping
from syncd.mirror import attention, state
from syncd.mirror.db import schema
from syncd.mirror.db.lease import Lease


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
            attention.mark_attention(tx, None)
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
