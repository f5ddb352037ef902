"""What the HTTP client does not do: follow, repeat, trust, tell."""

import logging
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import httpx
import pytest
import trustme

from syncd.errors import ConfigurationError, UnexpectedContent, Unreachable
from syncd.http import HttpClient
from syncd.http.client import _text
from tests.edges.raw_server import Behaviour, Peer, RawServer, answer, raw

SECRET = "canary-7f3a9c"


@contextmanager
def client(url: str, **options: object) -> Iterator[HttpClient]:
    made = HttpClient(url, side="s2e", **options)  # type: ignore[arg-type]  # passed through
    try:
        yield made
    finally:
        made.close()


def test_a_request_goes_out_as_it_was_asked() -> None:
    with (
        RawServer(answer(body=b'{"a": 1}', X_Some="Thing")) as server,
        client(server.url + "/base") as http,
    ):
        told = http.request(
            "POST",
            "/a%2Fb/sync",
            params={"site": "ä &="},
            json_body=b'{"x": 1}',
            headers={"X-API-KEY": "key"},
        )
    asked = server.asked[0]
    assert (asked.method, asked.target) == ("POST", "/base/a%2Fb/sync?site=%C3%A4+%26%3D")
    assert asked.body == b'{"x": 1}'
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-api-key"] == "key"
    assert (told.status, told.ok, told.body) == (200, True, b'{"a": 1}')
    assert told.headers["x-some"] == "Thing"


def test_an_answer_of_any_status_is_an_answer() -> None:
    with RawServer(answer(503, b"no")) as server, client(server.url) as http:
        told = http.request("GET", "/")
    assert (told.status, told.ok, told.body) == (503, False, b"no")


def test_the_servers_clock_goes_on_from_the_date_of_its_last_answer() -> None:
    """One that a cache has kept, and one that is no date, tell nothing."""
    date = "Tue, 10 Mar 2026 14:30:00 GMT"
    behaviours = [
        answer(),
        answer(Date=date),
        answer(Date="Tue, 10 Mar 2020 14:30:00 GMT", Age="86400"),
        answer(Date="yesterday"),
    ]
    now = 1000.0
    told = []
    with (
        RawServer(*behaviours) as server,
        client(server.url, monotonic=lambda: now) as http,
    ):
        for _ in behaviours:
            http.request("GET", "/")
            now += 5.0
            told.append(http.server_now())
    at = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
    assert told == [None, *(at + timedelta(seconds=s) for s in (5, 10, 15))]


# ── nothing is followed ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_not_followed_and_nothing_reaches_its_target(status: int) -> None:
    with RawServer(answer()) as other:
        target = f"{other.url}/steal?token={SECRET}"
        with (
            RawServer(answer(status, b"", Location=target)) as server,
            client(server.url) as http,
            pytest.raises(UnexpectedContent, match=f"redirect \\({status}\\)") as caught,
        ):
            http.request("GET", "/x", headers={"X-API-KEY": SECRET})
    assert other.connections == 0
    assert SECRET not in str(caught.value)
    assert caught.value.status == status


# ── nothing is repeated, but a GET that a kept connection swallowed ───────────────────────


def answer_then_close(peer: Peer) -> None:
    """Answers as if to keep the connection, and closes it when the next request has come."""
    answer()(peer)


def swallow(peer: Peer) -> None:
    peer.hang_up()


def test_a_get_on_a_connection_that_was_closed_is_sent_once_more() -> None:
    with RawServer(answer_then_close, swallow, answer()) as server, client(server.url) as http:
        assert http.request("GET", "/1").ok
        assert http.request("GET", "/2").ok
    assert [asked.target for asked in server.asked] == ["/1", "/2", "/2"]


def test_a_get_is_sent_no_third_time() -> None:
    with (
        RawServer(swallow) as server,
        client(server.url) as http,
        pytest.raises(Unreachable, match="without sending"),
    ):
        http.request("GET", "/")
    assert len(server.asked) == 2


def test_a_post_on_a_connection_that_was_closed_is_in_doubt_and_sent_once() -> None:
    with RawServer(answer_then_close, swallow, answer()) as server, client(server.url) as http:
        assert http.request("GET", "/1").ok
        with pytest.raises(Unreachable) as caught:
            http.request("POST", "/2", json_body=b"{}")
    assert caught.value.may_have_applied
    assert [asked.target for asked in server.asked] == ["/1", "/2"]


