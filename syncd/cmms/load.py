"""Find an adapter by name, entry point or dotted path. All three are equal."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from pydantic import BaseModel

from syncd.cmms.port import CmmsAdapter
from syncd.errors import ConfigurationError

GROUP = "syncd.adapters"
_SHIPPED = {"sql": "syncd.cmms.sql:SqlAdapter"}
_MEMBERS = ("name", "capabilities", "fetch", "get", "find", "create", "update")


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What the program hands every adapter.

    Attributes:
        may_write: False for plan, check and dry runs: nothing may be made or changed.
    """

    may_write: bool
    utcnow: Callable[[], datetime]
    ca_bundle: str | None = None
    proxy: str | None = None


class AdapterClass(Protocol):
    """An adapter's class: its options model, and how it is made from it."""

    Options: type[BaseModel]

    @classmethod
    def from_options(cls, options: Any, context: AdapterContext) -> CmmsAdapter: ...


def find_adapter(name: str) -> AdapterClass:
    """The adapter class called `name`. Raises ConfigurationError naming the ones there are."""
    known = dict(_SHIPPED)
    known |= {point.name: point.value for point in entry_points(group=GROUP)}
    path = known.get(name, name)
    if ":" not in path:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"SYNCD_CMMS_ADAPTER: there is no adapter {name!r}; {hint}"
            f"there are {', '.join(sorted(known))}, or package.module:Class"
        )
    try:
        found = resolve_name(path)
    except Exception as error:  # an adapter's module may fail in any way while it is imported
        raise ConfigurationError(
            f"SYNCD_CMMS_ADAPTER: {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    missing = [
        member for member in (*_MEMBERS, "Options", "from_options") if not hasattr(found, member)
    ]
    if missing:
        raise ConfigurationError(
            f"SYNCD_CMMS_ADAPTER: {path} is no adapter; it lacks {', '.join(missing)}"
        )
    return cast("AdapterClass", found)
