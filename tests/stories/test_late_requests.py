"""Requests that a server applies after the process that sent them has gone."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.twin.server import Twin
from tests.cmms.standin import SECRET, USER, Standin, standin
from tests.cmms.standin_bench import MAPPING
from tests.stories.world import World, make_config, wait_until

_LONGEST_S = 60  # for which the CMMS may work on a create
_DEADLINE_S = 1  # for which syncd waits for an answer


@pytest.fixture
def cmms() -> Iterator[Standin]:
    with standin() as made:
        yield made
        made.slow.clear()


@pytest.fixture
def world(cmms: Standin, tmp_path: Path) -> Iterator[World]:
    mapping = tmp_path / "slow.yaml"
    mapping.write_text(
        f"extends: {MAPPING}\nindex_lag_s: 0\n"
        f"deadline_s: {_DEADLINE_S}\nlongest_request_s: {_LONGEST_S}\n"
    )
    env = {
        "CMMS_ADAPTER": "rest",
        "CMMS_MAPPING": str(mapping),
        "CMMS_URL": cmms.url,
    }
    with Twin(make_config(orders=1)) as twin:
        made = World(tmp_path, twin, f"sqlite:///{tmp_path}/syncd.db", "sqlite://", env)
        yield made
        made.end()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_create_that_is_at_work_when_the_daemon_ends_makes_one_record(
    world: World, cmms: Standin, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process searches at once, and the record is not there yet."""
    monkeypatch.setenv("STANDIN_URL", cmms.url)
    monkeypatch.setenv("STANDIN_USER", USER)
    monkeypatch.setenv("STANDIN_SECRET", SECRET)
    cmms.slow.set()
    daemon = world.daemon()
    wait_until(lambda: "POST /tickets" in cmms.calls)
    daemon.send_signal(number)
    daemon.wait(15)
    made = len(cmms.calls)
    world.daemon()
    wait_until(lambda: cmms.calls[made:].count("GET /search") >= 3)
    assert not cmms.tickets
    cmms.slow.clear()
    wait_until(lambda: bool(world.twin.people.orders()[0].get("externalId")))
    (ticket,) = cmms.tickets.values()
    assert ticket["ref"] == world.twin.people.orders()[0]["id"]
    assert cmms.calls.count("POST /tickets") == 1
    assert world.syncd("status", "--json").json["orders"]["in_doubt"] == 0
