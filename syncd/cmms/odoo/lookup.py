"""The Scan2Evolve id, people and equipment: other records hold them, a request refers to them.

One call reads all users of a page, one all its equipment, one all its identifiers. A user or
piece of equipment is written only where exactly one fits.
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
    """Our field by which equipment is searched; None: assets are only read."""
    if options.equipment_by is None:
        return None
    return Field.ASSET_NAME if options.equipment_by == _BY_NAME else Field.ASSET_CODE


class Lookup:
    """Searches the records that a request refers to."""

    def __init__(self, rpc: Rpc, options: OdooOptions) -> None:
        self._rpc = rpc
        self._by = options.equipment_by
        self._code = options.equipment_by if options.equipment_by != _BY_NAME else None
        self._asset = asset_field(options)
        self._s2e_field = options.field_s2e_id

    # ── the Scan2Evolve id ────────────────────────────────────────────────────────────────

    def s2e_ids(self, rows: Sequence[Row]) -> dict[int, str]:
        """The Scan2Evolve ids of the rows that carry one, by the row's id."""
        if self._s2e_field is not None:
            raws = {row["id"]: row.get(self._s2e_field) for row in rows}
        else:
            ids = [row["id"] for row in rows]
            identifiers = self._identifiers([["res_id", "in", ids]]) if ids else []
            # Of several, the first one counts.
            raws = {row["res_id"]: row["name"] for row in reversed(identifiers)}
        read = {number: read_value(Field.S2E_ID, raw, "char") for number, raw in raws.items()}
        return {number: s2e_id for number, s2e_id in read.items() if isinstance(s2e_id, str)}

    def having(self, s2e_id: str) -> list[Any]:
        """A domain (Odoo's search condition) for the requests that carry this id."""
        if self._s2e_field is not None:
            return [[self._s2e_field, "=", s2e_id]]
        identifiers = self._identifiers([["name", "=", s2e_id]])
        return [["id", "in", [row["res_id"] for row in identifiers]]]

    def mark(self, number: int, s2e_id: str) -> None:
        """Give an existing request this external identifier, which is unique in Odoo, and remove
        others of ours that it has."""
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
        """The users and the equipment that the rows refer to, each by id."""
        users = _references(rows, "user_id")
        assets = _references(rows, "equipment_id")
        names = [_BY_NAME, "serial_no", *([self._code] if self._code else [])]
        return (
            self._by_id(USER, users, [_BY_NAME, "login", "email"]),
            self._by_id(EQUIPMENT, assets, names),
        )

    @property
    def code(self) -> str:
        """The equipment's field that holds the asset's code."""
        return self._code or "serial_no"

    def asset(self, row: Row | None) -> dict[Field, Value]:
        """Code and name of a piece of equipment; both None if there is none."""
        equipment = row or {}
        code, name = equipment.get(self.code), equipment.get(_BY_NAME)
        return {
            Field.ASSET_CODE: read_value(Field.ASSET_CODE, code, "char"),
            Field.ASSET_NAME: read_value(Field.ASSET_NAME, name, "char"),
        }

    def person(self, row: Row | None) -> tuple[Value, frozenset[str]]:
        """A user as text, an e-mail address if there is one, and all spellings of the same user."""
        if row is None:
            return None, frozenset()
        names = [str(row[key]) for key in ("login", "email", _BY_NAME) if row.get(key)]
        addresses = [name for name in names if "@" in name]
        spelled = {*names, *(name.lower() for name in addresses)}
        return (addresses or names)[0], frozenset(spelled)

    def write(self, fields: Fields, *, new: bool) -> dict[str, Any]:
        """The users and equipment that these fields mean, as ids, by Odoo's field.

        Where none or several fit, a new request is made without the field; for an existing one
        Refused is raised.
        """
        values: dict[str, Any] = {}
        for name, field, search in (
            (Field.ASSIGNED_TO, "user_id", self._user),
            (self._asset, "equipment_id", self._equipment),
        ):
            if name is None or name not in fields:
                continue
            wanted = fields[name]
            ids = [False] if wanted is None else search(str(wanted))
            if len(ids) == 1:
                values[field] = ids[0]
            elif not new:
                kind = "user" if field == "user_id" else "piece of equipment"
                raise Refused(
                    f"{name} {str(wanted)[:80]!r} has to mean one {kind} in Odoo; "
                    f"{len(ids) or 'none'} is called so",
                    side="cmms",
                )
        return values

    def _user(self, wanted: str) -> list[Any]:
        """Ids of users by login or e-mail address, ignoring case; without an @, by login or name.

        A login that is spelled exactly so excludes the others.
        """
        pattern = _literally(wanted)
        other = "email" if "@" in wanted else _BY_NAME
        domain = ["|", ["login", "=ilike", pattern], [other, "=ilike", pattern]]
        rows = self._search(USER, [["share", "=", False], *domain], ["login"])
        exact = [row["id"] for row in rows if row["login"] == wanted]
        return exact or [row["id"] for row in rows]

    def _equipment(self, wanted: str) -> list[Any]:
        rows = self._search(EQUIPMENT, [[self._by, "=", wanted]], ["id"])
        return [row["id"] for row in rows]

    def _by_id(self, model: str, ids: list[int], fields: list[str]) -> dict[int, Row]:
        if not ids:
            return {}
        # Users who have left and scrapped equipment are inactive; requests still refer to them.
        rows = self._search(model, [["id", "in", ids]], fields, active_test=False)
        return {row["id"]: row for row in rows}

    def _search(
        self, model: str, domain: list[Any], fields: list[str], *, active_test: bool = True
    ) -> list[dict[str, Any]]:
        context = {"active_test": active_test}
        answer = self._rpc.call(
            model, "search_read", domain=domain, fields=fields, order="id asc", context=context
        )
        return rows_of(answer)


def _references(rows: Iterable[Row], field: str) -> list[int]:
    ids = {reference(row.get(field)) for row in rows}
    return sorted(number for number in ids if number is not None)


def _literally(text: str) -> str:
    """A pattern of =ilike that fits only this text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
