"""A rest adapter made from a few lines of YAML, on a server that answers what a test tells it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.adapter import RestAdapter
from tests.conftest import utcnow
from tests.edges.raw_server import Asked, Behaviour, RawServer, answer, answer_json
from tests.edges.s2e_bench import _bundle

SECRET = "rest-canary-8888"
# A mapping as small as it can be; each test lays its own lines on it.
BASE: dict[str, Any] = {
    "mapping": "rest/1",
    "name": "small",
    "base_url": "${URL}/api",
    "auth": {"bearer": "${TOKEN}"},
    "list": {"request": "GET /wo", "items": "items", "page": {"none": True}},
    "get": {"request": "GET /wo/{id}"},
    "find": {"request": "GET /wo", "query": {"ref": "{s2e_id}"}, "items": "items"},
    "create": {"request": "POST /wo", "id": "id"},
    "update": [{"request": "PATCH /wo/{id}", "fields": ["title", "status", "description"]}],
    "fields": {
        "id": "id",
        "updated_at": "changed",
        "s2e_id": {"at": "ref", "once": True},
        "title": "name",
        "description": "text",
        "status": {"at": "state", "map": "state"},
    },
    "maps": {
        "state": {
            "NEW": ["DRAFT", "ASSIGNED"],
            "WIP": "IN_PROGRESS",
            "HOLD": "ON_HOLD",
            "DONE": "COMPLETED",
            "VOID": "CANCELLED",
        }
    },
}


def laid(over: Mapping[str, Any], under: Any = None) -> dict[str, Any]:
    """One mapping laid on another, as `extends` does; None takes a key away."""
    made = dict(BASE if under is None else under)
    for key, value in over.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(made.get(key), Mapping):
            made[key] = laid(value, made[key])
        else:
            made[key] = value
    return made


@dataclass
class Rest:
    """The adapter, its server, and what it waited for.

    Attributes:
        now: the monotonic clock; waiting moves it, and nothing else does.
        left_s: how long there is to wait.
    """

    server: RawServer
    now: float = 1000.0
    left_s: float = 1e9
    waits: list[float] = field(default_factory=list)
    adapter: RestAdapter = field(init=False)

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return True

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    def told(self) -> list[str]:
        """Method, path and query of each request."""
        return [f"{asked.method} {asked.target}" for asked in self.asked]

    def queries(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(asked.target).query)) for asked in self.asked]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.asked[number].body)


@contextmanager
def rest(
    over: Mapping[str, Any],
    *behaviours: Behaviour,
    serve: Callable[[Asked], Behaviour] | None = None,
    **environ: str,
) -> Iterator[Rest]:
    """An adapter whose mapping is BASE with `over` laid on it.

    Args:
        behaviours: what is answered, one after the other.
        serve: instead: what is answered to a request.
    """
    options: dict[str, Any] = {} if serve is None else {"route": serve}
    with RawServer(*behaviours, **options) as server, TemporaryDirectory() as folder:
        made = Rest(server)
        path = Path(folder, "small.yaml")
        path.write_text(yaml.safe_dump(laid(over), sort_keys=False), encoding="utf-8")
        context = AdapterContext(
            may_write=True,
            utcnow=utcnow,
            ca_bundle=_bundle(),
            environ={"URL": server.url, "TOKEN": SECRET, **environ},
            wait=made.wait,
            monotonic=lambda: made.now,
            left_s=lambda: made.left_s,
        )
        made.adapter = RestAdapter.from_options(
            RestAdapter.Options(url=None, mapping=str(path)), context
        )
        try:
            yield made
        finally:
            made.adapter.close()


def item(number: int | str, **more: Any) -> dict[str, Any]:
    """A native record."""
    return {"id": number, "ref": None, "name": f"No {number}", "text": None, "state": "NEW",
            "changed": "2026-03-10T14:30:00Z", **more}  # fmt: skip


def page(*records: Any, **more: Any) -> Behaviour:
    headers = {key: more.pop(key) for key in list(more) if key[0].isupper()}
    return answer_json({"items": list(records), **more}, **headers)


def got(record: dict[str, Any], **headers: str) -> Behaviour:
    return answer_json(record, 200, **headers)


NO_CONTENT = answer(204, b"", "")
