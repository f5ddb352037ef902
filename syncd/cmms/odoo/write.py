"""Write one maintenance request: the calls in their order, and what a failure leaves.

A new request gets its Scan2Evolve id in the same transaction: as a field, or, by Odoo's own
import (`load`), as its external identifier. So no request ever exists without the id, and a
create that is repeated after a lost answer finds it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from syncd.cmms.mapping.values.html_text import html_to_text
from syncd.cmms.odoo.errors import unwritten, written
from syncd.cmms.odoo.lookup import Lookup
from syncd.cmms.odoo.mapping import Row, reference, write_fields
from syncd.cmms.odoo.model import MODULE, REQUEST, OdooModel
from syncd.cmms.odoo.rpc import Rpc
from syncd.core.work_order import Field, Fields, Status
from syncd.errors import AccessRefused, Refused, UnexpectedContent

Values = dict[str, Any]


class RequestWriter:
    """Writes requests.

    Args:
        by_identifier: the Scan2Evolve id is an external identifier and not a field.
    """

    def __init__(self, rpc: Rpc, lookup: Lookup, *, by_identifier: bool) -> None:
        self._rpc = rpc
        self._lookup = lookup
        self._by_identifier = by_identifier

    def create(self, s2e_id: str, fields: Fields, model: OdooModel) -> int:
        """Make a request that carries `s2e_id`; return its id."""
        with unwritten():
            values = write_fields({**fields, Field.S2E_ID: s2e_id}, None, model)
            values |= self._lookup.write(fields, new=True)
        if fields.get(Field.STATUS) is Status.DRAFT:
            values.setdefault("user_id", False)  # else Odoo assigns the equipment's technician
        with self._not_this_one("create"):
            if self._by_identifier:
                number = self._import(s2e_id, values)
            else:
                number = _number("create", self._rpc.call(REQUEST, "create", vals_list=[values]))
        if values.get("close_date") and not model.stages.is_done(values.get("stage_id")):
            # Odoo leaves out this day while it makes a request that is not done; a second call can
            # write it.
            with written(f"request {number}"):
                self._write(number, {"close_date": values["close_date"]})
        return number

    def update(self, row: Row, fields: Fields, s2e_id: str | None, model: OdooModel) -> bool:
        """Write these fields, and return whether there was anything to write.

        Args:
            row: the request as it was just read.
            s2e_id: the Scan2Evolve id that it carries.
        """
        first, then = self._values(row, fields, model)
        number: int = row["id"]
        mark = fields.get(Field.S2E_ID)
        if not self._by_identifier or not isinstance(mark, str) or mark == s2e_id:
            mark = None
        done = False
        for values in filter(None, (first, then)):
            with written(f"request {number}") if done else self._not_this_one("write"):
                self._write(number, values)
            done = True
        if mark is not None:
            with written(f"request {number}") if done else self._not_this_one("write"):
                self._lookup.mark(number, str(mark))
            done = True
        return done

    def _values(self, row: Row, fields: Fields, model: OdooModel) -> tuple[Values, Values]:
        """The values of a first and a second call. Writing a stage resets `close_date`, so that
        day is written after it."""
        with unwritten():
            values = write_fields(fields, row, model) | self._lookup.write(fields, new=False)
        changed = {
            name: value
            for name, value in values.items()
            if not _holds(row.get(name), value, model.types.get(name, ""))
        }
        then: Values = {}
        if "stage_id" in changed and "close_date" in values:
            then = {"close_date": values["close_date"]}
            changed.pop("close_date", None)
        if "equipment_id" in changed:
            # Else Odoo would assign the technician of the new equipment.
            changed.setdefault("user_id", reference(row.get("user_id")) or False)
        return changed, then

    def _write(self, number: int, values: Values) -> None:
        answer = self._rpc.call(REQUEST, "write", [number], vals=values)
        if answer is not True:
            raise UnexpectedContent(f"write answered {str(answer)[:60]!r}, not true", side="cmms")

    def _import(self, s2e_id: str, values: Values) -> int:
        columns = ["id", *(_column(name) for name in values)]
        row = [f"{MODULE}.{s2e_id}", *(_cell(value) for value in values.values())]
        # Mode "update" with "noupdate": a request with this identifier stays as it is.
        context = {"mode": "update", "noupdate": True, "tz": "UTC"}
        answer = self._rpc.call(REQUEST, "load", fields=columns, data=[row], context=context)
        if isinstance(answer, dict) and answer.get("ids") is False:
            messages = [str(one.get("message")) for one in answer.get("messages") or []]
            raise Refused(f"{REQUEST}.load: {'; '.join(messages)[:300]}", side="cmms")
        return _number("load", answer.get("ids") if isinstance(answer, dict) else answer)

    @contextmanager
    def _not_this_one(self, operation: str) -> Iterator[None]:
        """Turn AccessRefused into Refused where the user has the right in general, and only this
        record is closed to it."""
        try:
            yield
        except AccessRefused as error:
            if self._rpc.may(REQUEST, operation):
                raise Refused(str(error), side="cmms", status=error.status) from error
            raise


def _holds(raw: Any, value: Any, odoo_type: str) -> bool:
    """Whether the record holds this value already."""
    if odoo_type == "many2one":
        return bool((reference(raw) or False) == value)
    if odoo_type == "html" and raw and value:
        return html_to_text(str(raw)) == html_to_text(str(value))
    return bool(raw == value) or (not raw and not value)


def _number(method: str, ids: Any) -> int:
    """The id of the one record that was made. Raises UnexpectedContent."""
    if isinstance(ids, list) and len(ids) == 1 and type(ids[0]) is int:
        return ids[0]
    raise UnexpectedContent(f"{method} answered {str(ids)[:60]!r}, not one id", side="cmms")


def _column(name: str) -> str:
    """The name of a column of Odoo's import; `/.id` says that it holds ids."""
    return f"{name}/.id" if name.endswith("_id") else name


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value)
