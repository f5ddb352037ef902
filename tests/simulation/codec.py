"""Cases, policies and decisions as JSON, whatever module their classes stand in.

A case is written by the names of its attributes and read back by their types. A decision is
written alone, to be compared.
"""

import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from dataclasses import Field as Attribute
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from syncd.core.decision import Decision
from syncd.core.work_order import Priority, Status, Unreadable, Value

T = TypeVar("T")
_LEFT_OUT = frozenset({"native", "cmms_keeps"})  # no decision of these histories rests on them


def encode(value: object) -> Any:
    """Plain JSON. What is no JSON of its own says in one letter what it is."""
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, timedelta):
        return {"s": value.total_seconds()}
    if isinstance(value, Decimal):
        return {"d": str(value)}
    if isinstance(value, Status | Priority):
        return {"e": value.value}
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        named = ((f, getattr(value, f.name)) for f in fields(value) if f.name not in _LEFT_OUT)
        return {f.name: encode(one) for f, one in named if not _is_default(f, one)}
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(encode(one) for one in value)
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    return value


def _is_default(attribute: Attribute[Any], value: object) -> bool:
    if attribute.default_factory is not MISSING:
        return bool(value == attribute.default_factory())
    return attribute.default is not MISSING and bool(value == attribute.default)


def decode(kind: type[T], raw: Any) -> T:
    """The value of this type that `encode` has made this JSON of."""
    return typing.cast(T, _decode(kind, raw))


def _decode(kind: Any, raw: Any) -> Any:
    if kind == Value or kind is object:
        return _decode_value(raw)
    if raw is None:
        return None
    if isinstance(raw, dict) and len(raw) == 1 and next(iter(raw)) in "tsde":
        return _decode_value(raw)
    origin, args = get_origin(kind), get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        (kind,) = (one for one in args if one is not type(None))
        return _decode(kind, raw)
    if origin is tuple:
        return tuple(_decode(args[0], one) for one in raw)
    if origin is frozenset:
        return frozenset(_decode(args[0], one) for one in raw)
    if origin is Mapping:
        return {_decode(args[0], key): _decode(args[1], one) for key, one in raw.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _decode(hints[name], one) for name, one in raw.items()})
    return kind(raw) if isinstance(kind, type) and issubclass(kind, Enum) else raw


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_value(raw: Any) -> Any:
    """One field's value, or what a hold was made for: JSON."""
    if not isinstance(raw, dict):
        return raw
    match raw:
        case {"t": str(text), **rest} if not rest:
            return datetime.fromisoformat(text)
        case {"d": str(text), **rest} if not rest:
            return Decimal(text)
        case {"s": int() | float() as seconds, **rest} if not rest:
            return timedelta(seconds=seconds)
        case {"e": str(name), **rest} if not rest:
            return Status(name) if name in Status.__members__ else Priority(name)
        case {"raw": str(held), "why": str(why), **rest} if not rest:
            return Unreadable(held, why)
    return raw


def describe(decision: Decision) -> dict[str, Any]:
    """All that a decision holds but its case. What has no order of its own is sorted."""
    verdicts = [
        [one.intent.id, one.field.value, one.state.value, encode(one.seen)]
        for one in decision.verdicts
    ]
    return {
        "out_of_scope": decision.out_of_scope,
        "link": encode(decision.link),
        "create": encode(decision.create),
        "changes": _sorted(decision.changes),
        "verdicts": _sorted(verdicts),
        "base_moves": _sorted(decision.base_moves),
        "holds": _sorted(decision.holds),
        "lifted": _sorted(decision.lifted),
        "conflicts": _sorted(decision.conflicts),
        "resolved": _sorted(decision.resolved),
        "drifts": _sorted(decision.drifts),
        "drift_over": _sorted(decision.drift_over),
        "waiting": _sorted(decision.waiting),
        "look_again": decision.read_again,
    }


def _sorted(values: Iterable[object]) -> list[Any]:
    encoded = (encode(value) for value in values)
    return sorted(encoded, key=lambda one: json.dumps(one, sort_keys=True))
