"""The daemon's last word about itself, in a small file that `syncd health` reads.

Standard library only: the container asks every 30 s, and opening the mirror would cost many
times what the answer is worth. The file is named after the mirror's URL, belongs to the user
that runs the daemon, and says for how long it counts.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DEFAULT_URL = "sqlite:///syncd.db"


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the daemon makes progress, and a line that says so."""

    healthy: bool
    text: str


def _path_for(database_url: str) -> Path:
    """Where the heartbeat of the daemon with this mirror is. Raises OSError if there is no place.

    The current folder tells two relative URLs apart. Python looks for a folder for such files by
    writing to it: on a full disk there is none.
    """
    folder = Path.cwd()
    name = hashlib.blake2b(f"{folder} {database_url}".encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"syncd-{os.getuid()}-{name}.health"


def beat(database_url: str, *, unhealthy_because: str | None, counts_for_s: float) -> None:
    """Say how things stand; after `counts_for_s` seconds without another word they are bad.

    A file that cannot be written is no reason to stop: `syncd health` then asks the mirror.
    """
    word = {"at": time.time(), "because": unhealthy_because, "counts_for_s": counts_for_s}
    with suppress(OSError):
        path = _path_for(database_url)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        number = os.open(fresh, flags, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(word, file)
        fresh.replace(path)


def look(environ: Mapping[str, str]) -> Told | None:
    """What the daemon of this environment said last; None if it has said nothing usable."""
    url = environ.get("SYNCD_DATABASE_URL") or _DEFAULT_URL
    named = environ.get("SYNCD_DATABASE_URL_FILE")
    try:
        if named:
            url = Path(named).read_text(encoding="utf-8-sig").rstrip("\r\n")
        path = _path_for(url)
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return None
        word = json.loads(path.read_text(encoding="utf-8"))
        age_s = time.time() - word["at"]
        because, counts_for_s = word["because"], word["counts_for_s"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if age_s > counts_for_s or age_s < -counts_for_s:
        return Told(False, f"NOT healthy: the last cycle ended {age_s:.0f} s ago")
    if because is not None:
        return Told(False, f"NOT healthy: {because}")
    return Told(True, "healthy")
