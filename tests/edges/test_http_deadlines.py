"""One deadline holds for a whole request, whatever part of it the peer draws out."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from syncd.errors import Unreachable
from syncd.http import HttpClient
from tests.edges.raw_server import Peer, RawServer, answer, raw

DEADLINE_S = 0.4
SLACK_S = 0.8  # two cores, shared

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n"


@contextmanager
def client(url: str, **options: object) -> Iterator[HttpClient]:
    made = HttpClient(url, side="s2e", **options)  # type: ignore[arg-type]  # passed through
    try:
        yield made
    finally:
        made.close()


@contextmanager
def cut_at_the_deadline() -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds = time.monotonic() - began
    assert DEADLINE_S * 0.9 <= seconds < DEADLINE_S + SLACK_S


def dribbled_body(peer: Peer) -> None:
    peer.send(HEAD + b"\r\n")
    peer.dribble(b"x" * 900)


def dribbled_headers(peer: Peer) -> None:
    peer.dribble(HEAD + b"X-More: " + b"y" * 900)


def dribbled_chunks(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.dribble(b"1\r\nx\r\n" * 200)


def endless_informational_answers(peer: Peer) -> None:
    while not peer.stopping.wait(0.02):
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")


@pytest.mark.parametrize(
    "behave",
    [
        dribbled_body,
        dribbled_headers,
        dribbled_chunks,
        endless_informational_answers,
        Peer.say_nothing,
    ],
    ids=lambda behave: behave.__name__,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_is_drawn_out_is_cut(behave: Callable[[Peer], None], method: str) -> None:
    with (
        RawServer(behave) as server,
        client(server.url) as http,
        cut_at_the_deadline(),
        pytest.raises(Unreachable) as caught,
    ):
        http.request(method, "/slow", deadline_s=DEADLINE_S)
    assert caught.value.may_have_applied
    assert "127.0.0.1/slow" in str(caught.value)
    assert "Timeout" in str(caught.value)


def test_a_repeated_get_has_no_second_deadline() -> None:
    deadline_s = 2.0

    def close_late(peer: Peer) -> None:
        peer.stopping.wait(deadline_s * 0.5)
        peer.hang_up()

    began = time.monotonic()
    with (
        RawServer(close_late, Peer.say_nothing) as server,
        client(server.url) as http,
        pytest.raises(Unreachable),
    ):
        http.request("GET", "/", deadline_s=deadline_s)
    assert len(server.asked) == 2
    assert time.monotonic() - began < deadline_s * 1.4


def test_a_server_that_does_not_read_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with client(url) as http, cut_at_the_deadline(), pytest.raises(Unreachable) as caught:
            http.request("POST", "/", json_body=b"x" * 30_000_000, deadline_s=DEADLINE_S)
    assert caught.value.may_have_applied


def test_a_handshake_that_does_not_come_about_is_given_up_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        with client(url) as http, cut_at_the_deadline(), pytest.raises(Unreachable) as caught:
            http.request("POST", "/", json_body=b"{}", deadline_s=DEADLINE_S)
    assert not caught.value.may_have_applied


def test_a_name_that_is_not_resolved_in_time_is_given_up() -> None:
    done = threading.Event()

    def never(_host: str, _port: int) -> list[str]:
        done.wait(10)
        return []

    with (
        client("http://cmms.example", resolve=never) as http,
        cut_at_the_deadline(),
        pytest.raises(Unreachable, match="not resolved in time") as caught,
    ):
        http.request("POST", "/", json_body=b"{}", deadline_s=DEADLINE_S)
    done.set()
    assert not caught.value.may_have_applied


def test_a_name_that_does_not_exist_says_so() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with (
        client("http://cmms.example", resolve=unknown) as http,
        pytest.raises(Unreachable, match="cannot be resolved.*not known") as caught,
    ):
        http.request("POST", "/", json_body=b"{}")
    assert not caught.value.may_have_applied


def test_a_name_without_addresses_says_so() -> None:
    with (
        client("http://cmms.example", resolve=lambda _host, _port: []) as http,
        pytest.raises(Unreachable, match="no address"),
    ):
        http.request("GET", "/")


def test_the_systems_resolver_is_asked_when_no_other_is_given() -> None:
    with RawServer(answer()) as server, client(f"http://localhost:{server.port}") as http:
        assert http.request("GET", "/").status == 200


@contextmanager
def black_hole(port: int) -> Iterator[str]:
    """An address whose connections hang: its backlog is full, so that Linux drops each SYN."""
    address = "127.0.0.2"
    with ExitStack() as kept:
        listener = kept.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = kept.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        time.sleep(0.05)
        yield address


def test_an_address_that_leads_nowhere_leaves_time_for_the_next() -> None:
    with RawServer(answer()) as server, black_hole(server.port) as hole:

        def both(_host: str, _port: int) -> list[str]:
            return [hole, "127.0.0.1"]

        with client(f"http://cmms.example:{server.port}", resolve=both) as http:
            began = time.monotonic()
            assert http.request("GET", "/", deadline_s=1.0).status == 200
            assert time.monotonic() - began < 0.5 + SLACK_S
    assert server.asked[0].headers["host"] == f"cmms.example:{server.port}"


def test_a_host_none_of_whose_addresses_answers_is_given_up_in_time() -> None:
    with RawServer(answer()) as server, black_hole(server.port) as hole:

        def holes(_host: str, _port: int) -> list[str]:
            return [hole, hole, hole]

        with (
            client(f"http://cmms.example:{server.port}", resolve=holes) as http,
            cut_at_the_deadline(),
            pytest.raises(Unreachable) as caught,
        ):
            http.request("POST", "/", json_body=b"{}", deadline_s=DEADLINE_S)
    assert not caught.value.may_have_applied


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    with RawServer(raw(b"")) as server, client(server.url) as http:
        with pytest.raises(Unreachable) as caught:
            http.request("POST", "/", json_body=b"{}", deadline_s=-1.0)
        assert server.asked == []
    assert not caught.value.may_have_applied


def test_threads_keep_their_own_deadlines() -> None:
    def late(peer: Peer) -> None:
        peer.stopping.wait(DEADLINE_S)
        answer()(peer)

    statuses: list[int] = []
    with RawServer(late) as server, client(server.url) as http:

        def patient() -> None:
            statuses.append(http.request("GET", "/", deadline_s=10).status)

        thread = threading.Thread(target=patient)
        thread.start()
        with pytest.raises(Unreachable):
            http.request("GET", "/", deadline_s=DEADLINE_S / 4)
        thread.join(10)
    assert statuses == [200]
