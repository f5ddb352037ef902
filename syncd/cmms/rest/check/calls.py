"""Check that every call can be sent, and that its placeholders are those that exist there."""

from collections.abc import Set
from typing import Any

from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.check.updates import Loc, Problem
from syncd.cmms.rest.placeholders import braced_in, glued_in, names_in
from syncd.cmms.rest.schema import FindCall, RestMapping, UpdateStep
from syncd.cmms.rest.steps import template_of

_RECORD = frozenset({"id", "address", "s2e_id"})
# All placeholders of a mapping, wherever they exist.
_NAMES = _RECORD | {
    "since", "last", "value", "delta", "move", "child", "token", "record", "offset", "from", "to",
}  # fmt: skip
_CALL = ("request", "query", "headers", "json", "form")


class CallChecks:
    """The checks of all calls of one mapping. The arguments are those of `mapping.Checks`."""

    def __init__(self, spec: RestMapping, problem: Problem) -> None:
        self._spec = spec
        self._problem = problem

    def run(self) -> None:
        spec = self._spec
        since = {"since"} if spec.list_.since is not None else set[str]()
        self._call(("list",), spec.list_, since)
        self._call(("get",), spec.get, {"id"})
        if "id" not in names_in(template_of(spec.get)):
            self._problem(("get",), "does not ask for {id}: it would always read the same record")
        if "address" in names_in(template_of(spec.get)):
            self._problem(
                ("get",), "only the id is known when a record is asked for; ask by {id}, "
                "with `items` where that is a list"
            )  # fmt: skip
        self._more()
        if isinstance(spec.find, FindCall):
            self._call(("find",), spec.find, {"s2e_id"})
        if spec.create is not None:
            self._call(("create",), spec.create, {"s2e_id"})
            self._placeholders(("create", "set"), spec.create.set, {"s2e_id"})
        for number, step in enumerate(spec.update):
            self._step(("update", number), step)
        self._common()

    def _more(self) -> None:
        """`get.more`, and that every record is read by its id: read in any other way, a record
        would seem to be empty where a further request fills it."""
        spec = self._spec
        for name, more in spec.get.more.items():
            loc: Loc = ("get", "more", name)
            known = {"id", "address", "record"}
            self._call(loc, more, known)
            if not names_in(template_of(more)) & known:
                self._problem(loc, "does not ask for {id}: every record would get the same answer")
            if more.items is not None and more.at != "@":
                self._problem(loc, "has at and items; give only one of them")
        if not spec.get.more:
            return
        why = "since get.more is asked for only where a record is read by its id"
        if spec.list_.then != "get":
            self._problem(("list",), f"has to say then: get, {why}")
        if isinstance(spec.find, FindCall) and spec.find.then != "get":
            self._problem(("find",), f"has to say then: get, {why}")
        if spec.create is not None and spec.create.then != "get":
            self._problem(("create", "then"), f"has to be get, {why}")
        if spec.verify != "get":
            self._problem(("verify",), f"has to be get, {why}")

    def _step(self, loc: Loc, step: UpdateStep) -> None:
        known = set(_RECORD)
        if step.by_value is not None:
            if step.request:
                self._problem(loc, "has by_value, whose calls have requests of their own")
            for value, call in step.by_value.items():
                self._call((*loc, "by_value", value), call, known | {"value"})
        elif not step.request:
            self._problem(loc, "needs a request, for example PATCH /workorders/{id}")
        if step.rows is not None:
            self._call((*loc, "for_each"), step.rows, known)
            self._make((*loc, "for_each", "make"), step.rows.make, known | {"value"})
            known |= {"child"}
        if step.append is not None:
            row = [step.append.json_, step.append.form]
            self._placeholders((*loc, "append"), row, known | {"delta"})
            if "delta" not in names_in(row):
                self._problem((*loc, "append"), "has no {delta}: every row would be the same")
        else:
            known |= {"value"}
        if step.moves is not None:
            known |= {"move"}
        self._call(loc, step, known)
        self._placeholders((*loc, "set"), step.set, known - {"value"})

    def _make(self, loc: Loc, make: CallSpec | None, known: Set[str]) -> None:
        if make is None:
            return
        self._call(loc, make, known)
        if "value" not in names_in(template_of(make)):
            self._problem(loc, "has no {value}: the row would be made without it")

    def _common(self) -> None:
        """What goes with every call has no placeholders."""
        spec = self._spec
        if spec.auth is not None and spec.auth.login is not None:
            self._call(("auth", "login"), spec.auth.login, set())
        for key, part in (("query", spec.query), ("headers", spec.headers)):
            for name, text in part.items():
                for braced in sorted(braced_in({name: text})):
                    self._problem(
                        (key, name),
                        f"there is no {{{braced}}} here: nothing is filled in where every call has "
                        "the same. A token goes where auth.login.send or auth.oauth2.send_token "
                        "says; {{ and }} are braces",
                    )

    def _call(self, loc: Loc, call: CallSpec, known: Set[str]) -> None:
        for name, template in zip(_CALL, template_of(call), strict=True):
            self._placeholders((*loc, name), template, known)
        if call.json_ is not None and call.form is not None:
            self._problem(loc, "has a json and a form; a request has one body")

    def _placeholders(self, loc: Loc, template: Any, known: Set[str]) -> None:
        check_placeholders(loc, template, known, self._problem)


def check_placeholders(loc: Loc, template: Any, known: Set[str], problem: Problem) -> None:
    """Report the placeholders of a template that do not exist there.

    Args:
        known: those that exist there.
    """
    for name in sorted(names_in(template) - known):
        there = ", ".join(f"{{{it}}}" for it in sorted(known)) or "none"
        why = f"there is no {{{name}}} here; there is {there}"
        if name not in _NAMES:
            why += f"; for a plain brace write {{{{{name}}}}}"
        if name == "child":
            why += ". for_each holds the call that lists the rows; the step's own request "
            why += "is made for each of them, with {child.x}"
        problem(loc, why)
    for name in sorted(glued_in(template)):
        problem(
            loc, f"fills in {{{name}}} right behind a letter; for a plain brace write "
            f"{{{{{name}}}}}, else put a space between"
        )  # fmt: skip
