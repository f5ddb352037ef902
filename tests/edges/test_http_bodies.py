"""A body is decoded under a cap, and one that is not whole is never taken for one that is."""

import gzip
import subprocess
import sys
import zlib

import pytest

from syncd.errors import UnexpectedContent, Unreachable
from syncd.http import MAX_BODY, HttpClient, Response
from syncd.http.response import read_body
from tests.edges.raw_server import Behaviour, Peer, RawServer, answer, raw

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def ask(behave: Behaviour, method: str = "GET") -> Response:
    with RawServer(behave) as server:
        http = HttpClient(server.url, side="s2e")
        try:
            return http.request(method, "/body")
        finally:
            http.close()


def test_a_plain_and_a_compressed_body_are_the_same() -> None:
    assert ask(answer(body=b'{"a": 1}')).body == b'{"a": 1}'
    packed = answer(body=gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    assert ask(packed).body == b'{"a": 1}'


def test_an_encoding_of_any_case_is_the_same_and_identity_is_none() -> None:
    assert ask(answer(body=gzip.compress(b"{}"), Content_Encoding="GZIP")).body == b"{}"
    assert ask(answer(body=b"{}", Content_Encoding="identity")).body == b"{}"


def test_only_gzip_and_identity_are_offered() -> None:
    with RawServer(answer()) as server:
        http = HttpClient(server.url, side="s2e")
        http.request("GET", "/")
        http.close()
    assert server.asked[0].headers["accept-encoding"] == "gzip, identity"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x" * 500])
def test_an_encoding_that_was_not_offered_is_refused(encoding: str) -> None:
    with pytest.raises(UnexpectedContent, match="not offered") as caught:
        ask(answer(body=b"??", Content_Encoding=encoding))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (HEAD + b"Content-Length: 100\r\n\r\n{", "cut off"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{", "cut off"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "cut off"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", "cut off"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}" * 99)[:-9], "cut off"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n{}", "error: Error -3"),
    ],
    ids=["length", "chunk", "last chunk", "chunk size", "gzip cut", "not gzip"],
)
def test_a_body_that_is_not_whole_is_no_body(sent: bytes, told: str, method: str) -> None:
    with pytest.raises(UnexpectedContent, match=told) as caught:
        ask(raw(sent), method)
    assert caught.value.status == 200
    assert caught.value.may_have_applied


def test_a_reset_inside_the_body_is_unreachable() -> None:
    def reset(peer: Peer) -> None:
        peer.send(HEAD + b"Content-Length: 100\r\n\r\n{")
        peer.stopping.wait(0.05)
        peer.reset()

    with pytest.raises(Unreachable, match="ReadError") as caught:
        ask(reset, "POST")
    assert caught.value.may_have_applied


def test_a_compressed_answer_without_a_body_is_empty() -> None:
    assert ask(answer(204, b"", Content_Encoding="gzip")).body == b""


def test_a_plain_body_over_the_cap_is_refused() -> None:
    with pytest.raises(UnexpectedContent, match="larger than 8 MiB"):
        ask(answer(body=b" " * (MAX_BODY + 1)))


def test_a_body_just_under_the_cap_is_read_whole() -> None:
    assert len(ask(answer(body=b" " * MAX_BODY)).body) == MAX_BODY


def test_what_follows_the_end_of_a_compressed_body_is_not_kept() -> None:
    with pytest.raises(ValueError, match="goes on after its end"):
        read_body([gzip.compress(b"{}"), b"x", b"x"], "gzip")


def test_a_compressed_body_may_come_in_any_pieces() -> None:
    packed = gzip.compress(bytes(range(256)) * 40)
    pieces = [packed[n : n + 7] for n in range(0, len(packed), 7)]
    assert read_body(pieces, "gzip") == bytes(range(256)) * 40


# VmHWM belongs to this program alone; ru_maxrss would begin with what the test runner holds.
BOMB = """
import re, sys
from pathlib import Path
from syncd.errors import UnexpectedContent
from syncd.http import HttpClient

def most_kib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

http = HttpClient(sys.argv[1], side="s2e")
before = most_kib()
try:
    http.request("GET", "/bomb")
except UnexpectedContent as error:
    print(error)
print((most_kib() - before) // 1024)
"""


def test_a_bomb_takes_little_more_memory_than_the_cap() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
    assert len(bomb) < 1 << 20
    with RawServer(answer(body=bomb, Content_Encoding="gzip")) as server:
        done = subprocess.run(
            [sys.executable, "-c", BOMB, server.url],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    told, grown_mib = done.stdout.splitlines()
    assert "larger than 8 MiB" in told
    assert int(grown_mib) < 48
