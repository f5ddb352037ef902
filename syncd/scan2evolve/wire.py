"""Scan2Evolve's JSON to our words and back. Pure.

A key that is missing leaves its field absent; null makes it empty; a value of the wrong kind
makes that one field Unreadable. Keys we do not know are kept in `raw`, so the API may grow.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from syncd.core.work_order import (
    Field,
    Fields,
    S2eOrder,
    Unreadable,
    Value,
    format_hours,
    format_time,
    parse_time,
    parse_value,
)

_PLAIN: Mapping[str, Field] = MappingProxyType(
    {
        "title": Field.TITLE,
        "description": Field.DESCRIPTION,
        "priority": Field.PRIORITY,
        "status": Field.STATUS,
        "location": Field.LOCATION,
        "estimatedHours": Field.ESTIMATED_HOURS,
        "actualHours": Field.ACTUAL_HOURS,
        "dueDate": Field.DUE_DATE,
        "startedAt": Field.STARTED_AT,
        "completedAt": Field.COMPLETED_AT,
        "externalId": Field.EXTERNAL_ID,
        "externalStatus": Field.EXTERNAL_STATUS,
        "externalUrl": Field.EXTERNAL_URL,
        "rootCause": Field.ROOT_CAUSE,
        "resolution": Field.RESOLUTION,
        "closureNote": Field.CLOSURE_NOTE,
    }
)
# Objects of which one key is a field: the first of these keys that has a value.
_OBJECTS: Mapping[str, tuple[Field, tuple[str, ...]]] = MappingProxyType(
    {
        "assignedTo": (Field.ASSIGNED_TO, ("email", "name")),
        "assignedToGroup": (Field.ASSIGNED_TO_GROUP, ("name",)),
        "createdBy": (Field.CREATED_BY, ("email", "name")),
        "sourceInspection": (Field.SOURCE_INSPECTION, ("inspectionNumber", "id")),
    }
)
SYNC_NAMES: Mapping[Field, str] = MappingProxyType(
    {
        Field.EXTERNAL_ID: "externalId",
        Field.STATUS: "status",
        Field.EXTERNAL_STATUS: "externalStatus",
        Field.EXTERNAL_URL: "externalUrl",
        Field.ROOT_CAUSE: "rootCause",
        Field.RESOLUTION: "resolution",
        Field.CLOSURE_NOTE: "closureNote",
        Field.COMPLETED_AT: "completedAt",
        Field.ACTUAL_HOURS: "actualHours",
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list.

    Attributes:
        orders: the readable ones, in the order they came.
        unreadable: how many rows had no usable id.
        total, offset, has_more: the page's own paging words; None where they were not said.
    """

    orders: tuple[S2eOrder, ...]
    unreadable: int
    total: int | None
    offset: int | None
    has_more: bool | None


def parse_page(body: Mapping[str, Any]) -> Page | None:
    """Read a list answer; None if it is not one."""
    rows = body.get("workOrders")
    if not isinstance(rows, list):
        return None
    orders = [parse_work_order(row) for row in rows]
    paging = body.get("pagination")
    told = paging if isinstance(paging, dict) else {}
    more = told.get("hasMore")
    return Page(
        orders=tuple(order for order in orders if order is not None),
        unreadable=sum(order is None for order in orders),
        total=_whole(told.get("total")),
        offset=_whole(told.get("offset")),
        has_more=more if isinstance(more, bool) else None,
    )


def parse_work_order(body: object) -> S2eOrder | None:
    """Read one work order, from the list or from a get; None if it has no usable id."""
    if not isinstance(body, dict):
        return None
    s2e_id = body.get("id")
    if not isinstance(s2e_id, str) or not s2e_id:
        return None
    fields: dict[Field, Value] = {Field.S2E_ID: s2e_id}
    for key, name in _PLAIN.items():
        if key in body:
            value = body[key]
            fields[name] = value if value is None else parse_value(name, value)
    for key, (name, inner) in _OBJECTS.items():
        if key in body:
            fields[name] = _inner(name, body[key], inner)
    fields |= _asset(body)
    asset = body.get("asset")
    site = asset.get("site") if isinstance(asset, dict) else None
    return S2eOrder(
        s2e_id=s2e_id,
        fields=fields,
        sync_status=_name(body, "syncStatus") or "",
        site_id=_name(site, "id"),
        asset_id=_name(body, "assetId") or _name(asset, "id"),
        created_at=_time(body.get("createdAt")),
        updated_at=_time(body.get("updatedAt")),
        last_synced_at=_time(body.get("lastSyncedAt")),
        raw=body,
    )


def _asset(body: Mapping[str, Any]) -> dict[Field, Value]:
    fields: dict[Field, Value] = {}
    if "asset" in body:
        asset = body["asset"]
        fields[Field.ASSET_CODE] = _inner(Field.ASSET_CODE, asset, ("code",))
        fields[Field.ASSET_NAME] = _inner(Field.ASSET_NAME, asset, ("name",))
        site = asset.get("site") if isinstance(asset, dict) else asset
        fields[Field.SITE_CODE] = _inner(Field.SITE_CODE, site, ("code", "name"))
    if fields.get(Field.ASSET_NAME) is None and "assetName" in body:
        fields[Field.ASSET_NAME] = parse_value(Field.ASSET_NAME, body["assetName"])
    return fields


def _inner(name: Field, value: object, keys: tuple[str, ...]) -> Value:
    if value is None:
        return None
    if not isinstance(value, dict):
        return Unreadable(str(value)[:200], "is not an object")
    for key in keys:
        if value.get(key):
            return parse_value(name, value[key])
    return None


def _name(value: object, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None


def _time(raw: object) -> datetime | None:
    moment = parse_time(raw) if raw is not None else None
    return moment if isinstance(moment, datetime) else None


def _whole(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def format_sync(fields: Fields) -> bytes:
    """The body of a sync call: these fields and no others. Half a surrogate pair, which no
    UTF-8 holds, is sent as a question mark.

    Raises ValueError for a field the call does not take, an empty or an unreadable value: the
    plan must not have held it.
    """
    body: dict[str, object] = {}
    for name, value in fields.items():
        if name not in SYNC_NAMES or value is None or isinstance(value, Unreadable):
            raise ValueError(f"{name} cannot be sent to Scan2Evolve: {value!r}")
        if isinstance(value, Decimal):
            text = format_hours(value)
            body[SYNC_NAMES[name]] = float(value) if "." in text else int(value)
        elif isinstance(value, datetime):
            body[SYNC_NAMES[name]] = format_time(value)
        else:
            body[SYNC_NAMES[name]] = str(value)
    if not body:
        raise ValueError("an empty changeset is not sent")
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode(errors="replace")