def test_a_connection_that_is_found_closed_is_not_used() -> None:
    closed = threading.Event()

    def close_at_once(peer: Peer) -> None:
        answer()(peer)
        peer.hang_up()
        peer.sock.close()
        closed.set()

    with RawServer(close_at_once, answer()) as server, client(server.url) as http:
        assert http.request("GET", "/1").ok
        assert closed.wait(5)
        assert http.request("POST", "/2", json_body=b"{}").ok
    assert len(server.asked) == 2


# ── what certainly was not sent, and what may have been ───────────────────────────────────


def test_a_refused_connection_has_sent_nothing() -> None:
    with RawServer(answer()) as server:
        pass
    with client(server.url) as http, pytest.raises(Unreachable, match="ConnectError") as caught:
        http.request("POST", "/", json_body=b"{}")
    assert not caught.value.may_have_applied
    assert caught.value.side == "s2e"


@pytest.mark.parametrize(
    "behave", [swallow, Peer.reset, raw(b"HTTP/1.1 200")], ids=["closed", "reset", "cut"]
)
def test_a_post_without_an_answer_may_have_been_applied(behave: Behaviour) -> None:
    with (
        RawServer(behave) as server,
        client(server.url) as http,
        pytest.raises((Unreachable, UnexpectedContent)) as caught,
    ):
        http.request("POST", "/", json_body=b"{}")
    assert caught.value.may_have_applied
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "spoken",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad header\r\n\r\n",
        b"\x15\x03\x01\x00\x02",
    ],
)
def test_what_does_not_speak_http_is_not_the_api(spoken: bytes) -> None:
    with (
        RawServer(raw(spoken)) as server,
        client(server.url) as http,
        pytest.raises(UnexpectedContent, match="does not speak HTTP") as caught,
    ):
        http.request("POST", "/", json_body=b"{}")
    assert caught.value.may_have_applied
    assert str(caught.value).isprintable()


def test_headers_without_end_are_cut() -> None:
    def endless(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 1_000_000)
        peer.hang_up()

    with (
        RawServer(endless) as server,
        client(server.url) as http,
        pytest.raises((UnexpectedContent, Unreachable)) as caught,
    ):
        http.request("GET", "/")
    assert len(str(caught.value)) < 400


# ── no secret is told ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["\n", "\r\nX-Evil: 1", "é", "\x00", "\u2028"])
def test_a_header_that_cannot_be_sent_is_a_setting_and_is_not_quoted(ending: str) -> None:
    with RawServer(answer()) as server, client(server.url) as http:
        with pytest.raises(ConfigurationError, match="cannot be sent") as caught:
            http.request("GET", "/", headers={"Authorization": f"Bearer {SECRET}{ending}"})
        assert http.request("GET", "/").ok
    assert SECRET not in str(caught.value)
    assert [asked.target for asked in server.asked] == ["/"]


def test_an_error_names_the_path_and_not_the_query() -> None:
    with (
        RawServer(Peer.reset) as server,
        client(server.url) as http,
        pytest.raises(Unreachable) as caught,
    ):
        http.request("GET", "/path", params={"token": SECRET})
    assert "GET 127.0.0.1/path" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_libraries_loggers_say_nothing_of_urls(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        RawServer(answer()) as server,
        client(server.url) as http,
    ):
        http.request("GET", "/", params={"token": SECRET}, headers={"X-API-KEY": SECRET})
    assert SECRET not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("http")]


@pytest.mark.parametrize(
    "error", [httpx.PoolTimeout(""), httpcore.ReadError(), httpx.ConnectTimeout("  \n ")]
)
def test_an_error_without_a_text_is_told_by_its_type(error: Exception) -> None:
    assert _text(error) == type(error).__name__


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@cmms.example",
        f"https://cmms.example/?key={SECRET}",
        f"https://cmms.example/#{SECRET}",
        f"ftp://cmms.example/{SECRET}",
        f"/{SECRET}",
        f"https://[{SECRET}",
        f"https://cmms.example:{SECRET}",
        "",
    ],
)
def test_a_url_that_cannot_be_used_is_a_setting_and_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpClient(url, side="s2e")
    assert SECRET not in str(caught.value)


