"""A mapping file while it is checked: its blocks, and each problem at its line.

    document = Document(root, problems)
    head = document.validate(Head)
    document.problem(("url",), "is no http or https URL")
    document.check_unknown()                # keys at the top that nobody has asked for

A problem is collected and never raised, so that one load finds all of them. Whoever loads the
mapping raises them before anything uses it.
"""

from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from syncd.cmms.mapping.blocks import FilledText, Keys, kind_of, spelled
from syncd.cmms.mapping.nodes import Mark, Node
from syncd.cmms.mapping.problems import Problems, nearest
from syncd.cmms.mapping.validation import Loc, is_other_alternative, place_of, pruned, text_of

M = TypeVar("M", bound=BaseModel)
_SHOWN = 60  # characters of a value


class Document:
    """One mapping file. The module text describes it.

    Attributes:
        root: the whole file.
    """

    def __init__(self, root: Node, problems: Problems) -> None:
        self.root = root
        self._problems = problems
        self._known: dict[str, None] = {}
        self._refused: set[Loc] = set()

    # ── places ────────────────────────────────────────────────────────────────────────────

    def find(self, loc: Loc) -> tuple[Mark, Node | None]:
        """The line of this place, or of the nearest key on the way to it; and its node, if any."""
        node, mark = self.root, self.root.mark
        for part in loc:
            if isinstance(node.value, dict) and str(part) in node.value:
                entry = node.value[str(part)]
                node, mark = entry.node, entry.mark
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.mark
            else:
                return mark, None
        return mark, node

    def has(self, loc: Loc) -> bool:
        """Whether a value is there, other than null."""
        _, node = self.find(loc)
        return node is not None and node.value is not None

    def items(self, loc: Loc) -> list[Loc]:
        """The places of a list's items; a lone block is a list of one."""
        _, node = self.find(loc)
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            return [loc]
        return [(*loc, number) for number in range(len(node.value))]

    def where(self, loc: Loc = ()) -> str:
        """File and line of this place."""
        return str(self.find(loc)[0])

    def shown(self, loc: Loc) -> str:
        """The value as a message may show it: nothing that came from the environment."""
        _, node = self.find(loc)
        if node is None:
            _, node = self.find(loc[:-1])  # a plain text may be short for a block with this key
        if node is None or isinstance(node.value, list | dict):
            return "it" if node is None else kind_of(node.value)
        if node.given:
            return "what was taken from the environment"
        if isinstance(node.value, bool):
            return "true" if node.value else "false"
        return repr(node.value)[:_SHOWN]

    # ── problems ──────────────────────────────────────────────────────────────────────────

    def problem(self, loc: Sequence[str | int], what: str) -> None:
        """Note a problem at this place."""
        place = tuple(loc)
        self._refused.add(place)
        self._problems.add(self.find(place)[0], _path(place), what)

    def missing(self, loc: Loc, example: str = "") -> None:
        """Note that a key is missing."""
        hint = f"; an example: {loc[-1]}: {example}" if example else ""
        self.problem(loc, f"is missing{hint}")

    def is_refused(self, loc: Loc) -> bool:
        """Whether there is a problem at this place, or inside of it."""
        return any(place[: len(loc)] == loc for place in self._refused)

    def check_secret(self, loc: Loc) -> None:
        """Note a problem if a secret stands in the file; it has to come from the environment."""
        _, node = self.find(loc)
        if node is None:
            return
        if node.value and not node.given:
            self.problem(loc, "is a secret; take it from the environment: ${NAME}")
        self._problems.secrets.update(node.given)

    def hide(self, loc: Loc, *, from_length: int = 0) -> None:
        """Take what came from the environment at this place, or inside of it, for a secret.

        Args:
            from_length: characters; shorter values are no secrets.
        """
        _, node = self.find(loc)
        if node is not None:
            given = (text for text in _given(node) if len(text) >= from_length)
            self._problems.secrets.update(given)

    # ── blocks ────────────────────────────────────────────────────────────────────────────

    def validate(
        self,
        model: type[M],
        loc: Loc = (),
        *,
        short: str | None = None,
        leave_out: Collection[str] = (),
        strict: bool = False,
    ) -> M | None:
        """The block at this place; what is wrong with it is noted at its line.

        A key that is refused counts as left out, so that the rest of the block can be checked.

        Args:
            loc: where the block is; (): at the top, of which only the model's keys are taken.
            short: the key that a plain text in place of the block stands for.
            leave_out: keys that the caller reads itself.
            strict: return None if any key is refused.

        Returns:
            None: the block cannot be made of the other keys.
        """
        data = self._data(model, loc, short, leave_out)
        try:
            return model.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False)
        # A value of another kind than all alternatives has only such errors: one is enough.
        meant = [it for it in errors if not is_other_alternative(data, it)] or errors[:1]
        rest = deepcopy(data)
        for it in meant:
            self._report(model, loc, place_of(data, it), it)
        if strict or not all(pruned(rest, place_of(data, it)) for it in meant):
            return None
        try:
            return model.model_validate(rest)
        except ValidationError:
            return None

    def _data(
        self, model: type[BaseModel], loc: Loc, short: str | None, leave_out: Collection[str]
    ) -> Any:
        _, node = self.find(loc)
        given = None if node is None else _plain(node, marked=issubclass(model, Keys))
        if short is not None and isinstance(given, str):
            return {short: given}
        if given is None:
            return {}
        if not isinstance(given, dict):
            return given
        if loc:
            return {key: value for key, value in given.items() if key not in leave_out}
        keys = spelled(model)
        self._known |= dict.fromkeys(keys)
        return {key: given[key] for key in keys if given.get(key) is not None}

    def check_unknown(self) -> None:
        """Note the keys at the top that no block has."""
        for key in self.root.value if isinstance(self.root.value, dict) else ():
            if key not in self._known:
                self.problem((key,), f"is not known here; {nearest(key, self._known)}")

    def fail(self) -> NoReturn:
        """Raise the problems, where nothing more can be checked."""
        self.check_unknown()
        self._problems.raise_any()
        raise AssertionError("a mapping has failed without a problem")

    def _report(self, model: type[BaseModel], loc: Loc, place: Loc, error: Any) -> None:
        here = loc + place
        _, node = self.find(here)
        self.problem(here, text_of(model, place, error, node=node, shown=self.shown(here)))


def _plain(node: Node, *, marked: bool) -> Any:
    """The value as plain lists and dicts; `marked` keeps which texts ${NAME} made."""
    if isinstance(node.value, list):
        return [_plain(item, marked=marked) for item in node.value]
    if isinstance(node.value, dict):
        return {name: _plain(it.node, marked=marked) for name, it in node.value.items()}
    if marked and node.filled and isinstance(node.value, str):
        return FilledText(node.value)
    return node.value


def _given(node: Node) -> list[str]:
    """Everything that came from the environment, in and below a node."""
    inner: list[Node] = []
    if isinstance(node.value, dict):
        inner = [entry.node for entry in node.value.values()]
    elif isinstance(node.value, list):
        inner = node.value
    return [*node.given, *(text for it in inner for text in _given(it))]


def _path(loc: Sequence[str | int]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text
