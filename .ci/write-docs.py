"""Write what the documentation repeats from the code; with --check, only say what is stale."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from syncd.cmms.mapping.file import VERIFIED  # noqa: E402 - found through the line above
from syncd.cmms.mapping.values.hours import SPELLED_IN  # noqa: E402
from syncd.cmms.mapping.values.times import FORMATS  # noqa: E402
from syncd.cmms.rest.reference import reference as rest_reference  # noqa: E402
from syncd.core.work_order import CMMS_OWNED, SHARED, Field, kind_of  # noqa: E402
from syncd.log import EVENTS  # noqa: E402
from syncd.settings import reference  # noqa: E402

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


def settings_page() -> str:
    """docs/settings.md."""
    rows = [f"| {name} | {default} | {meaning} |" for name, default, meaning in reference()]
    return (
        SETTINGS_HEAD + "\n".join(["| name | default | meaning |", "|---|---|---|", *rows]) + "\n"
    )


def env_example() -> str:
    """config/env.example."""
    parts = [f"# {meaning}\n#{name}={default}\n" for name, default, meaning in reference()]
    return ENV_HEAD + "\n".join(parts)


def operations_page(text: str) -> str:
    """docs/operations.md with the table of log events as they are."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in EVENTS.items()]
    table = "\n".join(
        ["<!-- events -->", "| event | meaning |", "|---|---|", *rows, "<!-- end -->"]
    )
    return re.sub(r"<!-- events -->.*<!-- end -->", lambda _: table, text, flags=re.DOTALL)


def mapping_page(text: str) -> str:
    """docs/mapping.md with the tables of what the code knows."""
    owners = dict.fromkeys(SHARED, "both") | dict.fromkeys(CMMS_OWNED, "the CMMS")
    tables: dict[str, list[tuple[str, ...]]] = {
        "verified": [("verified", "meaning"), *VERIFIED.items()],
        "fields": [
            ("field", "kind", "written by"),
            *((str(it), str(kind_of(it)), owners.get(it, "Scan2Evolve")) for it in Field),
        ],
        "units": [("unit", "written and read"), *SPELLED_IN.items()],
        "formats": [("format", "written and read"), *FORMATS.items()],
    }
    for name, (head, *rows) in tables.items():
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines += [f"| `{first}` | {' | '.join(rest)} |" for first, *rest in rows]
        table = "\n".join([f"<!-- {name} -->", *lines, "<!-- end -->"])
        pattern = f"<!-- {name} -->.*?<!-- end -->"
        text = re.sub(pattern, lambda _, made=table: made, text, flags=re.DOTALL)
    return text


def rest_page(text: str) -> str:
    """docs/rest.md with a table for each block of the schema."""
    parts = ["<!-- keys -->"]
    for block, rows in rest_reference():
        parts += [f"### {block}", "", "| key | meaning |", "|---|---|"]
        # A name of a union's branches would end the cell.
        parts += [f"| `{key}` | {meaning.replace('|', '·')} |" for key, meaning in rows] + [""]
    table = "\n".join([*parts, "<!-- end -->"])
    return re.sub(r"<!-- keys -->.*<!-- end -->", lambda _: table, text, flags=re.DOTALL)


def main() -> int:
    operations = ROOT / "docs" / "operations.md"
    mapping = ROOT / "docs" / "mapping.md"
    rest = ROOT / "docs" / "rest.md"
    wanted = {
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "config" / "env.example": env_example(),
        operations: operations_page(operations.read_text(encoding="utf-8")),
        mapping: mapping_page(mapping.read_text(encoding="utf-8")),
        rest: rest_page(rest.read_text(encoding="utf-8")),
    }
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
