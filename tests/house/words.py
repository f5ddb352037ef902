"""Names that say nothing of what they hold, and class names that mean two things.

python -m tests.house.words [FOLDER]     list them, in all of syncd/ or in one folder of it
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "syncd"
# That somebody said or found something is no name for it.
EMPTY = {"told", "said", "found", "each"}
# Words with several meanings, each with a better one in docs/explanation/architecture.md.
VAGUE = {"settle", "settles", "settling", "look", "looks", "looked", "looking", "misfit", "thing"}
WHOLE = {"meet", "alone"}
# The one term with such a word in it: what a 404 says, in the port and in Python's own errors.
TERM = re.compile(r"not_?found", re.IGNORECASE)


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that the file gives or uses, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield line, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield line, name
            case ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)):
                yield line, name
            case ast.alias(name=name, asname=asname):
                yield line, asname or name.rpartition(".")[2]


def is_banned(name: str) -> bool:
    """Whether a part of the name is a banned word: `told`, `_was_told`, `lookAt` are."""
    parts = re.findall(r"[a-z]+|[A-Z][a-z]*", TERM.sub("", name))
    return name.strip("_") in WHOLE or any(part.lower() in EMPTY | VAGUE for part in parts)


def banned_names(folder: Path = PACKAGE) -> list[str]:
    """Each banned name as `file:line name`."""
    return [
        f"{path.relative_to(PACKAGE.parent)}:{line} {name}"
        for path in sorted(folder.rglob("*.py"))
        for line, name in sorted(set(names_in(path)))
        # A rule's name is a sentence, which `syncd adapter test` prints and `--rule` chooses by.
        if is_banned(name) and not name.startswith("test_")
    ]


def classes_twice(folder: Path = PACKAGE) -> dict[str, list[str]]:
    """Class names that stand in more than one place, with these places."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            # `Options` is what the port calls the settings of every adapter.
            if isinstance(node, ast.ClassDef) and node.name != "Options":
                places[node.name].append(str(path.relative_to(PACKAGE.parent)))
    return {name: where for name, where in places.items() if len(where) > 1}


if __name__ == "__main__":
    chosen = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PACKAGE
    banned = banned_names(chosen)
    print("\n".join(banned))
    for name, where in classes_twice().items():
        print(f"class {name}: {', '.join(where)}")
    print(f"{len(banned)} banned names")