# ── proxies ───────────────────────────────────────────────────────────────────────────────


def test_the_environments_proxies_and_netrc_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with RawServer(answer()) as proxy, RawServer(answer()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with client(server.url) as http:
            http.request("GET", "/")
    assert proxy.connections == 0
    assert "authorization" not in server.asked[0].headers


def test_the_proxy_that_is_set_is_used() -> None:
    proxied = RawServer(answer(body=b'{"by": "proxy"}'))
    with proxied as proxy:
        url = proxy.url.replace("//", f"//me:{SECRET}@")
        with client("http://cmms.example", proxy=url, resolve=_nobody) as http:
            assert b"proxy" in http.request("GET", "/x").body
    assert proxy.asked[0].target == "http://cmms.example/x"
    assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")


def _nobody(_host: str, _port: int) -> list[str]:
    raise AssertionError("the proxy resolves the name")


def test_a_proxy_that_refuses_has_passed_nothing_on() -> None:
    with RawServer(answer(407, b"")) as proxy:
        url = proxy.url.replace("//", f"//me:{SECRET}@")
        with (
            client("https://cmms.example", proxy=url) as http,
            pytest.raises(Unreachable, match="ProxyError: 407") as caught,
        ):
            http.request("POST", "/x", json_body=b"{}")
    assert not caught.value.may_have_applied
    assert SECRET not in str(caught.value)
    assert proxy.asked[0].method == "CONNECT"


@pytest.mark.parametrize(
    "proxy", [f"ftp://me:{SECRET}@proxy", f"{SECRET}", f"http://[{SECRET}", "socks5://proxy:1"]
)
def test_a_proxy_that_cannot_be_used_is_a_setting_and_is_not_quoted(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="SYNCD_PROXY") as caught:
        HttpClient("https://cmms.example", side="s2e", proxy=proxy)
    assert SECRET not in str(caught.value)


# ── TLS ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(os.fspath(path))
    return os.fspath(path)


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_certificate_of_a_trusted_authority_is_accepted(
    authority: trustme.CA, bundle: str
) -> None:
    with (
        RawServer(answer(), context=serving(authority, "127.0.0.1")) as server,
        client(server.url, ca_bundle=bundle) as http,
    ):
        assert http.request("GET", "/").ok


def test_a_name_is_checked_even_when_its_address_is_what_we_connect_to(
    authority: trustme.CA, bundle: str
) -> None:
    with RawServer(answer(), context=serving(authority, "s2e.example")) as server:
        url = f"https://s2e.example:{server.port}"
        with client(url, ca_bundle=bundle, resolve=lambda _h, _p: ["127.0.0.1"]) as http:
            assert http.request("GET", "/").ok


def test_an_unknown_authority_is_refused_and_the_remedy_named(authority: trustme.CA) -> None:
    with (
        RawServer(answer(), context=serving(authority, "127.0.0.1")) as server,
        client(server.url) as http,
        pytest.raises(Unreachable, match="SYNCD_CA_BUNDLE") as no,
    ):
        http.request("POST", "/", json_body=b"{}", headers={"X-API-KEY": SECRET})
    assert not no.value.may_have_applied
    assert server.asked == []


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, bundle: str) -> None:
    with (
        RawServer(answer(), context=serving(authority, "other.example")) as server,
        client(server.url, ca_bundle=bundle) as http,
        pytest.raises(Unreachable),
    ):
        http.request("GET", "/", headers={"X-API-KEY": SECRET})
    assert server.asked == []


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_cannot_be_read_is_a_setting(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="SYNCD_CA_BUNDLE"):
        HttpClient("https://cmms.example", side="s2e", ca_bundle=os.fspath(path))


def test_an_https_proxy_is_held_to_the_same_authorities(authority: trustme.CA, bundle: str) -> None:
    with RawServer(answer(), context=serving(authority, "127.0.0.1")) as proxy:
        with client("http://cmms.example", proxy=proxy.url, ca_bundle=bundle) as http:
            assert http.request("GET", "/x").ok
        with (
            client("http://cmms.example", proxy=proxy.url) as http,
            pytest.raises(Unreachable) as caught,
        ):
            http.request("POST", "/x", json_body=b"{}")
    assert not caught.value.may_have_applied
