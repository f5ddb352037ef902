"""The adapter of that CMMS, as somebody outside would write one: `tests.kills.adapter:Records`."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from syncd.cmms.load import AdapterContext
from syncd.cmms.port import Capabilities
from syncd.core.values import encode_value, parse_value
from syncd.core.work_order import CmmsRecord, Field, Fields
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent, Unreachable
from syncd.http import HttpClient, Response, parse_json_object
from tests.simulation.cmms import KEPT

_FIELDS = frozenset(Field(name) for name in KEPT)


class Records:
    """See `syncd.cmms.port`."""

    class Options(BaseModel):
        """SYNCD_CMMS_URL, SYNCD_CMMS_LOCKS, SYNCD_CMMS_PAGE (records)."""

        model_config = ConfigDict(extra="forbid", frozen=True)
        url: str
        locks: bool = True
        page: int = 5

    name = "records"
    capabilities: Capabilities

    def __init__(self, options: "Records.Options", context: AdapterContext) -> None:
        self._http = HttpClient(
            options.url, side="cmms", ca_bundle=context.ca_bundle, proxy=context.proxy
        )
        self._page = options.page
        self.capabilities = Capabilities(
            reads=_FIELDS | {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS},
            writes=_FIELDS,
            clears=_FIELDS - {Field.STATUS},
            optimistic_lock=options.locks,
        )

    @classmethod
    def from_options(cls, options: "Records.Options", context: AdapterContext) -> "Records":
        return cls(options, context)

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        asked = {"limit": str(self._page)}
        while True:
            page = self._call("GET", "/records", params=asked)
            records = [_record(each) for each in page["records"]]
            yield from records
            if not page["more"]:
                return
            asked["after"] = records[-1].cmms_id

    def get(self, cmms_id: str) -> CmmsRecord:
        return _record(self._call("GET", f"/records/{cmms_id}"))

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        found = self._call("GET", "/records", params={"s2e_id": s2e_id})
        return [_record(each) for each in found["records"]]

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        body = {"s2e_id": s2e_id, "values": _values(fields)}
        return _record(self._call("POST", "/records", body))

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        body = {"values": _values(fields), "expected": _values(expected)}
        return _record(self._call("PATCH", f"/records/{cmms_id}", body))

    def close(self) -> None:
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        body: object | None = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, path, params=params, json_body=sent)
        where = f"{method} {path}"
        _raise_for(answer, where)
        return parse_json_object(answer, side="cmms", where=where)


def _raise_for(answer: Response, where: str) -> None:
    told = f"{where} answered {answer.status}"
    status = answer.status
    if answer.ok:
        return
    if status == 404:
        raise NotFound(told, side="cmms", status=status)
    if status == 409:
        raise Changed(told, side="cmms", status=status)
    if status >= 500:
        raise Unreachable(told, side="cmms", status=status)
    if status >= 400:
        raise Refused(told, side="cmms", status=status)
    raise UnexpectedContent(told, side="cmms", status=status)


def _values(fields: Fields) -> dict[str, Any]:
    return {name.value: encode_value(value) for name, value in fields.items()}


def _record(told: Mapping[str, Any]) -> CmmsRecord:
    try:
        number, values = told["number"], told["values"]
        fields = {Field(name): parse_value(Field(name), values[name]) for name in KEPT}
        fields[Field.EXTERNAL_ID] = number
        fields[Field.EXTERNAL_STATUS] = values["status"]
        return CmmsRecord(number, told["s2e_id"], fields, native=dict(values))
    except (KeyError, TypeError) as error:
        raise UnexpectedContent(f"no record: {error!r}", side="cmms") from error
