"""The settings of one environment: read, checked, and frozen."""

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from syncd.core import work_order
from syncd.core.work_order import Side
from syncd.errors import ConfigurationError
from syncd.settings.checks import Need, problems_of
from syncd.settings.environment import FILES, PREFIX, SECRETS, Environment, Owner, SecretName

M = TypeVar("M", bound=BaseModel)

ADAPTERS_PREFIX = "SYNCD_CMMS_"  # of the adapter's own options
_EXEMPT = ("SYNCD_TEST_", "SYNCD_PORT", "SYNCD_SERVICE_")  # Kubernetes injects the last two
_LATER = {"SYNCD_CONNECTIONS", "SYNCD_HTTP_LISTEN", "SYNCD_PING_URL"}


class Settings(Environment):
    """Every setting as a typed attribute, and where it comes from. Frozen.

    Attributes:
        origins: "environment" or "file", by the setting's name; a default is not in it.
        files: the file of each setting that was given as NAME_FILE.
        cmms_options: the adapter's own options, SYNCD_CMMS_…, by their names in lower case.
        environ: the variables that are not ours; a mapping's ${NAME} takes its value from them.
    """

    origins: Mapping[str, str]
    files: Mapping[str, Path]
    cmms_options: Mapping[str, str] = Field(repr=False)
    environ: Mapping[str, str] = Field(repr=False)

    @property
    def owners(self) -> dict[work_order.Field, Side | None]:
        """For each shared field the side that wins a conflict; None: a person decides."""
        owners: dict[work_order.Field, Owner] = {
            work_order.Field.STATUS: self.owner_status,
            work_order.Field.ROOT_CAUSE: self.owner_root_cause,
            work_order.Field.RESOLUTION: self.owner_resolution,
            work_order.Field.CLOSURE_NOTE: self.owner_closure_note,
            work_order.Field.COMPLETED_AT: self.owner_completed_at,
            work_order.Field.ACTUAL_HOURS: self.owner_actual_hours,
        }
        return {
            field: None if owner == "manual" else Side(owner) for field, owner in owners.items()
        }

    def secret(self, name: SecretName) -> Callable[[], str]:
        """Return what reads the secret; from its file each time, so that it can be rotated."""
        path = self.files.get(name)
        if path is None:
            return lambda: self.reveal(name)
        return lambda: _read_file(f"{PREFIX}{name.upper()}_FILE", path)

    def require(self, need: Need) -> None:
        """Raise ConfigurationError if a setting that `need` uses is not set."""
        problems = problems_of(self, {need})
        if problems:
            raise ConfigurationError("\n".join(problems))

    def secrets(self) -> list[str]:
        """Return the values that must never be shown."""
        values = [*map(self.reveal, sorted(SECRETS)), self.reveal("proxy")]
        return [value for value in values if value]


def load_settings(environ: Mapping[str, str], needs: Collection[Need] = ()) -> Settings:
    """Return the settings of this environment.

    Raises ConfigurationError: a line for each problem, which never holds a secret's value.
    """
    problems: list[str] = []
    names = {f"{PREFIX}{name.upper()}" for name in Environment.model_fields}
    file_names = {f"{PREFIX}{name.upper()}_FILE" for name in FILES}
    values: dict[str, str] = {}
    files: dict[str, Path] = {}
    options: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(_EXEMPT) or value == "":
            continue
        if name in names:
            values[name.removeprefix(PREFIX).lower()] = value
        elif name in file_names:
            files[name.removeprefix(PREFIX).removesuffix("_FILE").lower()] = Path(value)
        elif name in _LATER:
            problems.append(f"{name} is not supported by this version; unset it")
        elif name.startswith(ADAPTERS_PREFIX) and not _nearest(name, names | file_names, 0.9):
            options[name.removeprefix(ADAPTERS_PREFIX).lower()] = value
        else:
            problems.append(_unknown(name, names | file_names))
    origins = dict.fromkeys(values, "environment")
    for key, path in files.items():
        name = f"{PREFIX}{key.upper()}"
        if key in values:
            problems.append(f"{name} and {name}_FILE are both set; unset one of them")
            continue
        try:
            values[key] = _read_file(f"{name}_FILE", path)
            origins[key] = "file"
        except ConfigurationError as error:
            problems.append(str(error))
    others = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    try:
        settings = Settings.model_validate(
            values
            | {"origins": origins, "files": files, "cmms_options": options, "environ": others}
        )
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors(include_input=False)]
        raise ConfigurationError("\n".join(problems)) from None
    problems += problems_of(settings, needs)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def adapter_options(model: type[M], settings: Settings) -> M:
    """Return the adapter's own options, checked by its model. Raises ConfigurationError."""
    values = dict(settings.cmms_options)
    if settings.cmms_url is not None:
        values["url"] = settings.reveal("cmms_url")
    if settings.cmms_mapping is not None:
        values["mapping"] = settings.cmms_mapping
    names = {f"{ADAPTERS_PREFIX}{name.upper()}" for name in model.model_fields}
    problems = [
        _unknown(f"{ADAPTERS_PREFIX}{name.upper()}", names)
        for name in values
        if name not in model.model_fields
    ]
    if not problems:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            problems = [
                f"{ADAPTERS_PREFIX}{str(item['loc'][0]).upper() if item['loc'] else '?'}: "
                f"{item['msg']}"
                for item in error.errors(include_input=False)
            ]
    raise ConfigurationError("\n".join(problems))


def _read_file(name: str, path: Path) -> str:
    """Return a secret's file without its trailing line break."""
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
    nearest = _nearest(name, names, 0.6)
    hint = f"; did you mean {nearest}?" if nearest else "; `syncd config reference` lists them all"
    return f"{name} is not a setting{hint}"


def _nearest(name: str, names: Collection[str], cutoff: float) -> str | None:
    matches = difflib.get_close_matches(name, sorted(names), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def _problem(item: ErrorDetails) -> str:
    key = str(item["loc"][0]) if item["loc"] else "?"
    return f"{PREFIX}{key.upper()}: {item['msg'][0].lower()}{item['msg'][1:]}"
