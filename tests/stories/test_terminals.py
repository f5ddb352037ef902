"""Terminals that cannot show every character, and passwords that a URL cannot hold as they are."""

import subprocess
import sys

import pytest

from tests.stories.world import World

TITLE = "Pumpe prüfen → Halle 3 🔧"


@pytest.mark.parametrize("command", [("plan",), ("order", "show"), ("status",), ("parked", "list")])
def test_what_a_terminal_cannot_show_ends_no_command(
    world: World, command: tuple[str, ...]
) -> None:
    s2e_id = world.some("ASSIGNED")
    world.twin.people.edit(s2e_id, title=TITLE)
    asked = (*command, s2e_id) if command == ("order", "show") else command
    done = subprocess.run(
        [sys.executable, "-m", "syncd", *asked],
        env={**world.environ(), "PYTHONIOENCODING": "latin-1"},
        cwd=world.home,
        capture_output=True,
        encoding="latin-1",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if command == ("plan",):
        assert "Pumpe prüfen \\u2192 Halle 3 \\U0001f527" in " ".join(done.stdout.split())


def test_no_part_of_a_password_with_an_at_sign_is_shown(world: World) -> None:
    url = "postgresql://syncd:sec@ret@127.0.0.1/mirror"
    for name in ("DATABASE_URL", "CMMS_URL"):
        done = world.syncd("check", **{name: url})
        assert done.code == 78
        assert f"SYNCD_{name}: write an @ in the user or the password as %40" in done.out + done.err
        assert "ret@" not in done.out + done.err
        assert "sec" not in (done.out + done.err).replace("seconds", "")
