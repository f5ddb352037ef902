"""What a request only refers to: the Scan2Evolve id, people and equipment.

Read in one call a page and kind. Written only where exactly one user or piece of equipment is
meant; who that is, Odoo's people decide.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from syncd.cmms.odoo.errors import written
from syncd.cmms.odoo.mapping import Row, read_value, reference
from syncd.cmms.odoo.model import EQUIPMENT, MODULE, REQUEST, USER, XMLID, rows_of
from syncd.cmms.odoo.options import OdooOptions
from syncd.cmms.odoo.rpc import Rpc
from syncd.core.work_order import Field, Fields, Value
from syncd.errors import Refused

_BY_NAME = "name"
_ASSETS = (Field.ASSET_CODE, Field.ASSET_NAME)


def asset_field(options: OdooOptions) -> Field | None:
    """The field of ours that finds equipment; None: assets are only read."""
    if options.equipment_by is None:
        return None
    return Field.ASSET_NAME if options.equipment_by == _BY_NAME else Field.ASSET_CODE


class Lookup:
    """Asks Odoo who and what is meant."""

    def __init__(self, rpc: Rpc, options: OdooOptions) -> None:
        self._rpc = rpc
        self._by = options.equipment_by
        self._code = options.equipment_by if options.equipment_by != _BY_NAME else None
        self._asset = asset_field(options)
        self._s2e_field = options.field_s2e_id

    # ── the Scan2Evolve id ────────────────────────────────────────────────────────────────

    def s2e_ids(self, rows: Sequence[Row]) -> dict[int, str]:
        """The Scan2Evolve id of each row that carries one."""
        if self._s2e_field is not None:
            told = {row["id"]: row.get(self._s2e_field) for row in rows}
        else:
            ids = [row["id"] for row in rows]
            found = self._identifiers([["res_id", "in", ids]]) if ids else []
            told = {row["res_id"]: row["name"] for row in reversed(found)}
        read = {number: read_value(Field.S2E_ID, raw, "char") for number, raw in told.items()}
        return {number: s2e_id for number, s2e_id in read.items() if isinstance(s2e_id, str)}

    def having(self, s2e_id: str) -> list[Any]:
        """The domain of the requests that carry this id."""
        if self._s2e_field is not None:
            return [[self._s2e_field, "=", s2e_id]]
        found = self._identifiers([["name", "=", s2e_id]])
        return [["id", "in", [row["res_id"] for row in found]]]

    def mark(self, number: int, s2e_id: str) -> None:
        """Give a request that is there the external identifier, which is unique in Odoo, in the
        place of those of ours that it has."""
        held = self._identifiers([["res_id", "=", number]])
        if all(row["name"] != s2e_id for row in held):
            values = {"module": MODULE, "name": s2e_id, "model": REQUEST, "res_id": number}
            self._rpc.call(XMLID, "create", vals_list=[{**values, "noupdate": True}])
        others = [row["id"] for row in held if row["name"] != s2e_id]
        if others:
            with written(f"the identifier {s2e_id}"):
                self._rpc.call(XMLID, "unlink", others)

    def _identifiers(self, domain: list[Any]) -> list[dict[str, Any]]:
        ours = [["module", "=", MODULE], ["model", "=", REQUEST], *domain]
        return self._search(XMLID, ours, ["name", "res_id"])

    # ── people and equipment ──────────────────────────────────────────────────────────────

    def referred(self, rows: Sequence[Row]) -> tuple[dict[int, Row], dict[int, Row]]:
        """The users and the equipment that the rows refer to, by their ids."""
        users = _references(rows, "user_id")
        assets = _references(rows, "equipment_id")
        names = [_BY_NAME, "serial_no", *([self._code] if self._code else [])]
        return (
            self._by_id(USER, users, [_BY_NAME, "login", "email"]),
            self._by_id(EQUIPMENT, assets, names),
        )

    def asset(self, row: Row | None) -> dict[Field, Value]:
        """Code and name of a piece of equipment; of none, both empty."""
        found = row or {}
        code, name = found.get(self._code or "serial_no"), found.get(_BY_NAME)
        return {
            Field.ASSET_CODE: read_value(Field.ASSET_CODE, code, "char"),
            Field.ASSET_NAME: read_value(Field.ASSET_NAME, name, "char"),
        }

    def person(self, row: Row | None) -> tuple[Value, frozenset[str]]:
        """How a user is called, an e-mail address if there is one, and all other spellings."""
        if row is None:
            return None, frozenset()
        names = [str(row[key]) for key in ("login", "email", _BY_NAME) if row.get(key)]
        addresses = [name for name in names if "@" in name]
        spelled = {*names, *(name.lower() for name in addresses)}
        return (addresses or names)[0], frozenset(spelled)

    def write(self, fields: Fields, *, new: bool) -> dict[str, Any]:
        """Who and what these fields mean, as Odoo's ids.

        A new request is made without what is not known. Raises Refused for one that is there.
        """
        values: dict[str, Any] = {}
        for name, field, find in (
            (Field.ASSIGNED_TO, "user_id", self._user),
            (self._asset, "equipment_id", self._equipment),
        ):
            if name is None or name not in fields:
                continue
            wanted = fields[name]
            found = [False] if wanted is None else find(str(wanted))
            if len(found) == 1:
                values[field] = found[0]
            elif not new:
                kind = "user" if field == "user_id" else "piece of equipment"
                raise Refused(
                    f"{name} {str(wanted)[:80]!r} has to mean one {kind} in Odoo; "
                    f"{len(found) or 'none'} is called so",
                    side="cmms",
                )
        return values

    def _user(self, wanted: str) -> list[Any]:
        """Users by login or e-mail address, whatever their case; without an @, by name too."""
        pattern = _literally(wanted)
        other = "email" if "@" in wanted else _BY_NAME
        domain = ["|", ["login", "=ilike", pattern], [other, "=ilike", pattern]]
        found = self._search(USER, [["share", "=", False], *domain], ["login"])
        exact = [row["id"] for row in found if row["login"] == wanted]
        return exact or [row["id"] for row in found]

    def _equipment(self, wanted: str) -> list[Any]:
        found = self._search(EQUIPMENT, [[self._by, "=", wanted]], ["id"])
        return [row["id"] for row in found]

    def _by_id(self, model: str, ids: list[int], fields: list[str]) -> dict[int, Row]:
        if not ids:
            return {}
        # Who left and what was scrapped are inactive, and still named.
        found = self._search(model, [["id", "in", ids]], fields, active_test=False)
        return {row["id"]: row for row in found}

    def _search(
        self, model: str, domain: list[Any], fields: list[str], *, active_test: bool = True
    ) -> list[dict[str, Any]]:
        context = {"active_test": active_test}
        told = self._rpc.call(
            model, "search_read", domain=domain, fields=fields, order="id asc", context=context
        )
        return rows_of(told)


def _references(rows: Iterable[Row], field: str) -> list[int]:
    found = {reference(row.get(field)) for row in rows} - {None}
    return sorted(number for number in found if number is not None)


def _literally(text: str) -> str:
    """A pattern of =ilike that means the text itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
