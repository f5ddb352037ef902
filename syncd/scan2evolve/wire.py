"""Read a page of Scan2Evolve's list, and write the body of a sync call. Pure.

`core/order_json.py` reads the orders of a page.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from syncd.core.order_json import OrderJson, order_json
from syncd.core.values import format_hours, format_time
from syncd.core.work_order import Field, Fields, Unreadable

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
        orders: the readable ones, in the page's order.
        unreadable: how many rows had no usable id.
        total, offset, has_more: from `pagination`; None where they are missing or no number.
    """

    orders: tuple[OrderJson, ...]
    unreadable: int
    total: int | None
    offset: int | None
    has_more: bool | None


def parse_page(body: Mapping[str, Any]) -> Page | None:
    """Read the answer of the list; None if it is not one."""
    rows = body.get("workOrders")
    if not isinstance(rows, list):
        return None
    orders = tuple([order for order in map(order_json, rows) if order is not None])
    paging = body.get("pagination")
    pagination = paging if isinstance(paging, dict) else {}
    more = pagination.get("hasMore")
    return Page(
        orders=orders,
        unreadable=len(rows) - len(orders),
        total=_whole(pagination.get("total")),
        offset=_whole(pagination.get("offset")),
        has_more=more if isinstance(more, bool) else None,
    )


def _whole(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def format_sync(fields: Fields) -> bytes:
    """The body of a sync call: these fields and no others, as UTF-8.

    Half a surrogate pair, which UTF-8 cannot hold, is sent as a question mark.

    Raises ValueError for a field that the call does not take, for an empty or unreadable value,
    and for no fields at all: a plan that holds one is our bug.
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
