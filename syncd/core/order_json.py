"""Scan2Evolve's JSON of one work order, read into our words.

`PATHS` says where in the JSON each field stands. Both readers of that JSON use it: this module,
and the view `s2e_work_orders` that people query (`mirror/db/view.py`).

A key that is missing leaves its field absent; null makes it empty; a value of the wrong kind
makes that one field Unreadable. Keys we do not know are ignored, so the API may add some.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from zlib import crc32

from syncd.core.paging.list_order import Row
from syncd.core.values import parse_time, parse_value
from syncd.core.work_order import Field, S2eOrder, Status, Unreadable, Value

Path = tuple[str, ...]  # keys, from the outermost inwards

# The first place that has a value counts.
PATHS: Mapping[Field, tuple[Path, ...]] = MappingProxyType(
    {
        Field.TITLE: (("title",),),
        Field.DESCRIPTION: (("description",),),
        Field.PRIORITY: (("priority",),),
        Field.STATUS: (("status",),),
        Field.LOCATION: (("location",),),
        Field.ESTIMATED_HOURS: (("estimatedHours",),),
        Field.ACTUAL_HOURS: (("actualHours",),),
        Field.DUE_DATE: (("dueDate",),),
        Field.STARTED_AT: (("startedAt",),),
        Field.COMPLETED_AT: (("completedAt",),),
        Field.EXTERNAL_ID: (("externalId",),),
        Field.EXTERNAL_STATUS: (("externalStatus",),),
        Field.EXTERNAL_URL: (("externalUrl",),),
        Field.ROOT_CAUSE: (("rootCause",),),
        Field.RESOLUTION: (("resolution",),),
        Field.CLOSURE_NOTE: (("closureNote",),),
        Field.ASSIGNED_TO: (("assignedTo", "email"), ("assignedTo", "name")),
        Field.ASSIGNED_TO_GROUP: (("assignedToGroup", "name"),),
        Field.CREATED_BY: (("createdBy", "email"), ("createdBy", "name")),
        Field.SOURCE_INSPECTION: (
            ("sourceInspection", "inspectionNumber"),
            ("sourceInspection", "id"),
        ),
        Field.ASSET_CODE: (("asset", "code"),),
        Field.ASSET_NAME: (("asset", "name"), ("assetName",)),
        Field.SITE_CODE: (("asset", "site", "code"), ("asset", "site", "name")),
    }
)
# What the JSON holds beside the fields.
SYNC_STATUS: tuple[Path, ...] = (("syncStatus",),)
SITE_ID: tuple[Path, ...] = (("asset", "site", "id"),)
ASSET_ID: tuple[Path, ...] = (("assetId",), ("asset", "id"))
CREATED_AT, UPDATED_AT, LAST_SYNCED_AT = "createdAt", "updatedAt", "lastSyncedAt"
_STATUS, _EXTERNAL_ID = PATHS[Field.STATUS][0][0], PATHS[Field.EXTERNAL_ID][0][0]
_SYNC_STATUS = SYNC_STATUS[0][0]
_STATUSES = frozenset(status.value for status in Status)
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


class OrderJson(NamedTuple):
    """One work order as Scan2Evolve sent it. A part of it is parsed only when it is asked for.

    `raw` is the JSON object, unknown keys included.
    """

    s2e_id: str
    raw: Mapping[str, Any]

    def field(self, name: Field) -> Value:
        """One field; None also where it is absent."""
        return _read(self.raw, name, PATHS[name])

    # These are read for every row of every page, so plain text skips the general parser.
    @property
    def status(self) -> str | None:
        """The status, if it is one we know."""
        status = self.raw.get(_STATUS)
        return status if isinstance(status, str) and status in _STATUSES else None

    @property
    def external_id(self) -> str | None:
        value: object = self.raw.get(_EXTERNAL_ID)
        if value is not None and not isinstance(value, str):
            value = self.field(Field.EXTERNAL_ID)
        return value if isinstance(value, str) and value else None

    @property
    def sync_status(self) -> str:
        sync_status = self.raw.get(_SYNC_STATUS)
        return sync_status if isinstance(sync_status, str) else ""

    @property
    def site_id(self) -> str | None:
        return _name(self.raw, SITE_ID)

    @property
    def asset_id(self) -> str | None:
        return _name(self.raw, ASSET_ID)

    @property
    def row(self) -> Row:
        """The order as a row of a page.

        Its version is made of updatedAt and of the other values that a list may be sorted by
        and that an edit may change.
        """
        get = self.raw.get
        content = f"{get('status')}\x1f{get('priority')}\x1f{get('dueDate')}\x1f{get('title')}"
        updated = _ms(get(UPDATED_AT))
        version = f"{updated}.{crc32(content.encode('utf-8', 'replace')):x}"
        return Row(self.s2e_id, version, _ms(get(CREATED_AT)), updated)

    @property
    def updated_at(self) -> datetime | None:
        return _time(self.raw.get(UPDATED_AT))

    @property
    def last_synced_at(self) -> datetime | None:
        return _time(self.raw.get(LAST_SYNCED_AT))


def order_json(body: object) -> OrderJson | None:
    """One work order, from the list or from a get; None if it has no usable id."""
    if not isinstance(body, dict):
        return None
    s2e_id = body.get("id")
    return OrderJson(s2e_id, body) if isinstance(s2e_id, str) and s2e_id else None


def parse_work_order(order: OrderJson) -> S2eOrder:
    """Parse what the planner needs to know of an order."""
    fields: dict[Field, Value] = {Field.S2E_ID: order.s2e_id}
    for name, paths in PATHS.items():
        if any(path[0] in order.raw for path in paths):
            fields[name] = _read(order.raw, name, paths)
    return S2eOrder(
        s2e_id=order.s2e_id,
        fields=fields,
        site_id=order.site_id,
        asset_id=order.asset_id,
        updated_at=order.updated_at,
        last_synced_at=order.last_synced_at,
    )


def _read(raw: Mapping[str, Any], name: Field, paths: tuple[Path, ...]) -> Value:
    for path in paths:
        value = raw.get(path[0])
        for key in path[1:]:
            if value is None:
                break
            if not isinstance(value, dict):
                return Unreadable(str(value)[:200], "is not an object")
            value = value.get(key)
        if value is None or (not value and len(path) > 1):
            continue
        parsed = parse_value(name, value)
        if parsed is not None:
            return parsed
    return None


def _name(raw: Mapping[str, Any], paths: tuple[Path, ...]) -> str | None:
    for path in paths:
        value: Any = raw
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
    return None


def _time(raw: object) -> datetime | None:
    moment = parse_time(raw) if raw is not None else None
    return moment if isinstance(moment, datetime) else None


def _ms(raw: object) -> int | None:
    """A time in milliseconds since 1970."""
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(raw)  # type: ignore[arg-type]  # no text: a TypeError
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is not UTC:
        moment = _time(raw)
    return None if moment is None else (moment - _EPOCH) // _MS
