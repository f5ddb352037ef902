"""Find an adapter by name, entry point or dotted path. All three are equal."""

import difflib
import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from pydantic import BaseModel

from syncd.cmms.port import CmmsAdapter, close, mapping_hash
from syncd.errors import ConfigurationError

GROUP = "syncd.adapters"
_SHIPPED = {
    "odoo": "syncd.cmms.odoo.adapter:OdooAdapter",
    "rest": "syncd.cmms.rest.adapter:RestAdapter",
    "sql": "syncd.cmms.sql.adapter:SqlAdapter",
}
_SETTING = "SYNCD_CMMS_ADAPTER"
_METHODS = ("from_options", "fetch", "get", "find", "create", "update")
_DATA = ("name", "capabilities")


def _sleep(seconds: float) -> bool:
    time.sleep(max(seconds, 0.0))
    return True


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What the program hands every adapter.

    Attributes:
        may_write: False for plan, check and dry runs: nothing may be made or changed.
        allow_http: whether a CMMS beyond this machine may be spoken to in the clear.
        environ: what a mapping's ${NAME} may take; whoever needs more than that is handed it.
        hide: told what may never be shown, such as a secret that a mapping takes from there.
        wait: sleeps that many seconds; False if it was cut short because we are to stop.
        left_s: how many seconds the cycle has left for waiting.
    """

    may_write: bool
    utcnow: Callable[[], datetime]
    ca_bundle: str | None = None
    proxy: str | None = None
    allow_http: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    hide: Callable[[str], None] = lambda _secret: None
    wait: Callable[[float], bool] = _sleep
    monotonic: Callable[[], float] = time.monotonic
    left_s: Callable[[], float] = lambda: math.inf


class AdapterClass(Protocol):
    """An adapter's class: its options model, and how it is made from it."""

    Options: type[BaseModel]

    @classmethod
    def from_options(cls, options: Any, context: AdapterContext) -> CmmsAdapter: ...


def known_adapters() -> dict[str, str]:
    """The names of the adapters that are installed, and where their classes are."""
    return {point.name: point.value for point in entry_points(group=GROUP)} | _SHIPPED


def find_adapter(name: str) -> AdapterClass:
    """The adapter class called `name`. Raises ConfigurationError naming the ones there are."""
    known = known_adapters()
    path = known.get(name, name)
    if ":" not in path:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"{_SETTING}: there is no adapter {name!r}; {hint}"
            f"there are {', '.join(sorted(known))}, or package.module:Class"
        )
    try:
        found = resolve_name(path)
    except (Exception, SystemExit) as error:  # a module may fail in any way while it is imported
        raise ConfigurationError(
            f"{_SETTING}: {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    lacking = _lacking(found)
    if lacking:
        raise ConfigurationError(f"{_SETTING}: {path} is no adapter; it lacks {', '.join(lacking)}")
    return cast("AdapterClass", found)


def make_adapter(found: AdapterClass, options: BaseModel, context: AdapterContext) -> CmmsAdapter:
    """The adapter of this class. Raises ConfigurationError, also for one that its class did not
    show to lack something: what `__init__` sets is seen only on what it has made."""
    made = found.from_options(options, context)
    if mapping_hash(made) and not callable(getattr(made, "read_native", None)):
        close(made)
        kind = type(made)
        raise ConfigurationError(
            f"{_SETTING}: {kind.__module__}:{kind.__qualname__} is no adapter; it has a "
            "mapping_hash and lacks read_native"
        )
    return made


def _lacking(found: object) -> list[str]:
    """What an adapter has to have and this has not; data may also be just annotated."""
    if not inspect.isclass(found):
        return ["a class of that name"]
    annotated = {name for base in found.__mro__ for name in inspect.get_annotations(base)}
    lacking = [name for name in _METHODS if not callable(getattr(found, name, None))]
    lacking += [name for name in _DATA if not hasattr(found, name) and name not in annotated]
    if hasattr(found, "mapping_hash") or "mapping_hash" in annotated:
        lacking += [] if callable(getattr(found, "read_native", None)) else ["read_native"]
    options = getattr(found, "Options", None)
    if not (inspect.isclass(options) and issubclass(options, BaseModel)):
        lacking.append("Options (a pydantic model)")
    return lacking
