"""Write what the documentation repeats from the code; with --check, only say what is stale."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from syncd.cmms.mapping.file import VERIFIED  # noqa: E402 - found through the line above
from syncd.cmms.mapping.values.hours import SPELLED_IN  # noqa: E402
from syncd.cmms.mapping.values.times import FORMATS  # noqa: E402
from syncd.cmms.odoo.options import OdooOptions  # noqa: E402
from syncd.cmms.rest.reference import reference as rest_reference  # noqa: E402
from syncd.core.work_order import CMMS_OWNED, SHARED, Field, kind_of  # noqa: E402
from syncd.log import EVENTS  # noqa: E402
from syncd.mirror.db.tables import metadata  # noqa: E402
from syncd.settings import reference  # noqa: E402
from syncd.twin.faults import KINDS  # noqa: E402

SETTINGS_HEAD = """# Settings

From the environment, read once at the start. An empty value counts as not set. A name that
begins with SYNCD_ and is none of these is an error (78) that names the nearest right one; exempt
are SYNCD_TEST_… and what Kubernetes injects for a service called syncd (SYNCD_PORT…,
SYNCD_SERVICE_…). A setting marked "also as …_FILE" can be read from the file that NAME_FILE
names; both set is an error. The adapter's own options are SYNCD_CMMS_… names that it checks.

"""
ENV_HEAD = """# Every setting with its default. Copy what you change into .env (docker compose) or
# the environment. Secrets are better in files: NAME_FILE=/run/secrets/name.

"""


WIDTH = 100  # columns of a page


def between(text: str, mark: str, lines: Sequence[str]) -> str:
    """The page with these lines between `<!-- mark -->` and the next `<!-- end -->`."""
    block = "\n".join([f"<!-- {mark} -->", *lines, "<!-- end -->"])
    pattern = rf"<!-- {mark} -->.*?<!-- end -->"
    return re.sub(pattern, lambda _: block, text, count=1, flags=re.DOTALL)


def table(*rows: Sequence[str]) -> list[str]:
    """A Markdown table, its head first; the first cell of the others is code."""
    head, *others = rows
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| `{first}` | {' | '.join(rest)} |" for first, *rest in others]


def settings_page() -> str:
    """docs/reference/settings.md."""
    rows = [f"| {name} | {default} | {meaning} |" for name, default, meaning in reference()]
    return (
        SETTINGS_HEAD + "\n".join(["| name | default | meaning |", "|---|---|---|", *rows]) + "\n"
    )


def env_example() -> str:
    """config/env.example."""
    parts = [f"# {meaning}\n#{name}={default}\n" for name, default, meaning in reference()]
    return ENV_HEAD + "\n".join(parts)


def events_page(text: str) -> str:
    """The page of log events with the table of them."""
    return between(text, "events", table(("event", "meaning"), *EVENTS.items()))


def mapping_page(text: str) -> str:
    """The page of the mapping language with the tables of what the code knows."""
    owners = dict.fromkeys(SHARED, "both") | dict.fromkeys(CMMS_OWNED, "the CMMS")
    fields = [(str(it), str(kind_of(it)), owners.get(it, "Scan2Evolve")) for it in Field]
    text = between(text, "verified", table(("verified", "meaning"), *VERIFIED.items()))
    text = between(text, "fields", table(("field", "kind", "written by"), *fields))
    text = between(text, "units", table(("unit", "written and read"), *SPELLED_IN.items()))
    return between(text, "formats", table(("format", "written and read"), *FORMATS.items()))


def rest_page(text: str) -> str:
    """The page of rest/1 with a table for each block of the schema."""
    lines: list[str] = []
    for block, rows in rest_reference():
        # A name of a union's branches would end the cell.
        plain = [(key, meaning.replace("|", "·")) for key, meaning in rows]
        lines += [f"### {block}", "", *table(("key", "meaning"), *plain), ""]
    return between(text, "keys", lines)


def simulate_page(text: str) -> str:
    """The page of the twin with the kinds of faults."""
    rows = [
        (name, kind.text, "yes" if kind.applied else "", ", ".join(f"`{arg}`" for arg in kind.args))
        for name, kind in KINDS.items()
    ]
    return between(text, "faults", table(("kind", "what happens", "applied", "also"), *rows))


def mirror_page(text: str) -> str:
    """The page of the mirror's tables, with what the code says beside each column."""
    lines: list[str] = []
    for name, about, columns in mirror_tables():
        lines += [f"### {name}", ""]
        lines += [f"{about[0].upper()}{about[1:]}.", ""] if about else []
        lines += [*table(("column", "type", "meaning"), *columns), ""]
    return between(text, "tables", lines)


