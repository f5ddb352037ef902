"""The environment, read once into one frozen value. The only reader of the environment.

Every problem is reported, each in a line that names the setting and the remedy; no line holds
a secret's value. A command asks only for the settings that it uses (`Need`).
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from syncd.core.work_order import SHARED, Side
from syncd.core.work_order import Field as OrderField
from syncd.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)

PREFIX = "SYNCD_"
_EXEMPT = ("SYNCD_TEST_", "SYNCD_PORT", "SYNCD_SERVICE_")  # Kubernetes injects the last two
_LATER = {"SYNCD_CONNECTIONS", "SYNCD_HTTP_LISTEN", "SYNCD_PING_URL"}
_ADAPTERS_OWN = "SYNCD_CMMS_"
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class Need(StrEnum):
    """What a command uses."""

    S2E = "s2e"  # reading Scan2Evolve
    SYNC = "sync"  # writing to it
    CMMS = "cmms"


def _names(raw: Any) -> Any:
    return (
        [name.strip() for name in raw.split(",") if name.strip()] if isinstance(raw, str) else raw
    )


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Owner = Literal["cmms", "s2e", "manual"]
Seconds = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class _Environment(BaseSettings):
    """The settings as they are spelled: SYNCD_ and the name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
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
        900, description="age of the oldest change not yet across before health says no"
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
        """Values come from `load_settings` alone, which was handed the environment."""
        return (init_settings,)


SECRETS = frozenset(
    {"s2e_token", "s2e_client_id", "s2e_client_secret", "s2e_sync_token", "s2e_sync_api_key"}
)
URLS = frozenset({"s2e_url", "database_url", "cmms_url", "proxy"})
_FILES = SECRETS | URLS


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set, and where from.

    Attributes:
        told: the values, by the setting's name in lower case without its prefix.
        origins: per setting "default", "environment" or "file".
        cmms_options: the adapter's own options, SYNCD_CMMS_…, names in lower case.
        environ: what is no setting of ours: a mapping's ${NAME} takes from it.
    """

    told: _Environment
    origins: Mapping[str, str]
    files: Mapping[str, Path]
    cmms_options: Mapping[str, str]
    environ: Mapping[str, str] = dataclass_field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "told"), name)

    def __repr__(self) -> str:
        return "Settings(" + ", ".join(f"{name}={value}" for name, value, _ in shown(self)) + ")"

    @property
    def owners(self) -> dict[OrderField, Side | None]:
        """Per shared field the side that wins; None: a person decides."""
        chosen = {name: getattr(self.told, f"owner_{name.value}") for name in SHARED}
        return {name: None if it == "manual" else Side(it) for name, it in chosen.items()}

    def url(self, name: str) -> str:
        """A URL in full, as it is to be used; never to be shown."""
        value = getattr(self.told, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def secret(self, name: str) -> Callable[[], str]:
        """A secret, read again from its file each time, so that rotating it needs no restart."""
        path = self.files.get(name)
        if path is not None:
            return lambda: _read_file(f"{PREFIX}{name.upper()}_FILE", path)
        value = getattr(self.told, name)
        return lambda: value.get_secret_value() if value is not None else ""

    def require(self, need: Need) -> None:
        """Raise ConfigurationError if what `need` uses is not set."""
        problems = _check(self, {need})
        if problems:
            raise ConfigurationError("\n".join(problems))

    def secrets(self) -> list[str]:
        """The values that must never be shown."""
        values = [getattr(self.told, name) for name in sorted(SECRETS | {"proxy"})]
        return [value.get_secret_value() for value in values if value is not None]


def load_settings(environ: Mapping[str, str], needs: Collection[Need] = ()) -> Settings:
    """The settings of this environment.

    Raises ConfigurationError with one line for each problem.
    """
    problems: list[str] = []
    names = {f"{PREFIX}{name.upper()}" for name in _Environment.model_fields}
    file_names = {f"{PREFIX}{name.upper()}_FILE" for name in _FILES}
    given: dict[str, Any] = {}
    files: dict[str, Path] = {}
    options: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(_EXEMPT) or value == "":
            continue
        if name in names:
            given[name.removeprefix(PREFIX).lower()] = value
        elif name in file_names:
            files[name.removeprefix(PREFIX).removesuffix("_FILE").lower()] = Path(value)
        elif name in _LATER:
            problems.append(f"{name} is not supported by this version; unset it")
        elif name.startswith(_ADAPTERS_OWN) and not _near(name, names | file_names, 0.9):
            options[name.removeprefix(_ADAPTERS_OWN).lower()] = value
        else:
            problems.append(_unknown(name, names | file_names))
    origins = dict.fromkeys(given, "environment")
    for key, path in files.items():
        name = f"{PREFIX}{key.upper()}"
        if key in given:
            problems.append(f"{name} and {name}_FILE are both set; unset one of them")
            continue
        try:
            given[key] = _read_file(f"{name}_FILE", path)
            origins[key] = "file"
        except ConfigurationError as error:
            problems.append(str(error))
    try:
        told = _Environment(**given)
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors(include_input=False)]
        raise ConfigurationError("\n".join(problems)) from None
    others = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    settings = Settings(told, origins, files, options, others)
    problems += _check(settings, set(needs))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _read_file(name: str, path: Path) -> str:
    """A secret's file: one trailing line break is not part of it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"{name}: {path} cannot be read: {why}") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ConfigurationError(f"{name}: {path} is empty; write the value into it")
    return value


def _unknown(name: str, names: Collection[str]) -> str:
    near = _near(name, names, 0.6)
    hint = f"; did you mean {near}?" if near else "; `syncd config reference` lists them all"
    return f"{name} is not a setting{hint}"


