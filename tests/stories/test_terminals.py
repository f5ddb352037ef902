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


@pytest.mark.parametrize(
    "password", ["sekr@kret", "sekr@kret/zzret", "sekr@kret?zzret", "sekr@kret:zzret", "se@kr@kret"]
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "CMMS_URL"])
def test_no_part_of_a_password_with_an_at_sign_is_shown(
    world: World, name: str, password: str
) -> None:
    """What stands between the two @ was taken for the host, and what follows for the database."""
    world.inside = True
    url = f"postgresql://syncd:{password}@127.0.0.1:1/mirror"
    for command in (("check",), ("config", "show"), ("once",), ("status",)):
        done = world.syncd(*command, **{name: url})
        shown = done.out + done.err
        assert not [part for part in ("sekr", "kret", "zzret") if part in shown], shown
        if command == ("check",):
            assert done.code == 78
            assert f"SYNCD_{name}: write an @ in the user or the password as %40" in shown
