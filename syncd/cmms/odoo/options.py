"""The options of the `odoo` adapter: SYNCD_CMMS_… and the option's name in capitals."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic import Field as Option

from syncd.core.work_order import Field, Status
from syncd.errors import ConfigurationError
from syncd.http import DEADLINE_S

PREFIX = "SYNCD_CMMS_"
_TEXTS = ("char", "text", "html")
_NAME = re.compile(r"[a-z][a-z0-9_]*")

# Our fields for which a customer names a field of Odoo, and the types that this field may have.
NAMED: Mapping[Field, tuple[str, ...]] = MappingProxyType(
    {
        Field.S2E_ID: ("char",),
        Field.EXTERNAL_ID: ("char",),
        Field.ACTUAL_HOURS: ("float",),
        Field.ESTIMATED_HOURS: ("float",),
        Field.ROOT_CAUSE: _TEXTS,
        Field.RESOLUTION: _TEXTS,
        Field.CLOSURE_NOTE: _TEXTS,
        Field.COMPLETED_AT: ("datetime",),
        Field.STARTED_AT: ("datetime",),
        Field.LOCATION: _TEXTS,
    }
)


def _list(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    return [part.strip() for part in raw.split(",") if part.strip()]


def _name(raw: Any) -> Any:
    if isinstance(raw, str) and not _NAME.fullmatch(raw):
        raise ValueError("is not a field's technical name, like x_s2e_actual_hours")
    return raw


Ids = Annotated[tuple[int, ...], BeforeValidator(_list)]
Fields = Annotated[tuple[Field, ...], BeforeValidator(_list)]
Named = Annotated[str | None, BeforeValidator(_name)]


def _stage(status: str) -> Any:
    return Option(
        (), description=f"ids of the stages that stand for {status}; the first is written"
    )


def _field(what: str) -> Any:
    return Option(None, description=f"the field that holds {what}")


class OdooOptions(BaseModel):
    """The options. docs/reference/odoo.md shows each `description`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    url: str | None = Option(None, repr=False, description="Odoo's address")
    database: str | None = Option(None, description="the database's name")
    login: str | None = Option(None, description="the user's login; JSON-RPC only")
    api_key: SecretStr | None = Option(None, description="the user's API key")
    api_key_file: Path | None = Option(
        None, description="a file that holds the API key; it is read again for every call"
    )
    protocol: Literal["jsonrpc", "json2"] = Option(
        "jsonrpc", description="jsonrpc for Odoo 16 to 18, json2 from Odoo 19"
    )
    language: str | None = Option(
        None, description="the language of stage names, like fr_FR; without it their source"
    )
    longest_call_s: float = Option(
        DEADLINE_S,
        ge=DEADLINE_S,
        le=86400,
        allow_inf_nan=False,
        description="seconds for which Odoo may work on a call although nobody waits for its "
        "answer any more (`limit_time_real`); a create in doubt waits as long",
    )
    overlap_minutes: float = Option(
        15,
        ge=1,
        le=1440,
        allow_inf_nan=False,
        description="minutes before the last read that are read again; longer than the longest "
        "transaction in Odoo, an import for example",
    )
    page_size: int = Option(100, ge=1, le=1000, description="records in one answer")
    stage_draft: Ids = _stage("DRAFT")
    stage_assigned: Ids = _stage("ASSIGNED")
    stage_in_progress: Ids = _stage("IN_PROGRESS")
    stage_on_hold: Ids = _stage("ON_HOLD")
    stage_completed: Ids = _stage("COMPLETED")
    stage_cancelled: Ids = _stage("CANCELLED")
    field_s2e_id: Named = Option(
        None,
        description="the field that holds the Scan2Evolve id; without it, Odoo's external "
        "identifiers do",
    )
    field_external_id: Named = Option(
        None, description="the field with the number that people use, like code; else the id"
    )
    field_actual_hours: Named = _field("actualHours (Float)")
    field_estimated_hours: Named = Option("duration", description="the one for estimatedHours")
    field_root_cause: Named = _field("rootCause (Char, Text or Html)")
    field_resolution: Named = _field("resolution (Char, Text or Html)")
    field_closure_note: Named = _field("closureNote (Char, Text or Html)")
    field_completed_at: Named = Option(
        None,
        description="the field that holds completedAt (Datetime); without it close_date, a day",
    )
    field_started_at: Named = _field("startedAt (Datetime)")
    field_location: Named = _field("location (Char, Text or Html)")
    equipment_by: Named = Option(
        None,
        description="the equipment's field that finds it, and so lets assets be written: "
        "serial_no or another for the asset's code, name for its name",
    )
    read_only: Fields = Option((), description="fields of ours that are read and never written")

    def named(self) -> dict[Field, str]:
        """The fields of Odoo that the options name, by our field."""
        fields = {name: getattr(self, f"field_{name.value}") for name in NAMED}
        return {name: field for name, field in fields.items() if field is not None}

    def stages(self) -> dict[Status, tuple[int, ...]]:
        """The ids of the stages that the options name, by status."""
        chosen = {status: getattr(self, f"stage_{status.value.lower()}") for status in Status}
        return {status: ids for status, ids in chosen.items() if ids}

    def key(self) -> Callable[[], str]:
        """A function that returns the API key. It reads the key's file each time, so that a new
        key needs no restart.

        Raises ConfigurationError if there is none, or both.
        """
        if self.api_key is not None and self.api_key_file is not None:
            raise ConfigurationError(
                "SYNCD_CMMS_API_KEY and SYNCD_CMMS_API_KEY_FILE are both set; unset one of them"
            )
        if self.api_key is not None:
            secret = self.api_key
            return lambda: _checked(secret.get_secret_value(), "SYNCD_CMMS_API_KEY")
        if self.api_key_file is not None:
            path = self.api_key_file
            return lambda: _read(path)
        raise ConfigurationError(
            "SYNCD_CMMS_API_KEY is not set; it is made in Odoo, in the user's own preferences, "
            "Account Security, New API Key"
        )


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"SYNCD_CMMS_API_KEY_FILE: {path} cannot be read: {why}") from None
    return _checked(text.removesuffix("\n").removesuffix("\r"), "SYNCD_CMMS_API_KEY_FILE")


def _checked(key: str, setting: str) -> str:
    if not key or not key.isprintable():
        raise ConfigurationError(
            f"{setting} is empty or holds a line break or control character; copy the key again"
        )
    return key


def setting(option: str) -> str:
    return PREFIX + option.upper()
