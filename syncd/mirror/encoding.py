"""An observation as a row of the database: its columns, and the digest of its content.

If two reads of an order or record have the same digest, their content is the same, and nothing
has to be decided. Keys in another order make another digest: that costs one more decision, which
changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from syncd import __version__
from syncd.core.order_json import OrderJson
from syncd.core.values import encode_fields
from syncd.core.work_order import SPELLED, CmmsRecord, Unreadable, Value
from syncd.mirror.db.columns import json_text, kept_json

JsonAndText = tuple[Mapping[str, Any], bytes]  # as `kept_json` makes them


def s2e_columns(
    s2e_ids: Sequence[str], orders: Mapping[str, JsonAndText]
) -> dict[str, Sequence[Any]]:
    """The columns of `s2e_orders` that come from the JSON, for these ids."""
    parsed = [OrderJson(s2e_id, orders[s2e_id][0]) for s2e_id in s2e_ids]
    return {
        "s2e_id": s2e_ids,
        "status": [order.status for order in parsed],
        "external_id": [order.external_id for order in parsed],
        "sync_status": [order.sync_status for order in parsed],
        "raw": [orders[s2e_id][1] for s2e_id in s2e_ids],
    }


def s2e_digest(raw: Mapping[str, Any], text: bytes) -> str:
    """The digest of an order's JSON and of this version of syncd.

    The version is part of it, since a new version may read more in the same JSON. Tasks are not:
    they come with a get and not with the list, and an order read both ways is unchanged.
    """
    if "tasks" in raw:
        text = kept_json({key: value for key, value in raw.items() if key != "tasks"})[1]
    digest = _OF_VERSION.copy()
    digest.update(text)
    return digest.hexdigest()


def cmms_row(record: CmmsRecord) -> dict[str, Any]:
    """The columns of `cmms_records` that come from the record, its digest among them."""
    fields, native = json_text(encode_fields(record.fields)), json_text(dict(record.native))
    equivalents = {name.value: sorted(values) for name, values in record.equivalents.items()}
    typed = {column: _column_value(record.fields.get(name)) for name, column in SPELLED.items()}
    digest = _digest(fields, native, json_text([equivalents, record.s2e_id]))
    return typed | {
        "cmms_id": record.cmms_id,
        "s2e_id": record.s2e_id,
        "fields": fields,
        "native": native,
        "equivalents": equivalents,
        "updated_at": record.updated_at,
        "digest": digest,
    }


def _column_value(value: Value) -> Any:
    """A field's value for its typed column, which people read."""
    if value is None or type(value) is str or isinstance(value, datetime):
        return value
    if isinstance(value, Unreadable):
        return None
    return float(value) if isinstance(value, Decimal) else str(value)  # a status is text


def _digest(*texts: str) -> str:
    return _new_digest(b"\x1f".join(text.encode() for text in texts)).hexdigest()


def _new_digest(text: bytes) -> "hashlib.blake2b":
    return hashlib.blake2b(text, digest_size=16)


_OF_VERSION = _new_digest(__version__.encode() + b"\x1f")
