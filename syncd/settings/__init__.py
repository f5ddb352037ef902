"""The environment, read once into one frozen value. The only reader of the environment.

Every problem is reported, each in a line that names the setting and the remedy; no line holds
a secret's value. A command asks only for the settings that it uses (`Need`).
"""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from syncd.core.work_order import SHARED, Field, Side
from syncd.errors import ConfigurationError
from syncd.settings.checks import Need, problems_of
from syncd.settings.environment import FILES, PREFIX, SECRETS, URLS, Environment, reference

__all__ = [
    "URLS",
    "Need",
    "Settings",
    "adapter_options",
    "load_settings",
    "masked_url",
    "reference",
    "shown",
]

M = TypeVar("M", bound=BaseModel)

_EXEMPT = ("SYNCD_TEST_", "SYNCD_PORT", "SYNCD_SERVICE_")  # Kubernetes injects the last two
_LATER = {"SYNCD_CONNECTIONS", "SYNCD_HTTP_LISTEN", "SYNCD_PING_URL"}
_ADAPTERS_OWN = "SYNCD_CMMS_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set, and where from.

    Attributes:
        told: the values, by the setting's name in lower case without its prefix.
        origins: per setting "default", "environment" or "file".
        cmms_options: the adapter's own options, SYNCD_CMMS_…, names in lower case.
        environ: what is no setting of ours: a mapping's ${NAME} takes from it.
    """

    told: Environment
    origins: Mapping[str, str]
    files: Mapping[str, Path]
    cmms_options: Mapping[str, str]
    environ: Mapping[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "told"), name)

    def __repr__(self) -> str:
        return "Settings(" + ", ".join(f"{name}={value}" for name, value, _ in shown(self)) + ")"

    @property
    def owners(self) -> dict[Field, Side | None]:
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
        problems = problems_of(self.told, {need})
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
    names = {f"{PREFIX}{name.upper()}" for name in Environment.model_fields}
    file_names = {f"{PREFIX}{name.upper()}_FILE" for name in FILES}
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
        told = Environment(**given)
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors(include_input=False)]
        raise ConfigurationError("\n".join(problems)) from None
    others = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    settings = Settings(told, origins, files, options, others)
    problems += problems_of(told, needs)
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
    for key in Environment.model_fields:
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
