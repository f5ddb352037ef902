"""The daemon's health, in a small file that `syncd health` reads.

The container runs `syncd health` every 30 s. Reading this file takes a few milliseconds; opening
the mirror takes many times as long. So this module imports the standard library only. The file is
named after the mirror's URL, belongs to the user that runs the daemon, and says for how long it
counts, and how old everything was that the objective is about: health is about now, and while a
cycle hangs or keeps failing nobody writes another file.

Its age is told by the monotonic clock, which all processes of a machine share and nobody sets. A
file from before the machine was started again says nothing.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

_DEFAULT_URL = "sqlite:///syncd.db"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of Linux; elsewhere there is none


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the daemon makes progress, and a line for people that says so."""

    healthy: bool
    line: str


@dataclass(frozen=True, slots=True)
class Age:
    """Something that grows older until a cycle ends well.

    Attributes:
        what: the words before the number of seconds.
        seconds, limit_s: how old it is, and from when on the daemon is not healthy.
    """

    what: str
    seconds: float
    limit_s: float


def overdue(ages: Iterable[Age], passed_s: float = 0.0) -> str | None:
    """Why the daemon is not healthy, so many seconds after these ages were noted; None: it is."""
    for age in ages:
        if (seconds := age.seconds + passed_s) > age.limit_s:
            return f"{age.what} {seconds:.0f} s"
    return None


def _path_for(database_url: str) -> Path:
    """Return the path of the heartbeat of the daemon with this mirror.

    The current folder is part of the name, because a URL may be relative to it. Raises OSError if
    no folder for temporary files can be written: the disk is full.
    """
    folder = Path.cwd()
    name = hashlib.blake2b(f"{folder} {database_url}".encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"syncd-{os.getuid()}-{name}.health"


def beat(
    database_url: str,
    *,
    unhealthy_because: str | None,
    counts_for_s: float,
    ages: Iterable[Age] = (),
) -> None:
    """Save the daemon's health. Without another beat it is unhealthy after `counts_for_s`, or as
    soon as one of the ages is over its limit.

    A file that cannot be written does not stop the daemon: `syncd health` then reads the mirror.
    """
    health = {
        "at": time.monotonic(),
        "boot": _boot(),
        "because": unhealthy_because,
        "counts_for_s": counts_for_s,
        "ages": [astuple(age) for age in ages],
    }
    with suppress(OSError):
        path = _path_for(database_url)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        number = os.open(unfinished, flags, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(health, file)
        unfinished.replace(path)


def last_beat(environ: Mapping[str, str]) -> Health | None:
    """Return the health of this environment's daemon; None if there is no usable heartbeat."""
    url = environ.get("SYNCD_DATABASE_URL") or _DEFAULT_URL
    named = environ.get("SYNCD_DATABASE_URL_FILE")
    try:
        if named:
            url = Path(named).read_text(encoding="utf-8-sig").rstrip("\r\n")
        path = _path_for(url)
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return None
        health = json.loads(path.read_text(encoding="utf-8"))
        age_s = time.monotonic() - health["at"]
        because, counts_for_s = health["because"], health["counts_for_s"]
        because = because or overdue((Age(*age) for age in health["ages"]), age_s)
        if health["boot"] != _boot() or age_s < 0:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if age_s > counts_for_s:
        return Health(False, f"NOT healthy: the last cycle ended {age_s:.0f} s ago")
    if because is not None:
        return Health(False, f"NOT healthy: {because}")
    return Health(True, "healthy")


def _boot() -> str:
    """Return what tells this start of the machine from another one; empty: nothing does."""
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""
