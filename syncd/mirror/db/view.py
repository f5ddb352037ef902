"""The view `s2e_work_orders`: each Scan2Evolve order in columns, for people and their queries.

Its columns come from the same places in the JSON that syncd reads (`core/order_json.py`). They show
what the JSON holds, also where syncd cannot use it: times are the API's own text, and hours are
null where the JSON holds no number.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from syncd.core import order_json
from syncd.core.order_json import PATHS, Path
from syncd.core.work_order import ValueKind, kind_of

NAME = "s2e_work_orders"
_BESIDE: Mapping[str, tuple[Path, ...]] = MappingProxyType(
    {
        "sync_status": order_json.SYNC_STATUS,
        "site_id": order_json.SITE_ID,
        "asset_id": order_json.ASSET_ID,
        "created_at": ((order_json.CREATED_AT,),),
        "updated_at": ((order_json.UPDATED_AT,),),
        "last_synced_at": ((order_json.LAST_SYNCED_AT,),),
    }
)


def create_view(dialect: str) -> str:
    """The statement that makes the view on `sqlite` or `postgresql`.

    It reads the columns connection, s2e_id and raw of `s2e_orders`.
    """
    text, number = (_pg_text, _pg_number) if dialect == "postgresql" else (_text, _number)
    columns = ["connection", "s2e_id"]
    for name, paths in PATHS.items():
        one = number if kind_of(name) is ValueKind.HOURS else text
        columns.append(f"{_first(map(one, paths))} AS {name}")
    columns += [f"{_first(map(text, paths))} AS {name}" for name, paths in _BESIDE.items()]
    return f"CREATE VIEW {NAME} AS SELECT {', '.join(columns)} FROM s2e_orders"  # noqa: S608 - ours


def _first(values: Iterable[str]) -> str:
    """The SQL for the first of these values that is not null."""
    terms = list(values)
    return terms[0] if len(terms) == 1 else f"coalesce({', '.join(terms)})"


def _text(path: Path) -> str:
    return f"nullif(json_extract(raw, '$.{'.'.join(path)}'), '')"


def _number(path: Path) -> str:
    place = f"raw, '$.{'.'.join(path)}'"
    is_number = f"json_type({place}) IN ('integer', 'real')"
    return f"CASE WHEN {is_number} THEN json_extract({place}) END"


def _pg_text(path: Path) -> str:
    return f"nullif(raw #>> '{{{','.join(path)}}}', '')"


def _pg_number(path: Path) -> str:
    place = f"'{{{','.join(path)}}}'"
    # numeric takes every number that JSON can express; double precision does not.
    return f"CASE jsonb_typeof(raw #> {place}) WHEN 'number' THEN (raw #>> {place})::numeric END"
