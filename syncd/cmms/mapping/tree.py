"""A mapping file, with the files that it extends and the values of the environment."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import syncd
from syncd.cmms.mapping.crosswalk import with_crosswalks
from syncd.cmms.mapping.nodes import KeyValue, Mark, Node, YamlProblem, merged, parse_yaml
from syncd.cmms.mapping.problems import Problems

SETTING = "SYNCD_CMMS_MAPPING"
PRESET = "preset:"
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(#?)(?::-([^}]*))?\}")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_OWN_SETTINGS = "SYNCD_"
_NOTHING = Node(Mark(SETTING, 0), {})  # stands for a file that could not be read


def presets_path() -> Path:
    """The folder of the presets: inside the installed package, or config/presets of a checkout."""
    package = Path(syncd.__file__).parent
    packaged = package / "_presets"
    return packaged if packaged.is_dir() else package.parent / "config" / "presets"


def presets() -> list[str]:
    """The names of the mappings that ship with syncd."""
    return sorted(path.stem for path in presets_path().glob("*.yaml"))


def read_tree(name: str) -> Node:
    """Read the file that SYNCD_CMMS_MAPPING names, laid on the files that it extends.

    Args:
        name: preset:NAME, or a path.

    Raises ConfigurationError if one of the files cannot be read.
    """
    problems = Problems()
    tree = _read(name, Path(), None, problems, ())
    problems.raise_any()
    return tree


def _read(
    name: str, beside: Path, by: Mark | None, problems: Problems, via: tuple[Path, ...]
) -> Node:
    """Read one file and those that it extends.

    Args:
        beside: the folder that a path is relative to.
        by: the line that extends this file; None: the setting names it.
        via: the files that were read on the way to this one.
    """
    mark, where = by or Mark(SETTING, 0), "extends" if by else ""

    def problem(what: str) -> None:
        problems.add(mark, where, f"{name} {what}")

    if name.startswith(PRESET):
        preset = name.removeprefix(PRESET)
        path, shown = presets_path() / f"{preset}.yaml", name
        if preset not in presets():
            near = difflib.get_close_matches(preset, presets(), n=1)
            known = ", ".join(presets()) or "none yet"
            problem(f"is no preset; {f'did you mean {near[0]}?' if near else f'there is {known}'}")
            return _NOTHING
    else:
        path = beside / name
        shown = str(path)
    real = path.resolve()
    if real in via:
        problem("extends itself, directly or through other files; take one extends out")
        return _NOTHING
    try:
        node = parse_yaml(path.read_text(encoding="utf-8-sig"), shown)
    except OSError as error:
        problem(f"cannot be read: {error.strerror}")
        return _NOTHING
    except UnicodeDecodeError:
        problem("is no UTF-8 text; save it as UTF-8")
        return _NOTHING
    except YamlProblem as error:
        problems.add(error.mark, "", str(error))
        return _NOTHING
    node = with_crosswalks(node, path.parent, problems)
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
    """Replace every ${NAME} and ${NAME:-default} of the tree by its value, ${NAME#} by a number.

    Where NAME_FILE is set, the value is read from that file.
    """
    return _Filling(environ, problems).node(node, "")


class _Filling:
    """Replaces the placeholders of one tree; problems are collected."""

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
                name: KeyValue(it.key, it.mark, self.node(it.node, f"{path}.{name}".strip(".")))
                for name, it in value.items()
            }
            return Node(node.mark, entries)
        return node

    def _text(self, node: Node, text: str, path: str) -> Node:
        if "${" not in text:
            return node
        given: list[str] = []

        def value(match: re.Match[str]) -> str:
            own = self._value(match[1], match[3], node.mark, path)
            if own is not None:
                given.append(own)
                self._problems.given.add(own)
                return own
            return match[3] or ""

        result = _NAME.sub(value, text)
        if "${" in _NAME.sub("", text):
            self._problems.add(node.mark, path, "holds ${ that is no ${NAME} or ${NAME:-default}")
        numbers = [match[1] for match in _NAME.finditer(text) if match[2]]
        if not numbers:
            return Node(node.mark, result, tuple(given), filled=True)
        if _NAME.fullmatch(text) is None:
            self._problems.add(node.mark, path, "holds ${NAME#}, a number, with text around it")
        elif _WHOLE.fullmatch(result):
            return Node(node.mark, int(result), tuple(given))
        elif result:
            self._problems.add(node.mark, path, f"{numbers[0]} has to be a whole number")
        return Node(node.mark, 0, tuple(given))

    def _value(self, name: str, default: str | None, mark: Mark, path: str) -> str | None:
        """The environment's value of this name; None if the default is to be used."""
        if name.startswith(_OWN_SETTINGS):
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
