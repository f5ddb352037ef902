"""The environment: every problem named, with its remedy, and no secret in any text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.work_order import Field, Side
from syncd.errors import ConfigurationError
from syncd.settings import Need, load_settings, masked_url, reference, shown

GOOD = {
    "SYNCD_S2E_TOKEN": "canary-token-1",
    "SYNCD_S2E_SYNC_TOKEN": "canary-token-2",
    "SYNCD_S2E_SYNC_API_KEY": "canary-key-3",
    "SYNCD_CMMS_ADAPTER": "sql",
}
ALL = tuple(Need)


def test_defaults_are_as_documented() -> None:
    settings = load_settings({})
    assert settings.s2e_url == "https://api.scan2evolve.com"
    assert settings.reveal("database_url") == "sqlite:///syncd.db"
    assert (settings.poll_every_s, settings.sweep_every_s, settings.cycle_deadline_s) == (
        60,
        3600,
        300,
    )
    assert (settings.cmms_mode, settings.cmms_create, settings.first_sync_max) == (
        "adopt",
        "open",
        200,
    )
    assert set(settings.owners.values()) == {Side.CMMS}


def test_a_whole_environment_is_read() -> None:
    settings = load_settings(
        GOOD
        | {
            "SYNCD_S2E_SITE_IDS": "site_1, site_2,",
            "SYNCD_OWNER_STATUS": "manual",
            "SYNCD_OWNER_ROOT_CAUSE": "s2e",
            "SYNCD_ALLOW_REOPEN": "0",
            "SYNCD_DRIFT": "",
            "HOME": "/root",
        },
        ALL,
    )
    assert settings.s2e_site_ids == ("site_1", "site_2")
    assert settings.owners[Field.STATUS] is None
    assert settings.owners[Field.ROOT_CAUSE] is Side.S2E
    assert settings.allow_reopen is False
    assert settings.drift == "report"


@pytest.mark.parametrize(
    "name", ["SYNCD_TEST_POSTGRES_URL", "SYNCD_PORT_80_TCP", "SYNCD_SERVICE_HOST"]
)
def test_foreign_names_are_left_alone(name: str) -> None:
    load_settings({name: "x"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SYNCD_POLL_EVRY_S", "SYNCD_POLL_EVERY_S"),
        ("SYNCD_S2E_TOKN", "SYNCD_S2E_TOKEN"),
        ("SYNCD_CMMS_ADAPTR", "SYNCD_CMMS_ADAPTER"),
        ("SYNCD_LOGLEVEL", "SYNCD_LOG_LEVEL"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one(name: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not a setting; did you mean {meant}"):
        load_settings({name: "canary"})


def test_all_problems_are_told_at_once_and_no_value() -> None:
    wrong = {
        "SYNCD_S2E_TOKEN": "canary with a space",
        "SYNCD_POLL_EVERY_S": "canary",
        "SYNCD_S2E_URL": "ftp://canary",
        "SYNCD_NONSENSE": "canary",
    }
    with pytest.raises(ConfigurationError) as caught:
        load_settings(wrong, ALL)
    text = str(caught.value)
    assert "canary" not in text
    assert {"SYNCD_POLL_EVERY_S", "SYNCD_NONSENSE"} <= set(text.replace(":", " ").split())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SYNCD_POLL_EVERY_S": "0"}, "SYNCD_POLL_EVERY_S"),
        ({"SYNCD_POLL_EVERY_S": "nan"}, "SYNCD_POLL_EVERY_S"),
        ({"SYNCD_GUARD_CHANGES_PERCENT": "101"}, "SYNCD_GUARD_CHANGES_PERCENT"),
        ({"SYNCD_FIRST_SYNC_MAX": "-1"}, "SYNCD_FIRST_SYNC_MAX"),
        ({"SYNCD_OWNER_STATUS": "me"}, "SYNCD_OWNER_STATUS"),
        ({"SYNCD_DRY_RUN": "perhaps"}, "SYNCD_DRY_RUN"),
        ({"SYNCD_S2E_URL": "http://api.example.com"}, "use https"),
        ({"SYNCD_S2E_URL": "https://u:canary@api.example.com"}, "credentials"),
        ({"SYNCD_S2E_URL": "http://169.254.169.254"}, "link-local"),
        ({"SYNCD_S2E_URL": "https://h:port"}, "SYNCD_S2E_URL"),
        ({"SYNCD_S2E_TOKEN": "nöt-ascii"}, "SYNCD_S2E_TOKEN"),
        ({"SYNCD_PING_URL": "https://x"}, "not supported by this version"),
        ({"SYNCD_S2E_TOKEN": None, "SYNCD_S2E_AUTH": "bearer"}, "SYNCD_S2E_TOKEN is not set"),
        ({"SYNCD_S2E_AUTH": "basic"}, "SYNCD_S2E_CLIENT_ID is not set"),
        ({"SYNCD_S2E_TOKEN": None, "SYNCD_S2E_CLIENT_ID": "x"}, "SYNCD_S2E_CLIENT_SECRET"),
        ({"SYNCD_S2E_SYNC_API_KEY": None}, "SYNCD_S2E_SYNC_API_KEY is not set"),
        ({"SYNCD_CMMS_ADAPTER": None}, "SYNCD_CMMS_ADAPTER is not set"),
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, str | None], said: str) -> None:
    told = {name: value for name, value in (GOOD | wrong).items() if value is not None}
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_settings(told, ALL)
    assert "canary" not in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_dry_run_needs_no_downstream_pair() -> None:
    told = {"SYNCD_S2E_TOKEN": "x", "SYNCD_CMMS_ADAPTER": "sql", "SYNCD_DRY_RUN": "1"}
    assert load_settings(told, ALL).dry_run


# ── files ─────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_read_without_its_line_break_and_again_when_it_is_rotated(
    tmp_path: Path,
) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xef\xbb\xbfcanary-one\r\n")
    settings = load_settings({"SYNCD_S2E_TOKEN_FILE": str(path)})
    token = settings.secret("s2e_token")
    assert token() == "canary-one"
    path.write_text("canary-two\n", encoding="utf-8")
    assert token() == "canary-two"


def test_a_name_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("canary", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="both set"):
        load_settings({"SYNCD_S2E_TOKEN": "canary", "SYNCD_S2E_TOKEN_FILE": str(path)})


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="SYNCD_S2E_TOKEN_FILE"):
        load_settings({"SYNCD_S2E_TOKEN_FILE": str(path)})


# ── what is shown ─────────────────────────────────────────────────────────────────────────


def test_no_secret_is_shown() -> None:
    settings = load_settings(
        GOOD
        | {
            "SYNCD_DATABASE_URL": "postgresql://me:canary-4@db/x?password=canary-5",
            "SYNCD_CMMS_URL": "postgresql://me:canary-6@db/x",
            "SYNCD_PROXY": "http://me:canary-7@proxy:3128",
            "SYNCD_CMMS_KEY": "canary-8",
        }
    )
    assert "canary" not in repr(settings) + str(shown(settings))
    assert settings.environ == {}
    origins = {name: origin for name, _, origin in shown(settings)}
    assert origins["SYNCD_S2E_TOKEN"] == "environment"
    assert origins["SYNCD_S2E_URL"] == "default"


def test_what_is_no_setting_is_kept_for_mappings_and_not_shown() -> None:
    settings = load_settings(GOOD | {"ACME_TOKEN": "canary-1"})
    assert settings.environ == {"ACME_TOKEN": "canary-1"}
    assert "canary" not in repr(settings) + str(shown(settings))


@given(st.text(alphabet="abc:@/?#[]", max_size=30))
def test_a_masked_url_never_holds_its_user_or_query(text: str) -> None:
    masked = masked_url(f"https://user:canary@host/{text}?key=canary")
    assert "canary" not in masked


@given(st.text(alphabet="abc:@/?#[]", max_size=10), st.text(alphabet="abc:@/?#[]", max_size=10))
def test_a_masked_url_never_holds_its_password(before: str, after: str) -> None:
    """It may hold what has to be written otherwise: the URL is refused, and shown all the same."""
    assert "canary" not in masked_url(f"postgresql://user:{before}canary{after}@host/db")


def test_every_setting_says_what_it_means() -> None:
    assert all(meaning and name.startswith("SYNCD_") for name, _, meaning in reference())
