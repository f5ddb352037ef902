"""What can be set: the name, type, default and meaning of every setting. A new one begins here."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "SYNCD_"


SecretName = Literal[
    "s2e_token", "s2e_client_id", "s2e_client_secret", "s2e_sync_token", "s2e_sync_api_key"
]
UrlName = Literal["s2e_url", "database_url", "cmms_url", "proxy"]
SECRETS: frozenset[SecretName] = frozenset(get_args(SecretName))
URLS: frozenset[UrlName] = frozenset(get_args(UrlName))
FILES = SECRETS | URLS  # what can be read from a file, too


def _split(raw: object) -> object:
    """Split a comma-separated text into its names."""
    if not isinstance(raw, str):
        return raw
    return [name.strip() for name in raw.split(",") if name.strip()]


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Owner = Literal["cmms", "s2e", "manual"]
Seconds = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Environment(BaseSettings):
    """The settings. The environment's name of each is SYNCD_ and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        enable_decoding=False,
    )

    s2e_url: str = Field("https://api.scan2evolve.com", description="Scan2Evolve's address")
    s2e_token: SecretStr | None = Field(None, description="Bearer token for reading")
    s2e_client_id: SecretStr | None = Field(None, description="instead of a token")
    s2e_client_secret: SecretStr | None = Field(None, description="belongs to the client id")
    s2e_auth: Literal["auto", "bearer", "basic", "client_credentials"] = Field(
        "auto",
        description="how to sign in for reading; auto: a token if set, else client_credentials",
    )
    s2e_sync_token: SecretStr | None = Field(
        None, description="the downstream pair's token, for writing to Scan2Evolve"
    )
    s2e_sync_api_key: SecretStr | None = Field(None, description="the downstream pair's X-API-KEY")
    s2e_site_ids: Names = Field((), description="only orders of these sites, comma-separated")
    s2e_asset_ids: Names = Field((), description="only orders of these assets, comma-separated")
    s2e_read_lag_s: float = Field(
        60, ge=0, allow_inf_nan=False, description="seconds for which a read may lag a write"
    )
    s2e_longest_request_s: float = Field(
        30,
        ge=0,
        le=86400,
        description="seconds for which a request may be at work that nobody waits for any more",
    )
    s2e_requests_per_minute: int | None = Field(
        None, ge=1, description="an own cap besides the server's rate headers"
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///syncd.db"), description="the mirror: sqlite:///… or postgresql://…"
    )
    cmms_adapter: str | None = Field(
        None,
        description="sql, rest, odoo, package.module:Class, or an entry point of group "
        "syncd.adapters",
    )
    cmms_url: SecretStr | None = Field(None, description="where the CMMS is")
    cmms_mapping: str | None = Field(None, description="a mapping file, for adapters that take one")
    cmms_sandbox: bool = Field(
        False,
        description="1: this CMMS is for trying; `syncd adapter test` touches no other",
    )
    cmms_mode: Literal["adopt", "create"] = Field(
        "adopt", description="adopt: link what appears in the CMMS; create: make what is missing"
    )
    cmms_create: Literal["open", "all"] = Field(
        "open", description="in create mode: open orders only, or all"
    )
    first_sync_max: int = Field(
        200, ge=0, description="records created before a person must release the guard"
    )
    owner_status: Owner = Field("cmms", description="who wins a conflict: cmms, s2e or manual")
    owner_root_cause: Owner = Field("cmms", description="the same, for rootCause")
    owner_resolution: Owner = Field("cmms", description="the same, for resolution")
    owner_closure_note: Owner = Field("cmms", description="the same, for closureNote")
    owner_completed_at: Owner = Field("cmms", description="the same, for completedAt")
    owner_actual_hours: Owner = Field("cmms", description="the same, for actualHours")
    allow_reopen: bool = Field(True, description="0 parks edits away from a terminal status")
    drift: Literal["report", "overwrite"] = Field(
        "report", description="CMMS edits to fields that Scan2Evolve owns"
    )
    text_overflow: Literal["truncate", "park"] = Field(
        "truncate", description="text over Scan2Evolve's documented limit"
    )
    guard_changes_percent: int = Field(
        30, ge=1, le=100, description="share of the linked orders that may change at once"
    )
    guard_changes_min: int = Field(50, ge=0, description="so many may always change at once")
    poll_every_s: Seconds = Field(60, description="seconds between cycles")
    sweep_every_s: Seconds = Field(3600, description="seconds between whole reads of the list")
    cycle_deadline_s: Seconds = Field(300, description="seconds after which a cycle ends")
    freshness_slo_s: Seconds = Field(
        900,
        description="age of the oldest change not yet across, or of the last good read of a side "
        "that cannot be read, before health says no",
    )
    retention_days: int = Field(90, ge=1, description="days the journal is kept")
    dry_run: bool = Field(False, description="1: observe and plan, write nothing on either side")
    ca_bundle: Path | None = Field(None, description="a file of CA certificates to trust")
    proxy: SecretStr | None = Field(None, description="the only proxy that is used")
    allow_http: bool = Field(False, description="1 allows http:// to other than loopback")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else json"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load_settings` alone, which was handed the environment."""
        return (init_settings,)

    def reveal(self, name: SecretName | UrlName) -> str:
        """Return a secret or a URL in full, to be used and never shown; "" if it is not set."""
        value: str | SecretStr | None = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else value or ""


def reference() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of every setting; the reference page is made of them."""
    rows = []
    for key, field in Environment.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if isinstance(default, bool):
            default = int(default)
        text = "" if default is None or default == () else str(default)
        also = " (also as …_FILE)" if key in FILES else ""
        rows.append((f"{PREFIX}{key.upper()}", text, f"{field.description}{also}"))
    return rows