def _near(name: str, names: Collection[str], cutoff: float) -> str | None:
    found = difflib.get_close_matches(name, sorted(names), n=1, cutoff=cutoff)
    return found[0] if found else None


def _problem(item: Any) -> str:
    key = str(item["loc"][0]) if item["loc"] else "?"
    return f"{PREFIX}{key.upper()}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _check(settings: Settings, needs: set[Need]) -> list[str]:
    problems = [
        f"{PREFIX}{name.upper()} holds a space, line break or control character; "
        "copy it again without"
        for name in sorted(SECRETS)
        if (value := getattr(settings.told, name)) is not None
        and (_CONTROL.search(value.get_secret_value()) or not value.get_secret_value().isascii())
    ]
    problems += _check_s2e_url(settings)
    if Need.S2E in needs:
        problems += _check_reading_pair(settings)
    if Need.SYNC in needs and not settings.dry_run:
        problems += [
            f"{PREFIX}{name.upper()} is not set; it is in Scan2Evolve, Admin → Settings → "
            "Downstream Integration (or set SYNCD_DRY_RUN=1 to write nothing)"
            for name in ("s2e_sync_token", "s2e_sync_api_key")
            if getattr(settings.told, name) is None
        ]
    if Need.CMMS in needs and settings.cmms_adapter is None:
        problems.append(
            "SYNCD_CMMS_ADAPTER is not set; name the CMMS's adapter, for example "
            "SYNCD_CMMS_ADAPTER=sql with SYNCD_CMMS_URL=sqlite:///cmms.db"
        )
    return problems


def _check_s2e_url(settings: Settings) -> list[str]:
    name = "SYNCD_S2E_URL"
    try:
        parts = urlsplit(settings.s2e_url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return [f"{name} is not a URL; an example: https://api.scan2evolve.com"]
    if parts.scheme not in {"http", "https"} or not host:
        return [f"{name} is not an http or https URL; an example: https://api.scan2evolve.com"]
    if parts.username or parts.password or parts.query:
        return [f"{name} holds credentials or a query; they belong into settings of their own"]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None and address.is_link_local:
        return [f"{name} is a link-local address, which is never Scan2Evolve's"]
    loopback = host == "localhost" or (address is not None and address.is_loopback)
    if parts.scheme == "http" and not loopback and not settings.allow_http:
        return [f"{name} is http, which shows the credentials to the network; use https"]
    return []


def _check_reading_pair(settings: Settings) -> list[str]:
    pair = [
        f"{PREFIX}{n.upper()}"
        for n in ("s2e_client_id", "s2e_client_secret")
        if getattr(settings.told, n) is None
    ]
    if settings.s2e_auth == "bearer" or (settings.s2e_auth == "auto" and len(pair) == 2):
        if settings.s2e_token is None:
            pair_too = "SYNCD_S2E_CLIENT_ID and SYNCD_S2E_CLIENT_SECRET"
            return [f"SYNCD_S2E_TOKEN is not set; set it, or {pair_too}"]
        return []
    if settings.s2e_auth == "auto" and settings.s2e_token is not None:
        return []
    return [f"{name} is not set; SYNCD_S2E_AUTH={settings.s2e_auth} needs it" for name in pair]


def adapter_options(model: type[M], settings: Settings) -> M:
    """The adapter's own options, checked by its model. Raises ConfigurationError."""
    given: dict[str, Any] = dict(settings.cmms_options)
    if settings.told.cmms_url is not None:
        given["url"] = settings.url("cmms_url")
    if settings.cmms_mapping is not None:
        given["mapping"] = settings.cmms_mapping
    names = {f"{_ADAPTERS_OWN}{name.upper()}" for name in model.model_fields}
    problems = [
        _unknown(f"{_ADAPTERS_OWN}{name.upper()}", names)
        for name in given
        if name not in model.model_fields
    ]
    if not problems:
        try:
            return model.model_validate(given)
        except ValidationError as error:
            problems = [
                f"{_ADAPTERS_OWN}{str(item['loc'][0]).upper() if item['loc'] else '?'}: "
                f"{item['msg']}"
                for item in error.errors(include_input=False)
            ]
    raise ConfigurationError("\n".join(problems))


# ── for people ────────────────────────────────────────────────────────────────────────────


def shown(settings: Settings) -> list[tuple[str, str, str]]:
    """(name, value, origin) of every setting; secrets and the hidden parts of URLs masked."""
    rows = []
    for key in _Environment.model_fields:
        value = getattr(settings.told, key)
        if value is None or value == ():
            text = ""
        elif key in SECRETS:
            text = "***"
        elif key in URLS:
            text = masked_url(settings.url(key))
        elif isinstance(value, bool):
            text = "1" if value else "0"
        elif isinstance(value, tuple):
            text = ",".join(value)
        else:
            text = f"{value:g}" if isinstance(value, float) else str(value)
        rows.append((f"{PREFIX}{key.upper()}", text, settings.origins.get(key, "default")))
    rows += [
        (f"{_ADAPTERS_OWN}{key.upper()}", "***", "environment") for key in settings.cmms_options
    ]
    return rows


def masked_url(url: str) -> str:
    """A URL without what may be secret in it: user, password, query."""
    shorter = re.sub(r"//[^/@]*@", "//***@", url)
    return re.sub(r"[?#].*$", "?***", shorter)


def reference() -> list[tuple[str, str, str]]:
    """(name, default, meaning) of every setting; the source of docs/settings.md."""
    rows = []
    for key, field in _Environment.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if isinstance(default, bool):
            default = int(default)
        text = "" if default is None or default == () else str(default)
        also = " (also as …_FILE)" if key in _FILES else ""
        rows.append((f"{PREFIX}{key.upper()}", text, f"{field.description}{also}"))
    return rows
