"""The odoo adapter's options: read from the environment, checked against Odoo, documented."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from syncd.cmms.load import AdapterContext, find_adapter
from syncd.cmms.odoo.adapter import OdooAdapter
from syncd.cmms.odoo.model import Stage, stage_map
from syncd.cmms.odoo.options import OdooOptions, setting
from syncd.core.work_order import Field, Status
from syncd.errors import ConfigurationError
from syncd.settings import adapter_options, load_settings
from tests.cmms.odoo_bench import NAMES, make_odoo, make_options, served
from tests.conftest import utcnow

CONTEXT = AdapterContext(may_write=True, utcnow=utcnow)
GIVEN = {
    "url": "https://odoo.example.com",
    "database": "plant",
    "login": "sync@example.com",
    "api_key": "k",
}
STAGES = [
    Stage(7, "New", False),
    Stage(3, "Planned", False),
    Stage(4, "Doing", False),
    Stage(9, "Done", True),
    Stage(8, "Scrap", True),
]


def read(**named: str) -> OdooOptions:
    environ = {f"SYNCD_CMMS_{name.upper()}": value for name, value in named.items()}
    settings = load_settings({"SYNCD_CMMS_ADAPTER": "odoo", **environ})
    return adapter_options(OdooOptions, settings)


def made(**options: Any) -> OdooAdapter:
    return OdooAdapter.from_options(OdooOptions.model_validate({**GIVEN, **options}), CONTEXT)


def test_it_is_found_by_its_name() -> None:
    found: object = find_adapter("odoo")
    assert found is OdooAdapter


def test_every_option_is_read_from_the_environment() -> None:
    """None of them is near enough to another setting to be taken for a slip."""
    values = {
        name: {
            "overlap_minutes": "20",
            "longest_call_s": "120",
            "page_size": "50",
            "protocol": "json2",
        }.get(name, "2, 3" if name.startswith("stage_") else "x_y")
        for name in OdooOptions.model_fields
        if name != "read_only"
    }
    options = read(**values, read_only="status,asset_code")
    assert options.stage_draft == (2, 3)
    assert options.read_only == (Field.STATUS, Field.ASSET_CODE)
    assert options.overlap_minutes == 20
    assert options.longest_call_s == 120
    assert options.field_root_cause == "x_y"


def test_every_option_is_documented() -> None:
    page = Path("docs/reference/odoo.md").read_text(encoding="utf-8")
    names = [setting(name) for name in OdooOptions.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"stage_draft": "new"}, "SYNCD_CMMS_STAGE_DRAFT"),
        ({"overlap_minutes": "0"}, "SYNCD_CMMS_OVERLAP_MINUTES"),
        ({"protocol": "xmlrpc"}, "SYNCD_CMMS_PROTOCOL"),
        ({"field_root_cause": "Root cause"}, "technical name"),
        ({"read_only": "titel"}, "SYNCD_CMMS_READ_ONLY"),
        ({"field_actual_hour": "x"}, "did you mean SYNCD_CMMS_FIELD_ACTUAL_HOURS"),
        ({"password": "x"}, "is not a setting"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(named: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(**named)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": None}, "SYNCD_CMMS_URL is not set"),
        ({"url": "http://odoo.example.com"}, "SYNCD_CMMS_URL is http"),
        ({"url": "https://[odoo"}, "URL cannot be used"),
        ({"url": "https://me:pw@odoo.example.com"}, "holds credentials"),
        ({"database": None}, "SYNCD_CMMS_DATABASE is not set"),
        ({"login": None}, "SYNCD_CMMS_LOGIN is not set"),
        ({"api_key": None}, "SYNCD_CMMS_API_KEY is not set"),
        ({"api_key_file": "/x"}, "both set"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        made(**options)


def test_a_url_with_credentials_is_refused_without_any_part_of_them() -> None:
    """The host of this URL is a part of the password."""
    with pytest.raises(ConfigurationError, match="holds credentials") as refused:
        made(url="https://me:top@secret/word@odoo.example.com")
    assert not [part for part in ("top", "secret", "word") if part in str(refused.value)]


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://127.0.0.1:8069", {}),
        ("http://localhost:8069", {}),
        ("http://odoo.example.com", {"allow_http": True}),
    ],
)
def test_plain_http_is_for_this_machine_or_allowed(url: str, more: dict[str, Any]) -> None:
    context = AdapterContext(may_write=True, utcnow=utcnow, **more)
    OdooAdapter.from_options(make_options(url), context).close()


def test_json_2_needs_the_key_alone() -> None:
    made(protocol="json2", database=None, login=None).close()


@pytest.mark.parametrize("content", [None, b"", b"a\nb", b"\xff"])
def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    adapter = made(url="http://127.0.0.1:1", api_key=None, api_key_file=str(path))
    with pytest.raises(ConfigurationError, match="SYNCD_CMMS_API_KEY_FILE"):
        adapter.get("1")
    adapter.close()


def test_the_key_is_not_shown() -> None:
    options = OdooOptions.model_validate({**GIVEN, "api_key": "s3cret"})
    assert "s3cret" not in repr(options)
    with pytest.raises(ValidationError) as caught:
        OdooOptions.model_validate({**GIVEN, "api_key": ["s3cret"]})
    assert "s3cret" not in str(caught.value)


# ── against Odoo's own fields ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"field_actual_hours": "x_none"}, "SYNCD_CMMS_FIELD_ACTUAL_HOURS: .* has no field x_none"),
        ({"field_actual_hours": "x_s2e_id"}, "x_s2e_id is of type char; it has to be float"),
        ({"field_completed_at": "close_date"}, "type date; it has to be datetime"),
        ({"field_root_cause": "x_locked"}, "x_locked is read-only in Odoo"),
        ({"equipment_by": "x_none"}, "SYNCD_CMMS_EQUIPMENT_BY: maintenance.equipment has no"),
        ({"stage_completed": "77"}, "SYNCD_CMMS_STAGE_COMPLETED: there is no stage 77"),
    ],
)
def test_an_option_that_odoo_does_not_bear_out_is_named(options: dict[str, str], told: str) -> None:
    odoo = make_odoo()
    odoo.add_field("x_locked", "char", readonly=True)
    with (
        served(odoo, **options) as (_server, adapter),
        pytest.raises(ConfigurationError, match=told),
    ):
        list(adapter.fetch(None))


def test_a_field_that_is_read_only_in_odoo_can_be_read() -> None:
    odoo = make_odoo()
    odoo.add_field("x_locked", "float", readonly=True)
    options = {"field_actual_hours": "x_locked", "read_only": "actual_hours"}
    with served(odoo, **options) as (_server, adapter):
        assert adapter.check()
        assert Field.ACTUAL_HOURS in adapter.capabilities.reads - adapter.capabilities.writes


def test_a_field_without_a_name_is_neither_read_nor_written() -> None:
    with served(make_odoo()) as (_server, bare), served(make_odoo(), **NAMES) as (_other, full):
        gained = full.capabilities.reads - bare.capabilities.reads
        assert gained == full.capabilities.writes - bare.capabilities.writes
        assert gained >= {Field.ACTUAL_HOURS, Field.ROOT_CAUSE, Field.RESOLUTION}


# ── stages ────────────────────────────────────────────────────────────────────────────────


def test_stages_stand_for_what_their_place_says() -> None:
    found = stage_map(STAGES, {})
    assert found.stands_for == {
        7: (Status.DRAFT, Status.ASSIGNED),
        3: (Status.IN_PROGRESS,),
        9: (Status.COMPLETED,),
        8: (Status.COMPLETED,),
    }
    assert found.target[Status.COMPLETED] == 9
    assert "4 Doing stands for nothing" in found.described()


def test_a_stage_that_was_chosen_is_taken_from_the_others() -> None:
    chosen = {
        Status.ASSIGNED: (3,),
        Status.IN_PROGRESS: (4,),
        Status.CANCELLED: (8,),
    }
    found = stage_map(STAGES, chosen)
    assert found.stands_for == {
        7: (Status.DRAFT,),
        3: (Status.ASSIGNED,),
        4: (Status.IN_PROGRESS,),
        9: (Status.COMPLETED,),
        8: (Status.CANCELLED,),
    }
    assert found.target == {
        Status.DRAFT: 7,
        Status.ASSIGNED: 3,
        Status.IN_PROGRESS: 4,
        Status.COMPLETED: 9,
        Status.CANCELLED: 8,
    }


def test_an_odoo_without_stages_stands_for_nothing() -> None:
    assert stage_map([], {}).target == {}
