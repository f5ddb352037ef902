"""What the tests of the sql adapter share: an adapter, people with plain SQL, a cut cable."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from syncd.cmms.load import AdapterContext
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.work_order import Field, Fields, Priority, Status
from tests.conftest import Clock, Postgres

ORDER: Fields = {
    Field.TITLE: "Pump leaks",
    Field.STATUS: Status.ASSIGNED,
    Field.PRIORITY: Priority.HIGH,
}


def make_adapter(
    url: str, *, may_write: bool = True, lock_timeout_s: float = 5.0, clock: Clock | None = None
) -> SqlAdapter:
    context = AdapterContext(may_write=may_write, utcnow=clock or Clock())
    return SqlAdapter(url, context, lock_timeout_s=lock_timeout_s)


class People:
    """Somebody with a database client, on connections of their own."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine = create_engine(parsed, poolclass=NullPool)

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self.engine.begin() as conn:
            done = conn.execute(text(statement), values)
            return [dict(row) for row in done.mappings()] if done.returns_rows else []

    def row(self, cmms_id: str) -> dict[str, Any]:
        (row,) = self.sql("SELECT * FROM work_orders WHERE id = :id", id=int(cmms_id))
        return row


class Cable:
    """A TCP port that leads to the PostgreSQL server, and can be cut when COMMIT passes.

    Attributes:
        cut: None, "before" the server gets the COMMIT, or "after" it has answered it.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.cut: str | None = None
        self._connect = connect
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Whoever uses it has to have ended."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            line = _Line(self, client, self._connect())
            self._threads.append(threading.Thread(target=line.run, daemon=True))
            self._threads[-1].start()


class _Line:
    """One connection through the cable."""

    def __init__(self, cable: Cable, client: socket.socket, server: socket.socket) -> None:
        self._cable, self._client, self._server = cable, client, server
        self._muted = False
        self._answered = threading.Event()

    def run(self) -> None:
        down = threading.Thread(target=self._down, daemon=True)
        with self._client, self._server:
            down.start()
            self._up()
            down.join(10)

    def _up(self) -> None:
        while data := _receive(self._client):
            if self._cable.cut is not None and b"COMMIT" in data:
                self._muted = True
                if self._cable.cut == "after":
                    self._server.sendall(data)
                    self._answered.wait(10)
                break
            self._server.sendall(data)
        self._end()

    def _down(self) -> None:
        while data := _receive(self._server):
            if self._muted:
                self._answered.set()
            else:
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for side in (self._server, self._client):  # the server first: it has to let go
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


def _receive(side: socket.socket) -> bytes:
    try:
        return side.recv(65536)
    except OSError:
        return b""


@contextmanager
def cable(postgres: Postgres, url: str) -> Iterator[tuple[Cable, str]]:
    """A cable to the server, and the URL of the same database by way of it."""
    directory = str(postgres.url.query.get("host", ""))

    def connect() -> socket.socket:
        if not directory:
            return socket.create_connection((postgres.url.host, postgres.url.port or 5432))
        reached = socket.socket(socket.AF_UNIX)
        reached.connect(f"{directory}/.s.PGSQL.5432")
        return reached

    with closing(Cable(connect)) as made:
        through = make_url(url).set(host="127.0.0.1", port=made.port, query=_PLAIN)
        yield made, through.render_as_string(hide_password=False)


_PLAIN = {"sslmode": "disable", "gssencmode": "disable"}


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A port that answers one client as `talk` says; the URL that leads there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                talk(client)
                ended.wait(10)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        url = URL.create(
            "postgresql", "bob", "s3cret-pw", "127.0.0.1", port, "cmms", {"connect_timeout": "2"}
        ).update_query_dict(_PLAIN)
        try:
            yield url.render_as_string(hide_password=False)
        finally:
            ended.set()
            thread.join(10)
