"""Find an adapter by its name, an entry point or a dotted path, and make it.

All three ways are equal, but for one thing: no entry point takes the name of an adapter of ours.
"""

import difflib
import inspect
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from pydantic import BaseModel

from syncd.cmms.port import AdapterBase, CmmsAdapter, with_defaults
from syncd.errors import ConfigurationError

_GROUP = "syncd.adapters"
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
    """What every adapter gets from the program.

    Attributes:
        may_write: False for plan, check and dry runs: nothing may be made or changed.
        ca_bundle: a file of CA certificates to trust instead of the system's; None: the system's.
        proxy: the only proxy to use; None: none.
        allow_http: whether a CMMS on another machine may be reached without TLS.
        environ: what a mapping's ${NAME} may take.
        hide: call it with every secret that logs may not show, for example one from `environ`.
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
    """What the class of an adapter has besides the port: its options, and how to make it."""

    Options: type[BaseModel]

    @classmethod
    def from_options(cls, options: Any, context: AdapterContext) -> CmmsAdapter: ...


def known_adapters() -> dict[str, str]:
    """The installed adapters: name to `package.module:Class`."""
    return {point.name: point.value for point in entry_points(group=_GROUP)} | _SHIPPED


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
        adapter_class = resolve_name(path)
    except (Exception, SystemExit) as error:  # a module may fail in any way while it is imported
        raise ConfigurationError(
            f"{_SETTING}: {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    lacking = _lacking(adapter_class)
    if lacking:
        raise ConfigurationError(f"{_SETTING}: {path} is no adapter; it lacks {', '.join(lacking)}")
    return cast("AdapterClass", adapter_class)


def make_adapter(
    adapter_class: AdapterClass, options: BaseModel, context: AdapterContext
) -> AdapterBase:
    """An adapter of this class, with the port's defaults for what it leaves out.

    Raises ConfigurationError. `find_adapter` sees what the class lacks; what `__init__` sets is
    seen only here.
    """
    made = adapter_class.from_options(options, context)
    adapter = with_defaults(made)
    unset = [name for name in _DATA if isinstance(made, AdapterBase) and not hasattr(made, name)]
    problem = f"it lacks {', '.join(unset)}" if unset else None
    if adapter.mapping_hash and not _reads_native(adapter):
        problem = "it has a mapping_hash and lacks read_native"
    if problem is not None:
        adapter.close()
        kind = type(made)
        raise ConfigurationError(
            f"{_SETTING}: {kind.__module__}:{kind.__qualname__} is no adapter; {problem}"
        )
    return adapter


def _lacking(adapter_class: object) -> list[str]:
    """What an adapter has to have and this class has not; data may also be just annotated."""
    if not inspect.isclass(adapter_class):
        return ["a class of that name"]
    abstract: frozenset[str] = getattr(adapter_class, "__abstractmethods__", frozenset())
    lacking = [
        name
        for name in _METHODS
        if name in abstract or not callable(getattr(adapter_class, name, None))
    ]
    own = _declared(base for base in adapter_class.__mro__ if base is not AdapterBase)
    inherited = _declared(adapter_class.__mro__)
    lacking += [name for name in _DATA if name not in inherited]
    if "mapping_hash" in own and not _reads_native(adapter_class):
        lacking.append("read_native")
    options = getattr(adapter_class, "Options", None)
    if not (inspect.isclass(options) and issubclass(options, BaseModel)):
        lacking.append("Options (a pydantic model)")
    return lacking


def _declared(classes: Iterable[type]) -> set[str]:
    """The names that these classes hold or annotate."""
    return {name for it in classes for name in (*vars(it), *inspect.get_annotations(it))}


def _reads_native(adapter: object) -> bool:
    """Whether an adapter, or its class, has a `read_native` of its own."""
    reader = getattr(adapter, "read_native", None)
    return callable(reader) and getattr(reader, "__func__", reader) is not AdapterBase.read_native
