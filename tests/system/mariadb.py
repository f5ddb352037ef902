"""A MariaDB server of a test's own, on a socket and a loopback port that nobody else uses."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "syncd", "s3cret-pw"
_STARTS_WITHIN_S = 60.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """The URL of an empty database `plant`, as an operator writes it."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    assert server is not None, "mariadb-server-core is not installed"
    assert install is not None, "mariadb-server-core is not installed"
    data, port = folder / "data", _free_port()
    subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root",
         "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
        timeout=120,
    )  # fmt: skip
    start = folder / "start.sql"
    start.write_text(
        f"CREATE DATABASE plant CHARACTER SET utf8mb4;\n"
        f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON plant.* TO '{USER}'@'%';\n",
        encoding="utf-8",
    )
    with (folder / "mariadb.log").open("wb") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", f"--socket={folder}/s", "--user=root",
             f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={start}",
             "--skip-name-resolve", f"--pid-file={folder}/pid"],
            stdout=log,
            stderr=log,
        )  # fmt: skip
    try:
        _wait(port, process, folder / "mariadb.log")
        yield f"mariadb://{USER}:{PASSWORD}@127.0.0.1:{port}/plant"
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as reached:
                if reached.recv(1):
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
