"""A mapping file with what it extends, and with the environment's values in it."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import syncd
from syncd.cmms.mapping.nodes import Entry, Mark, Node, YamlProblem, merged, parse_yaml
from syncd.cmms.mapping.section import Problems

SETTING = "SYNCD_CMMS_MAPPING"
PRESET = "preset:"
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(#?)(?::-([^}]*))?\}")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_OURS = "SYNCD_"
_NOTHING = Node(Mark(SETTING, 0), {})  # in place of what could not be read


def presets_path() -> Path:
    """The presets: inside the installed package, or in the checkout's config."""
    package = Path(syncd.__file__).parent
    packaged = package / "_presets"
    return packaged if packaged.is_dir() else package.parent / "config" / "presets"


def presets() -> list[str]:
    """The names of the mappings that ship."""
    return sorted(path.stem for path in presets_path().glob("*.yaml"))


def read_tree(told: str) -> Node:
    """The file that the setting names, laid on what it extends.

    Raises ConfigurationError if one of them cannot be read.
    """
    problems = Problems()
    tree = _read(told, Path(), None, problems, ())
    problems.raise_any()
    return tree


def _read(
    told: str, beside: Path, by: Mark | None, problems: Problems, via: tuple[Path, ...]
) -> Node:
    mark, where = by or Mark(SETTING, 0), "extends" if by else ""

    def problem(what: str) -> None:
        problems.add(mark, where, f"{told} {what}")

    if told.startswith(PRESET):
        name = told.removeprefix(PRESET)
        path, shown = presets_path() / f"{name}.yaml", told
        if name not in presets():
            near = difflib.get_close_matches(name, presets(), n=1)
            known = ", ".join(presets()) or "none yet"
            problem(f"is no preset; {f'did you mean {near[0]}?' if near else f'there is {known}'}")
            return _NOTHING
    else:
        path = beside / told
        shown = str(path)
    real = path.resolve()
    if real in via:
        problem("is extended by what it extends itself; one of them has to stop")
        return _NOTHING
    try:
        node = parse_yaml(path.read_text(encoding="utf-8-sig"), shown)
    except OSError as error:
        problem(f"cannot be read: {error.strerror}")
        return _NOTHING
    except UnicodeDecodeError:
        problem("is no UTF-8 text")
        return _NOTHING
    except YamlProblem as error:
        problems.add(error.mark, "", str(error))
        return _NOTHING
    return _extended(node, path.parent, problems, (*via, real))


def _extended(node: Node, folder: Path, problems: Problems, via: tuple[Path, ...]) -> Node:
    if not isinstance(node.value, dict):
        problems.add(node.mark, "", "is no mapping; it begins with: mapping: rest/1")
        return _NOTHING
    entry = node.value.get("extends")
    if entry is None or entry.node.value is None:
        return node
    if not isinstance(entry.node.value, str):
        problems.add(entry.mark, "extends", "has to be preset:NAME, or a path beside the file")
        return _NOTHING
    under = _read(entry.node.value, folder, entry.mark, problems, via)
    own = {name: it for name, it in node.value.items() if name != "extends"}
    return merged(under, Node(node.mark, own))


# ── the environment ───────────────────────────────────────────────────────────────────────


def filled(node: Node, environ: Mapping[str, str], problems: Problems) -> Node:
    """The tree with every ${NAME} and ${NAME:-default} replaced, and ${NAME#} by a number.
    NAME_FILE is read."""
    return _Filling(environ, problems).node(node, "")


class _Filling:
    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems

    def node(self, node: Node, path: str) -> Node:
        value = node.value
        if isinstance(value, str):
            return self._text(node, value, path)
        if isinstance(value, list):
            items = [self.node(item, f"{path}[{n}]") for n, item in enumerate(value)]
            return Node(node.mark, items)
        if isinstance(value, dict):
            entries = {
                name: Entry(it.key, it.mark, self.node(it.node, f"{path}.{name}".strip(".")))
                for name, it in value.items()
            }
            return Node(node.mark, entries)
        return node

    def _text(self, node: Node, text: str, path: str) -> Node:
        if "${" not in text:
            return node
        given: list[str] = []

        def value(found: re.Match[str]) -> str:
            told = self._value(found[1], found[3], node.mark, path)
            if told is not None:
                given.append(told)
                self._problems.given.add(told)
                return told
            return found[3] or ""

        done = _NAME.sub(value, text)
        if "${" in _NAME.sub("", text):
            self._problems.add(node.mark, path, "holds ${ that is no ${NAME} or ${NAME:-default}")
        numbers = [found[1] for found in _NAME.finditer(text) if found[2]]
        if not numbers:
            return Node(node.mark, done, tuple(given), filled=True)
        if _NAME.fullmatch(text) is None:
            self._problems.add(node.mark, path, "holds ${NAME#}, a number, with text around it")
        elif _WHOLE.fullmatch(done):
            return Node(node.mark, int(done), tuple(given))
        elif done:
            self._problems.add(node.mark, path, f"{numbers[0]} has to be a whole number")
        return Node(node.mark, 0, tuple(given))

    def _value(self, name: str, default: str | None, mark: Mark, path: str) -> str | None:
        """What the environment has for this name; None: the default."""
        if name.startswith(_OURS):
            self._problems.add(
                mark, path, f"takes {name}, a setting of syncd's own; use a name of another kind"
            )
            return None
        plain, file = self._environ.get(name, ""), self._environ.get(f"{name}_FILE", "")
        if plain and file:
            self._problems.add(mark, path, f"{name} and {name}_FILE are both set; unset one")
            return None
        if file:
            return self._from_file(name, file, mark, path)
        if not plain and default is None:
            self._problems.add(
                mark, path, f"{name} is not set in the environment; set it, or {name}_FILE"
            )
        return plain or None

    def _from_file(self, name: str, file: str, mark: Mark, path: str) -> str | None:
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no UTF-8 text"
            self._problems.add(mark, path, f"{name}_FILE: {file} cannot be read: {why}")
            return None
        value = text.removesuffix("\n").removesuffix("\r")
        if not value:
            self._problems.add(mark, path, f"{name}_FILE: {file} is empty; write the value into it")
        return value or None
