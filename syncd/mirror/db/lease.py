"""One writer per connection: a lock that dies with its holder, and a token that only grows.

    SQLite       flock on `<file>.lease`, which the kernel frees when the process ends
    PostgreSQL   a session advisory lock on a connection of its own, freed when that ends

The lock decides who may start; the token in the `leases` row decides whose writes still count.
Example: a holder is suspended, and another takes over. When the first wakes up, it reads another
token there and must not write any more. Every transaction of a cycle begins with that check, also
the one that journals an intent. One window remains: the time between the commit of the intent and
the moment at which its request leaves the machine.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from syncd.errors import LeaseHeld, LeaseLost, MirrorUnavailable
from syncd.mirror.db.database import Mirror, Tx, dedicated_engine, own
from syncd.mirror.db.failures import translated
from syncd.mirror.db.tables import leases

_RETRY_S = 0.2
# Composed once, since every transaction runs it.
_HOLDER = select(leases.c.token, leases.c.holder).where(own(leases)).with_for_update(read=True)


class Lease:
    """The right to write for one connection. One process holds it at a time."""

    def __init__(
        self,
        mirror: Mirror,
        holder: str,
        sleep: Callable[[float], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._mirror = mirror
        self._holder = holder
        self._sleep = sleep
        self._monotonic = monotonic
        self._file: int | None = None
        self._engine: Engine | None = None
        self._session: Connection | None = None
        self.token = 0

    def acquire(self, wait_s: float) -> int:
        """Take the lease, waiting up to `wait_s`; return its token.

        Raises:
            LeaseHeld: another process holds it; the text names it and since when.
            MirrorUnavailable: the mirror cannot be reached.
        """
        give_up = self._monotonic() + wait_s
        while not self._try_lock():
            if self._monotonic() >= give_up or not self._sleep(_RETRY_S):
                raise LeaseHeld(
                    f"another syncd writes for this mirror ({self._who()}); "
                    "stop it, or wait until it has ended"
                )
        return self.token

    def announce(self) -> int:
        """Take the next token, write it with the holder into `leases`, and return it.

        The table must exist.
        """
        with self._mirror.transaction() as tx:
            here = leases.c.connection == tx.connection
            last = tx.conn.execute(select(leases.c.token).where(here)).scalar_one_or_none()
            values = {"holder": self._holder, "acquired_at": tx.now, "renewed_at": tx.now}
            if last is None:
                tx.conn.execute(insert(leases).values(connection=tx.connection, token=1, **values))
            else:
                tx.conn.execute(update(leases).where(here).values(token=last + 1, **values))
            self.token = (last or 0) + 1
        return self.token

    def check(self, tx: Tx) -> None:
        """Raise LeaseLost if another holder has taken over.

        Nobody can take over before this transaction ends.
        """
        row = tx.run(_HOLDER).one_or_none()
        if row is None or row.token != self.token:
            by = (row.holder if row is not None else None) or "nobody"
            raise LeaseLost(f"the lease was taken over by {by}; nothing more is written")

    def renew(self) -> None:
        """Record that we are alive; take the lock again if its session was lost meanwhile."""
        if self._session is not None:
            try:
                self._session.execute(text("SELECT 1"))
                self._session.commit()
            except SQLAlchemyError:
                self._drop_session()
                if not self._try_lock():
                    raise LeaseLost(f"the lease was taken over by {self._who()}") from None
        with self._mirror.transaction() as tx:
            self.check(tx)
            tx.conn.execute(
                update(leases)
                .where(leases.c.connection == tx.connection, leases.c.token == self.token)
                .values(renewed_at=tx.now)
            )

    def release(self) -> None:
        """Give the lease back. The row keeps the token and no longer names a holder."""
        try:
            with self._mirror.transaction() as tx:
                tx.conn.execute(
                    update(leases)
                    .where(leases.c.connection == tx.connection, leases.c.token == self.token)
                    .values(holder=None)
                )
        finally:
            self._drop_session()
            if self._file is not None:
                os.close(self._file)
                self._file = None

    # ── the lock ──────────────────────────────────────────────────────────────────────────

    def _try_lock(self) -> bool:
        if self._mirror.path is not None:
            return self._file is not None or self._try_flock(self._mirror.path)
        return self._session is not None or self._try_advisory_lock()

    def _try_flock(self, path: Path) -> bool:
        # The file is never deleted, since a lock on a deleted file excludes nobody.
        name = path.with_name(path.name + ".lease")
        try:
            number = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise MirrorUnavailable(_unwritable(name, error)) from error
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return False
        since = f"{self._mirror.utcnow():%Y-%m-%dT%H:%M:%SZ}"
        try:
            os.ftruncate(number, 0)
            os.write(number, f"{self._holder} since {since}".encode())
        except OSError as error:
            os.close(number)
            raise MirrorUnavailable(_unwritable(name, error)) from error
        self._file = number
        return True

    def _try_advisory_lock(self) -> bool:
        self._engine = dedicated_engine(self._mirror)
        with translated(self._mirror.where):
            session = self._engine.connect()
            got = session.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key()})
            locked = bool(got.scalar())
            session.commit()
        if not locked:
            session.close()
            return False
        self._session = session
        return True

    def _key(self) -> int:
        digest = hashlib.blake2b(f"syncd {self._mirror.connection}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "big", signed=True)

    def _drop_session(self) -> None:
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _who(self) -> str:
        if self._mirror.path is not None:
            name = self._mirror.path.with_name(self._mirror.path.name + ".lease")
            try:
                return name.read_text(encoding="utf-8") or "unknown"
            except OSError:
                return "unknown"
        with self._mirror.read() as tx:
            row = tx.conn.execute(
                select(leases.c.holder, leases.c.acquired_at).where(
                    leases.c.connection == tx.connection
                )
            ).one_or_none()
        return (
            "unknown" if row is None else f"{row.holder} since {row.acquired_at:%Y-%m-%dT%H:%M:%SZ}"
        )


def _unwritable(name: Path, error: OSError) -> str:
    return f"{name} cannot be written ({error.strerror}); the lease needs it"