def mirror_tables() -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Each table of the mirror: its name, what it is, and its columns with type and meaning.

    A table's columns for the shared fields are one row, and `connection` is none.
    """
    source = (ROOT / "syncd" / "mirror" / "db" / "tables.py").read_text(encoding="utf-8")
    about = dict(re.findall(r'^    "(\w+)",  # (.*)$', source, re.MULTILINE))
    for name, its in metadata.tables.items():
        part = source.partition(f'    "{name}",')[2].partition("\n)\n")[0]
        meaning = dict(re.findall(r'^    Column\("(\w+)".*?\),(?:  # (.*))?$', part, re.MULTILINE))
        columns = [
            (
                column.name,
                _TYPES.get(kind := type(column.type).__name__, kind),
                meaning[column.name],
            )
            for column in its.columns
            if column.name in meaning and column.name != "connection"
        ]
        if set(Field) <= set(its.columns.keys()):
            columns.insert(1, ("title …", "by field", "each shared field, named as it is"))
        yield name, about.get(name, ""), columns


_TYPES = {"PlainText": "text", "UtcTime": "time", "Integer": "integer", "Boolean": "boolean"}


def odoo_page(text: str) -> str:
    """The page of Odoo with the adapter's options."""
    rows = []
    for name, option in OdooOptions.model_fields.items():
        default = "" if option.default in {None, ()} else str(option.default)
        rows.append((f"SYNCD_CMMS_{name.upper()}", default, option.description or ""))
    return between(text, "options", table(("name", "default", "meaning"), *rows))


def port_page(text: str) -> str:
    """The page of the port with what `verified` may be."""
    return between(text, "verified", table(("verified", "meaning"), *VERIFIED.items()))


def rooms() -> list[tuple[int, str, str]]:
    """Of each package of syncd/, two levels deep, and each module that lies directly in syncd/: its
    depth, its name and the first sentence of its docstring; from the top layer down."""
    package = ROOT / "syncd"
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (layers,) = [
        it["layers"] for it in linter["importlinter"]["contracts"] if it["type"] == "layers"
    ]
    order = [name.removeprefix("syncd.") for layer in layers for name in layer.split(" | ")]
    paths = {path.stem: path for path in package.glob("*.py") if path.stem != "__init__"}
    paths |= {path.parent.name: path for path in package.glob("*/__init__.py")}
    rows = []
    for name in sorted(paths, key=lambda it: (order.index(it) if it in order else 99, it)):
        path = paths[name]
        inner = sorted(path.parent.glob("*/__init__.py")) if path.stem == "__init__" else []
        shown = f"{name}/" if path.stem == "__init__" else path.name
        rows.append((0, shown, first_sentence(path)))
        rows += [(1, f"{it.parent.name}/", first_sentence(it)) for it in inner]
    return rows


def first_sentence(path: Path) -> str:
    """What a module says of itself in the first sentence of its docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = re.sub(r" \(docs/\S+\)", "", text.partition("\n")[0])
    return re.split(r"(?<=\.) (?=[A-Z])", line)[0]


def shortened(sentence: str, width: int) -> str:
    """The sentence, or as many of its parts between commas as fit."""
    while len(sentence) > width and "," in sentence:
        sentence = f"{sentence.rpartition(',')[0]}."
    return sentence


def tree_page(text: str) -> str:
    """A page with the tree of syncd/, a line each."""
    rows = [("  " * (depth + 1) + name, sentence) for depth, name, sentence in rooms()]
    column = max(len(name) for name, _ in rows) + 2
    drawn = [name.ljust(column) + shortened(sentence, WIDTH - column) for name, sentence in rows]
    return between(text, "tree", ["```", "syncd/", *drawn, "```"])


PAGES = {
    "README.md": tree_page,
    "docs/explanation/architecture.md": tree_page,
    "docs/reference/adapter-port.md": port_page,
    "docs/reference/events.md": events_page,
    "docs/reference/mapping.md": mapping_page,
    "docs/reference/mapping-rest.md": rest_page,
    "docs/reference/mirror.md": mirror_page,
    "docs/reference/odoo.md": odoo_page,
    "docs/reference/simulate.md": simulate_page,
}


def main() -> int:
    wanted = {
        ROOT / "docs" / "reference" / "settings.md": settings_page(),
        ROOT / "config" / "env.example": env_example(),
    }
    for name, write in PAGES.items():
        wanted[ROOT / name] = write((ROOT / name).read_text(encoding="utf-8"))
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if "--check" in sys.argv:
            sys.stdout.write(f"{path.relative_to(ROOT)} is stale; `make docs` writes it anew\n")
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
