"""Check a whole mapping, section by section.

Every problem is reported when the mapping is loaded, and not when the first order needs it.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel

from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.times import pattern_problem
from syncd.cmms.rest.blocks import LoginCall, Paging
from syncd.cmms.rest.check.auth import check_auth
from syncd.cmms.rest.check.bodies import check_bodies
from syncd.cmms.rest.check.calls import CallChecks, check_placeholders
from syncd.cmms.rest.check.updates import Loc, Problem, UpdateChecks, is_written
from syncd.cmms.rest.placeholders import names_in
from syncd.cmms.rest.request import split_request
from syncd.cmms.rest.schema import FindCall, RestMapping, UpdateStep, WriteCall
from syncd.cmms.rest.steps import template_of
from syncd.core.work_order import Field

# In every block, the text of these keys is a JMESPath expression.
_EXPRESSIONS = frozenset(
    {"items", "item", "where", "deleted", "more", "by", "take", "at", "when", "message", "success"}
)
_READ_BLOCKS = frozenset({"read", "total", "last", "id", "address"})


class Checks:
    """All checks of one mapping.

    Args:
        problem: is called with the place and the text of each problem.
    """

    def __init__(self, spec: RestMapping, record_map: RecordMap, problem: Problem) -> None:
        self._spec = spec
        self._map = record_map
        self._problem = problem

    def run(self) -> None:
        spec, problem = self._spec, self._problem
        blocks = list(_blocks(spec, ()))
        for loc, block in blocks:
            self._texts(loc, block)
        CallChecks(spec, problem).run()
        if spec.auth is not None:
            check_auth(spec.auth, blocks, problem)
        self._page(("list", "page"), spec.list_.page)
        self._since()
        self._find()
        self._create()
        UpdateChecks(spec, self._map, problem).run()
        check_bodies(spec, self._map, problem)
        self._lock()
        self._rules()
        longest_s, deadline_s = spec.longest_request_s, spec.deadline_s
        if longest_s is not None and longest_s < deadline_s:
            problem(
                ("longest_request_s",),
                f"has to be at least deadline_s, {deadline_s:g}: for so long syncd waits itself",
            )

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
        if isinstance(block, WriteCall):
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

    # ── lists ─────────────────────────────────────────────────────────────────────────────

    def _page(self, loc: Loc, page: Paging) -> None:
        kind, spec = page.chosen
        here = (*loc, kind)
        if kind == "none":
            if spec is not True:
                self._problem(here, "has to be true")
            return
        if spec is None:
            self._problem(here, "is empty")
            return
        end = spec.end
        needs = {"total": "total", "short": "size", "more": "more", "last": "last"}.get(end)
        if needs is not None and getattr(spec, needs, None) is None:
            self._problem(here, f"end: {end} needs {needs}")
        if kind == "offset":
            if spec.step == "size" and end != "total":
                self._problem(here, "step: size needs end: total, since a short page is no end")
            check_placeholders(
                (*here, "value"), spec.value, {"offset", "from", "to"}, self._problem
            )
        if kind == "keyset":
            known = {"last"} | ({"since"} if self._spec.list_.since is not None else set())
            inside = [spec.query, spec.json_]
            if "last" not in names_in(inside):
                self._problem(here, "has no {last}: every page would be the first")
            check_placeholders((*here, "query"), inside, known, self._problem)

    def _since(self) -> None:
        since = self._spec.list_.since
        if since is None:
            return
        loc: Loc = ("list", "since")
        if self._map.updated_at is None or self._map.stamp is None:
            self._problem(loc, "needs fields.updated_at: the next fetch goes on from the newest")
        templates = [since.query, since.headers, since.json_, since.form]
        page = self._spec.list_.page
        keyset = [page.keyset.query, page.keyset.json_] if page.keyset else []
        if "since" not in names_in([*templates, *keyset, *template_of(self._spec.list_)]):
            self._problem(loc, "has no {since} anywhere: every fetch would read everything")
        for name, part in zip(("query", "headers", "json", "form"), templates, strict=True):
            check_placeholders((*loc, name), part, {"since"}, self._problem)
        stamp = self._map.stamp
        if since.format is not None or since.zone is not None:
            zone, why = zone_of(since.zone, stamp.form.zone if stamp else None)
            form = since.format or (stamp.form.form if stamp else "iso")
            wrong = why or pattern_problem(form, zone)
            if wrong:
                self._problem((*loc, "zone" if why else "format"), wrong)

    # ── finding and creating ──────────────────────────────────────────────────────────────

    def _find(self) -> None:
        find, reads = self._spec.find, Field.S2E_ID in self._map.reads
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
        create = self._spec.create
        if create is None:
            return
        if Field.S2E_ID not in self._map.reads:
            self._problem(
                ("create",),
                "needs fields.s2e_id: if the answer to a create is lost, syncd finds the record by "
                "the id that it carries. Map it to a field of its own, or say "
                "{marker: description}",
            )
        elif Field.S2E_ID not in self._map.writes:
            self._problem(
                ("create",),
                "cannot write fields.s2e_id: nobody would know whose record it is. Give s2e_id "
                "`at`, or `write`, with once: true",
            )
        if self._spec.find == "none":
            self._problem(
                ("create",), "cannot be without find: after a lost answer syncd has to find out "
                "whether the record is there; find: scan reads the whole list"
            )  # fmt: skip
        for name in create.fields or []:
            is_written(("create", "fields"), name, self._map.writes, self._problem)

    # ── the rest ──────────────────────────────────────────────────────────────────────────

    def _lock(self) -> None:
        lock = self._spec.lock
        if lock is None:
            return
        if lock.unmodified_since is not None and self._map.updated_at is None:
            self._problem(("lock",), "unmodified_since needs fields.updated_at, which is not read")
        if self._spec.get.items is not None and lock.etag is not None and lock.etag.read is None:
            self._problem(
                ("lock", "etag"), "the header of a list is no record's: say where the record "
                "holds it, with `read`"
            )  # fmt: skip
        version = lock.version
        if version and version.send.form and any(step.form is None for step in self._spec.update):
            self._problem(("lock", "version"), "is sent in a form, and an update has none")

    def _rules(self) -> None:
        auth = self._spec.auth
        renews = auth is not None and (auth.oauth2 is not None or auth.login is not None)
        for number, rule in enumerate(self._spec.errors):
            loc: Loc = ("errors", number)
            if not (rule.status or rule.body or rule.code or rule.when):
                self._problem(loc, "has no condition: it would fit every answer")
            if rule.wait is not None and rule.as_ != "throttled":
                self._problem(loc, f"wait is for throttled, and this is {rule.as_}")
            if rule.as_ == "expired" and not renews:
                self._problem(
                    loc, "expired needs auth.oauth2 or auth.login: nothing else can be renewed"
                )
        for number, window in enumerate(self._spec.limits):
            loc = ("limits", number)
            if window.per_minute is None and window.reset is None:
                self._problem(loc, "needs per_minute, or a reset header")
            if window.remaining is not None and window.reset is None:
                self._problem(loc, "remaining needs reset, which says how long to wait")


def _blocks(block: BaseModel, loc: Loc) -> Iterator[tuple[Loc, BaseModel]]:
    """Yield every block of the mapping with its place."""
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
    """The zone of this name, and what is wrong with the name; None: nothing is."""
    if name is None:
        return default, None
    if name not in available_timezones():
        return None, f"{name} is no time zone; an example: Europe/Berlin"
    return ZoneInfo(name), None
