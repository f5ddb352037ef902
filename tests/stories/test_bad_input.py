"""Bad input: a clear message that names the setting and the remedy, nothing lost, the code."""

import signal
from pathlib import Path

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.world import World, stop, wait_until

INSIDE = True

WRONG: dict[str, tuple[int, str, dict[str, str | None]]] = {
    "wrong token": (77, "SYNCD_S2E_TOKEN", {"S2E_TOKEN": "wrong-token-value"}),
    "malformed database": (78, "SYNCD_DATABASE_URL", {"DATABASE_URL": "nonsense"}),
    "unknown database": (78, "SYNCD_DATABASE_URL", {"DATABASE_URL": "mysql://u:hidden@h/x"}),
    "no such folder": (74, "/no/such/folder", {"DATABASE_URL": "sqlite:////no/such/folder/x.db"}),
    "no such server": (74, "localhost:1", {"DATABASE_URL": "postgresql://u:hidden@localhost:1/x"}),
    "unreachable host": (69, "127.0.0.1", {"S2E_URL": "http://127.0.0.1:9"}),
    "typo": (78, "SYNCD_POLL_EVERY_S", {"POLL_EVRY_S": "5"}),
    "no adapter": (78, "SYNCD_CMMS_ADAPTER", {"CMMS_ADAPTER": None}),
    "unknown adapter": (78, "SYNCD_CMMS_ADAPTER", {"CMMS_ADAPTER": "sqll"}),
    "no CMMS URL": (78, "SYNCD_CMMS_URL", {"CMMS_URL": None}),
    "unknown option": (78, "SYNCD_CMMS_", {"CMMS_COLOUR": "red"}),
    "no downstream pair": (78, "SYNCD_S2E_SYNC_TOKEN", {"S2E_SYNC_TOKEN": None}),
    "no token": (78, "SYNCD_S2E_TOKEN", {"S2E_TOKEN": None}),
    "token with a space": (78, "SYNCD_S2E_TOKEN", {"S2E_TOKEN": "hidden value"}),
    "plain http": (78, "SYNCD_S2E_URL", {"S2E_URL": "http://api.example.com"}),
    "not a number": (78, "SYNCD_POLL_EVERY_S", {"POLL_EVERY_S": "often"}),
    "name and file": (78, "SYNCD_S2E_TOKEN_FILE", {"S2E_TOKEN_FILE": "/etc/hostname"}),
    "later version": (78, "SYNCD_HTTP_LISTEN", {"HTTP_LISTEN": "127.0.0.1:8080"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named_and_has_its_code(make_world: MakeWorld, case: str) -> None:
    code, named, changed = WRONG[case]
    world = make_world()
    done = world.syncd("once", **changed)
    assert done.code == code, done.err
    assert named in done.err
    assert "Traceback" not in done.err
    for hidden in ("wrong-token-value", "hidden"):
        assert hidden not in done.out + done.err
    assert world.written() == 0


def test_check_names_the_adapter_that_is_not_set(make_world: MakeWorld) -> None:
    done = make_world().syncd("check", "--json", CMMS_ADAPTER=None)
    assert done.code == 78, done.err
    failed = {
        line["what"]: line["detail"] for line in done.json["checks"] if line["state"] == "fail"
    }
    assert {"adapter", "cmms"} <= failed.keys()
    assert "SYNCD_CMMS_ADAPTER is not set" in failed["cmms"]


def test_a_secret_and_its_file_are_read_alike(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    secret = tmp_path / "token"
    secret.write_text(world.env["S2E_TOKEN"] + "\n", encoding="utf-8")
    world.once(S2E_TOKEN=None, S2E_TOKEN_FILE=str(secret))


def test_a_wrong_downstream_key_stops_writing_and_reading_goes_on(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    world.twin.people.edit(world.some("IN_PROGRESS"), title="Read all the same")
    done = world.syncd("once", "--json", S2E_SYNC_API_KEY="not-the-key")
    assert done.code == 77
    assert "SYNCD_S2E_SYNC_API_KEY" in done.err
    assert done.json["pushed_cmms"] == 1
    assert world.written() == written
    world.settle()
    assert world.twin.people.order(s2e_id)["status"] == "ON_HOLD"


def test_an_inactive_integration_pauses_pushes_and_reading_goes_on(world: World) -> None:
    s2e_ids = [o["id"] for o in world.twin.people.orders()][:5]
    for s2e_id in s2e_ids:
        world.sql("UPDATE work_orders SET root_cause = 'Rust' WHERE s2e_id = :id", id=s2e_id)
    world.twin.config.downstream_active = False
    posts = len(world.twin.ledger.requests("POST"))
    done = world.syncd("once", "--json")
    assert done.code == 77
    assert "Admin → Settings → Downstream Integration" in done.err
    assert done.json["s2e"]["observed"] > 0
    assert len(world.twin.ledger.requests("POST")) == posts + 1, "one is enough to know"
    world.twin.config.downstream_active = True
    world.settle()
    assert all(world.twin.people.order(i)["rootCause"] == "Rust" for i in s2e_ids)


def test_a_page_of_html_is_no_end_of_the_list(world: World) -> None:
    world.twin.faults.add("html", "GET", times=50)
    done = world.syncd("once")
    assert done.code == 69
    assert "not JSON" in done.err
    world.twin.faults.clear()
    world.once()
    assert world.syncd("status", "--json").json["orders"]["tombstones"] == 0


def test_a_root_cause_of_600_characters_is_cut_once_and_settles(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET root_cause = :t WHERE s2e_id = :id", t="x" * 600, id=s2e_id)
    world.settle()
    world.once()
    (call,) = world.writes(written)
    assert len(call.body["rootCause"]) == 500
    assert call.body["rootCause"].endswith("…")
    assert len(world.records()[s2e_id]["root_cause"]) == 600


def test_300_emoji_are_counted_as_the_server_counts_them(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET root_cause = :t WHERE s2e_id = :id", t="🔧" * 300, id=s2e_id)
    world.settle()
    (call,) = world.writes(written)
    assert call.body["rootCause"] == "🔧" * 249 + "…"


def test_a_text_that_is_too_long_is_parked_where_that_is_set(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET root_cause = :t WHERE s2e_id = :id", t="x" * 600, id=s2e_id)
    assert world.once(TEXT_OVERFLOW="park")["parked"] == 1
    assert world.written() == written


@pytest.mark.parametrize("hours", ["NaN", "-1", "many", "1e400"])
def test_hours_that_are_no_hours_park_their_field_and_nothing_else(
    world: World, hours: str
) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql(
        "UPDATE work_orders SET actual_hours = :h, status = 'ON_HOLD' WHERE s2e_id = :id",
        h=hours,
        id=s2e_id,
    )
    done = world.once()
    assert (done["pushed_s2e"], done["parked"]) == (1, 1)
    (call,) = world.writes(written)
    assert call.body == {"status": "ON_HOLD", "externalStatus": "ON_HOLD"}
    (parked,) = world.syncd("parked", "list", "--json").json
    assert (parked["field"], parked["reason"]) == ("actual_hours", "unreadable")
    world.sql("UPDATE work_orders SET actual_hours = 2.25 WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    assert world.twin.people.order(s2e_id)["actualHours"] == 2.25
    assert world.once()["parked"] == 0


def test_a_status_the_cmms_made_up_parks_its_field(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.sql("UPDATE work_orders SET status = 'WAITING' WHERE s2e_id = :id", id=s2e_id)
    assert world.once()["parked"] == 1
    assert world.twin.people.order(s2e_id)["status"] == "ASSIGNED"


def test_a_url_that_is_no_url_parks_its_field(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.sql("UPDATE work_orders SET url = 'ask Jane' WHERE s2e_id = :id", id=s2e_id)
    assert world.once()["parked"] == 1
    world.sql("UPDATE work_orders SET url = 'https://cmms.example/1' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    assert world.twin.people.order(s2e_id)["externalUrl"] == "https://cmms.example/1"


def test_a_garbage_mirror_is_refused_and_left_as_it_is(world: World) -> None:
    path = world.home / "other.db"
    path.write_bytes(b"this is not a database, not at all" * 100)
    done = world.syncd("once", DATABASE_URL=f"sqlite:///{path}")
    assert done.code == 65
    assert "other.db" in done.err
    assert path.read_bytes().startswith(b"this is not")


@pytest.mark.parametrize("args", [("once", "--bogus"), ("nosuch",), ("order", "show")])
def test_wrong_words_are_usage(make_world: MakeWorld, args: tuple[str, ...]) -> None:
    assert make_world().syncd(*args).code == 64


def test_an_unknown_order_is_said(world: World) -> None:
    assert world.syncd("order", "show", "wo_nobody").code == 64


def test_commands_ask_only_for_what_they_use(world: World) -> None:
    bare = dict.fromkeys(world.env) | {"DATABASE_URL": world.env["DATABASE_URL"]}
    for command in (("status",), ("version",), ("config", "show"), ("conflicts", "list")):
        assert world.syncd(*command, **bare).code == 0


def test_config_show_masks_every_secret(make_world: MakeWorld) -> None:
    world = make_world(env={"DATABASE_URL": "postgresql://me:hunter22@db/x?password=hunter22"})
    done = world.syncd("config", "show")
    assert done.code == 0
    for secret in ("twin-v1-token", "twin-downstream-token", "twin-downstream-key", "hunter22"):
        assert secret not in done.out + done.err


def test_the_second_once_waits_and_then_names_the_holder(make_world: MakeWorld) -> None:
    world = make_world()
    daemon = world.daemon()
    try:
        wait_until(lambda: any(e["event"] == "cycle.finished" for e in world.daemon_log()))
        done = world.syncd("once")
        assert done.code == 75
        assert f"pid {daemon.pid}" in done.err
        planned = world.syncd("plan")
        assert planned.code == 0
        assert "holds the lease" in planned.out
    finally:
        assert stop(daemon, signal.SIGTERM) == 0
