"""What cannot work, told when the mapping is loaded and not when the first order needs it."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel

from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.times import pattern_problem
from syncd.cmms.rest.blocks import CallSpec, LoginCall, Paging
from syncd.cmms.rest.check.auth import check_auth
from syncd.cmms.rest.check.bodies import check_bodies
from syncd.cmms.rest.check.updates import Loc, Problem, UpdateChecks, is_written
from syncd.cmms.rest.placeholders import braced_in, glued_in, names_in
from syncd.cmms.rest.request import split_request
from syncd.cmms.rest.schema import CreateCall, FindCall, RestMapping, UpdateStep
from syncd.cmms.rest.steps import template_of
from syncd.core.work_order import Field

_RECORD = frozenset({"id", "address", "s2e_id"})
# All placeholders there are, somewhere.
_NAMES = _RECORD | {
    "since", "last", "value", "delta", "move", "child", "token", "record", "offset", "from", "to",
}  # fmt: skip
# Keys whose text is a JMESPath expression, wherever they stand.
_EXPRESSIONS = frozenset(
    {"items", "item", "where", "deleted", "more", "by", "take", "at", "when", "message", "success"}
)
_READ_BLOCKS = frozenset({"read", "total", "last", "id", "address"})
_CALL = ("request", "query", "headers", "json", "form")


class Checks:
    """All checks of one mapping.

    Args:
        problem: told each problem, with its place.
    """

    def __init__(self, told: RestMapping, records: RecordMap, problem: Problem) -> None:
        self._told = told
        self._records = records
        self._problem = problem

    def run(self) -> None:
        told = self._told
        for loc, block in _blocks(told, ()):
            self._texts(loc, block)
        self._calls()
        self._always()
        if told.auth is not None:
            check_auth(told.auth, list(_blocks(told, ())), self._problem)
        self._page(("list", "page"), told.list_.page)
        self._since()
        self._find()
        self._create()
        UpdateChecks(told, self._records, self._problem).run()
        check_bodies(told, self._records, self._problem)
        self._lock()
        for loc, model in self._rules():
            self._problem(loc, model)

    # ── texts that have to mean something ─────────────────────────────────────────────────

    def _texts(self, loc: Loc, block: BaseModel) -> None:
        """Expressions compile, paths can be written to, requests are requests."""
        reads = loc and loc[-1] in _READ_BLOCKS and hasattr(block, "json_")
        for name, field in type(block).model_fields.items():
            value, key = getattr(block, name), field.alias or name
            here = (*loc, key)
            if not isinstance(value, str):
                continue
            if key in _EXPRESSIONS or (reads and name == "json_"):
                self._expression(here if not reads else loc, value)
            elif key in {"token", "expires_in"} and isinstance(block, LoginCall):
                self._expression(here, value)
            elif key == "under":
                self._path(here, value)
            elif key == "request" and value and split_request(value) is None:
                self._problem(here, "has to be a method and a path, for example GET /workorders")
        if isinstance(block, UpdateStep):
            for path, text in block.carry.items():
                self._path((*loc, "carry", path), path)
                self._expression((*loc, "carry", path), text)
        if isinstance(block, UpdateStep | CreateCall):
            for path in block.set:
                self._path((*loc, "set", path), path)
        if loc and loc[-1] == "version":
            self._expression((*loc, "read"), str(getattr(block, "read", "")))

    def _expression(self, loc: Loc, text: str) -> None:
        try:
            Expression.parse(text)
        except ValueError as error:
            self._problem(loc, f"{text!r} {error}")

    def _path(self, loc: Loc, text: str) -> None:
        try:
            parse_path(text)
        except ValueError as error:
            self._problem(loc, f"{text!r} {error}")

    # ── calls and their placeholders ──────────────────────────────────────────────────────

    def _calls(self) -> None:
        told = self._told
        since = {"since"} if told.list_.since is not None else set()
        self._call(("list",), told.list_, since)
        self._call(("get",), told.get, {"id"})
        if "id" not in names_in(template_of(told.get)):
            self._problem(("get",), "does not ask for {id}: it would read some record")
        if "address" in names_in(template_of(told.get)):
            self._problem(
                ("get",), "only the id is known when a record is asked for; ask by {id}, "
                "with `items` where that is a list"
            )  # fmt: skip
        self._more()
        if isinstance(told.find, FindCall):
            self._call(("find",), told.find, {"s2e_id"})
        if told.create is not None:
            self._call(("create",), told.create, {"s2e_id"})
            self._placeholders(("create", "set"), told.create.set, {"s2e_id"})
        for number, op in enumerate(told.update):
            self._op_calls(("update", number), op)

    def _more(self) -> None:
        """A record without what more requests tell would seem to be empty there."""
        told = self._told
        for name, more in told.get.more.items():
            loc: Loc = ("get", "more", name)
            known = {"id", "address", "record"}
            self._call(loc, more, known)
            if not names_in(template_of(more)) & known:
                self._problem(loc, "does not ask for {id}: every record would have the same")
            if more.items is not None and more.at != "@":
                self._problem(loc, "has at and items; one of them says what is taken")
        if not told.get.more:
            return
        why = "since get.more is asked for what is read by its id alone"
        if told.list_.then != "get":
            self._problem(("list",), f"has to say then: get, {why}")
        if isinstance(told.find, FindCall) and told.find.then != "get":
            self._problem(("find",), f"has to say then: get, {why}")
        if told.create is not None and told.create.then != "get":
            self._problem(("create", "then"), f"has to be get, {why}")
        if told.verify != "get":
            self._problem(("verify",), f"has to be get, {why}")

    def _op_calls(self, loc: Loc, op: UpdateStep) -> None:
        known = set(_RECORD)
        if op.by_value is not None:
            if op.request:
                self._problem(loc, "has by_value, whose calls have requests of their own")
            for value, call in op.by_value.items():
                self._call((*loc, "by_value", value), call, known | {"value"})
        elif not op.request:
            self._problem(loc, "needs a request, for example PATCH /workorders/{id}")
        if op.for_each is not None:
            self._call((*loc, "for_each"), op.for_each, known)
            self._make((*loc, "for_each", "make"), op.for_each.make, known | {"value"})
            known |= {"child"}
        if op.append is not None:
            inside = [op.append.json_, op.append.form]
            self._placeholders((*loc, "append"), inside, known | {"delta"})
            if "delta" not in names_in(inside):
                self._problem((*loc, "append"), "has no {delta}: every row would be the same")
        else:
            known |= {"value"}
        if op.moves is not None:
            known |= {"move"}
        self._call(loc, op, known)
        self._placeholders((*loc, "set"), op.set, known - {"value"})

    def _make(self, loc: Loc, make: CallSpec | None, known: set[str]) -> None:
        if make is None:
            return
        self._call(loc, make, known)
        if "value" not in names_in(template_of(make)):
            self._problem(loc, "has no {value}: the row would be made without it")

    def _call(self, loc: Loc, call: CallSpec, known: set[str]) -> None:
        for name, template in zip(_CALL, template_of(call), strict=True):
            self._placeholders((*loc, name), template, known)
        if call.json_ is not None and call.form is not None:
            self._problem(loc, "has a json and a form; a request has one body")

    def _placeholders(self, loc: Loc, template: Any, known: set[str]) -> None:
        for name in sorted(names_in(template) - known):
            there = ", ".join(f"{{{it}}}" for it in sorted(known)) or "none"
            why = f"there is no {{{name}}} here; there is {there}"
            if name not in _NAMES:
                why += f"; for a plain brace write {{{{{name}}}}}"
            if name == "child":
                why += ". for_each holds the call that lists the rows; the step's own request "
                why += "is made for each of them, with {child.x}"
            self._problem(loc, why)
        for name in sorted(glued_in(template)):
            self._problem(
                loc, f"fills in {{{name}}} right behind a letter; for a plain brace write "
                f"{{{{{name}}}}}, else put a space between"
            )  # fmt: skip

    def _always(self) -> None:
        """What goes with every call is filled in with nothing."""
        told = self._told
        if told.auth is not None and told.auth.login is not None:
            self._call(("auth", "login"), told.auth.login, set())
        for key, part in (("query", told.query), ("headers", told.headers)):
            for name, text in part.items():
                for found in sorted(braced_in({name: text})):
                    self._problem(
                        (key, name),
                        f"there is no {{{found}}} here: nothing is filled in where every call has "
                        "the same. A token goes where auth.login.send or auth.oauth2.send_token "
                        "says; {{ and }} are braces",
                    )

    # ── lists ─────────────────────────────────────────────────────────────────────────────

    def _page(self, loc: Loc, page: Paging) -> None:
        kind, said = page.chosen
        here = (*loc, kind)
        if kind == "none":
            if said is not True:
                self._problem(here, "has to be true")
            return
        if said is None:
            self._problem(here, "is empty")
            return
        end = said.end
        needs = {"total": "total", "short": "size", "more": "more", "last": "last"}.get(end)
        if needs is not None and getattr(said, needs, None) is None:
            self._problem(here, f"end: {end} needs {needs}")
        if kind == "offset":
            if said.step == "size" and end != "total":
                self._problem(here, "step: size needs end: total, since a short page is no end")
            self._placeholders((*here, "value"), said.value, {"offset", "from", "to"})
        if kind == "keyset":
            known = {"last"} | ({"since"} if self._told.list_.since is not None else set())
            inside = [said.query, said.json_]
            if "last" not in names_in(inside):
                self._problem(here, "has no {last}: every page would be the first")
            self._placeholders((*here, "query"), inside, known)

    def _since(self) -> None:
        since = self._told.list_.since
        if since is None:
            return
        loc: Loc = ("list", "since")
        if self._records.updated_at is None or self._records.stamp is None:
            self._problem(loc, "needs fields.updated_at: the newest one seen is where to go on")
        said = [since.query, since.headers, since.json_, since.form]
        page = self._told.list_.page
        keyset = [page.keyset.query, page.keyset.json_] if page.keyset else []
        if "since" not in names_in([*said, *keyset, *template_of(self._told.list_)]):
            self._problem(loc, "has no {since} anywhere: every fetch would read everything")
        for name, part in zip(("query", "headers", "json", "form"), said, strict=True):
            self._placeholders((*loc, name), part, {"since"})
        stamp = self._records.stamp
        if since.format is not None or since.zone is not None:
            zone, why = zone_of(since.zone, stamp.form.zone if stamp else None)
            form = since.format or (stamp.form.form if stamp else "iso")
            wrong = why or pattern_problem(form, zone)
            if wrong:
                self._problem((*loc, "zone" if why else "format"), wrong)

    # ── finding and creating ──────────────────────────────────────────────────────────────

    def _find(self) -> None:
        find, reads = self._told.find, Field.S2E_ID in self._records.reads
        if find == "none":
            return
        if not reads:
            self._problem(
                ("find",), "needs fields.s2e_id, by which hits are checked; or say find: none"
            )
        if isinstance(find, FindCall):
            if find.page is not None:
                self._page(("find", "page"), find.page)
            if "s2e_id" not in names_in(template_of(find)):
                self._problem(("find",), "does not ask for {s2e_id}; find: scan reads the list")

    def _create(self) -> None:
        create = self._told.create
        if create is None:
            return
        if Field.S2E_ID not in self._records.reads:
            self._problem(
                ("create",), "needs fields.s2e_id: a record whose answer was lost has to be known "
                "again by the id it carries; an own field, or {marker: description}"
            )  # fmt: skip
        elif Field.S2E_ID not in self._records.writes:
            self._problem(
                ("create",), "cannot write fields.s2e_id: the record would be no one's. Give it "
                "`at`, or `write`, with once: true"
            )  # fmt: skip
        if self._told.find == "none":
            self._problem(
                ("create",), "cannot be without find: after a lost answer nobody knows whether "
                "the record is there; find: scan looks through the list"
            )  # fmt: skip
        for name in create.fields or []:
            is_written(("create", "fields"), name, self._records.writes, self._problem)

    # ── the rest ──────────────────────────────────────────────────────────────────────────

    def _lock(self) -> None:
        lock = self._told.lock
        if lock is None:
            return
        if lock.unmodified_since is not None and self._records.updated_at is None:
            self._problem(("lock",), "unmodified_since needs fields.updated_at, which is not read")
        if self._told.get.items is not None and lock.etag is not None and lock.etag.read is None:
            self._problem(
                ("lock", "etag"), "the header of a list is no record's: say where the record "
                "holds it, with `read`"
            )  # fmt: skip
        version = lock.version
        if version and version.send.form and any(op.form is None for op in self._told.update):
            self._problem(("lock", "version"), "is sent in a form, and an update has none")

    def _rules(self) -> Iterator[tuple[Loc, str]]:
        for number, rule in enumerate(self._told.errors):
            if not (rule.status or rule.body or rule.code or rule.when):
                yield ("errors", number), "has no condition: it would fit every answer"
            if rule.wait is not None and rule.as_ != "throttled":
                yield ("errors", number), f"wait is for throttled, and this is {rule.as_}"
            if rule.as_ == "expired" and not (
                self._told.auth and (self._told.auth.oauth2 or self._told.auth.login)
            ):
                yield (
                    ("errors", number),
                    "expired needs auth.oauth2 or auth.login: nothing else can be renewed",
                )
        for number, window in enumerate(self._told.limits):
            if window.per_minute is None and window.reset is None:
                yield ("limits", number), "needs per_minute, or a reset header"
            if window.remaining is not None and window.reset is None:
                yield ("limits", number), "remaining needs reset: until when to wait"


def _blocks(block: BaseModel, loc: Loc) -> Iterator[tuple[Loc, BaseModel]]:
    """Every block of the mapping with its place."""
    yield loc, block
    for name, field in type(block).model_fields.items():
        value, here = getattr(block, name), (*loc, field.alias or name)
        if isinstance(value, BaseModel):
            yield from _blocks(value, here)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from _blocks(item, (*here, number))
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, BaseModel):
                    yield from _blocks(item, (*here, key))


def zone_of(name: str | None, default: ZoneInfo | None) -> tuple[ZoneInfo | None, str | None]:
    """The zone of this name, and what is wrong with the name."""
    if name is None:
        return default, None
    if name not in available_timezones():
        return None, f"{name} is no time zone; an example: Europe/Berlin"
    return ZoneInfo(name), None
