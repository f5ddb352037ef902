"""The first files of a new adapter, with a test that passes as they are.

The files of a kind lie in templates/KIND/. NAME in a file's name stands for the adapter's name;
`render` says which words in the texts do. Another folder is another kind.
"""

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from syncd.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_END = ".txt"  # else tools would take a template for a module


def kinds() -> list[str]:
    """The kinds of adapter that there are templates for: code, a Python file; rest, a mapping."""
    return sorted(it.name for it in files("syncd.cmms").joinpath("templates").iterdir())


def render(name: str, kind: str = "code", module: str | None = None) -> Mapping[str, str]:
    """The files of a new adapter: text by file name.

    Args:
        module: the module from which the test imports the adapter; None: the file's own name.

    Raises InputError for a name or a kind that cannot be used.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(
            f"{name!r} cannot be an adapter's name; use small letters, digits and _, "
            "for example acme_cmms"
        )
    if kind not in kinds():
        raise InputError(
            f"--kind {kind}: this version has no template for it; there is {', '.join(kinds())}"
        )
    folder = files("syncd.cmms").joinpath("templates", kind)
    words = {
        "__module__": module or name,
        "__name__": name,
        "__NAME__": name.upper(),
        "__Name__": "".join(part.capitalize() for part in name.split("_")),
    }
    rendered = {}
    for template in sorted(folder.iterdir(), key=lambda it: it.name):
        text = template.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        rendered[template.name.replace("NAME", name).removesuffix(_END)] = text
    return rendered


def scaffold(name: str, folder: Path, kind: str = "code") -> list[Path]:
    """Write the files of a new adapter and return their paths. Raises InputError if one of them
    exists."""
    rendered = {folder / file: text for file, text in render(name, kind).items()}
    there = [str(path) for path in rendered if path.exists()]
    if there:
        raise InputError(f"{', '.join(there)} is there already; choose another name or --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in rendered.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--dir {folder} cannot be written to: {error.strerror}") from error
    return list(rendered)
