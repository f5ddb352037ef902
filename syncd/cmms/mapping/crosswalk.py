"""Tables of `maps` that stand in a CSV file beside the mapping: the crosswalks of a plant.

    maps: {people: {file: people.csv}}          # or {file: people.csv, theirs: number}

    ours,theirs,comment
    miller.hans@example.com,4711,Hans Miller
    anna@example.com,4712,
    anna@example.com,0815,her old number        # with a column use: read, never written

`ours` and `theirs` are wanted; `use` may say `read`; other columns are for people. Commas,
semicolons and tabs are taken. A row in which one of the two is empty is not filled in yet, and left
out. Each row becomes a line of the table, with its place in the file.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from syncd.cmms.mapping.nodes import MOST_BYTES, MOST_NODES, KeyValue, Mark, Node, Scalar, key_text
from syncd.cmms.mapping.problems import Problems, nearest

_KEYS = ("file", "theirs")
_COLUMNS = ("ours", "theirs", "use")
_DELIMITERS = ",;\t"


def with_crosswalks(node: Node, folder: Path, problems: Problems) -> Node:
    """The mapping with the rows of its crosswalks as lines of its tables.

    Args:
        folder: the folder that the files stand in.
    """
    entries = dict(node.value) if isinstance(node.value, dict) else {}
    maps = entries.get("maps")
    if maps is None or not isinstance(maps.node.value, dict):
        return node
    tables = {
        name: _Crosswalk(folder, f"maps.{name}", problems).table(it) if _is_file(it.node) else it
        for name, it in maps.node.value.items()
    }
    entries["maps"] = KeyValue(maps.key, maps.mark, Node(maps.node.mark, tables))
    return Node(node.mark, entries)


def _is_file(node: Node) -> bool:
    """Whether a table is a file: not one with a line for a value of theirs that is `file`."""
    if not isinstance(node.value, dict) or "file" not in node.value:
        return False
    name = node.value["file"].node.value
    return isinstance(name, str) and name.lower().endswith((".csv", ".tsv", ".txt"))


class _Crosswalk:
    """Reads one file; what is wrong in it is a problem at its row."""

    def __init__(self, folder: Path, path: str, problems: Problems) -> None:
        self._folder = folder
        self._path = path
        self._problems = problems
        self._numbers = False

    def table(self, entry: KeyValue) -> KeyValue:
        """The table that the file holds, in the place of the block that names it."""
        block = entry.node.value
        assert isinstance(block, dict)  # noqa: S101 - `_is_file`
        for key in block.keys() - set(_KEYS):
            what = f"is not known beside file; {nearest(key, _KEYS)}"
            self._problems.add(block[key].mark, f"{self._path}.{key}", what)
        kind = block["theirs"].node if "theirs" in block else Node(entry.mark, "text")
        if kind.value not in ("text", "number"):
            what = f"is {kind.value!r}; there is text, number"
            self._problems.add(kind.mark, f"{self._path}.theirs", what)
        self._numbers = kind.value == "number"
        mark = block["file"].mark
        file = self._folder / str(block["file"].node.value)
        text = self._text(file, mark)
        lines = {} if text is None else self._lines(text, str(file))
        return KeyValue(entry.key, entry.mark, Node(Mark(str(file), 0), lines))

    def _text(self, file: Path, mark: Mark) -> str | None:
        why = f"is larger than {MOST_BYTES} bytes"
        try:
            if file.stat().st_size <= MOST_BYTES:
                return file.read_text(encoding="utf-8-sig")
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            why = "is no UTF-8 text; save it as CSV UTF-8"
        self._problems.add(mark, f"{self._path}.file", f"{file} {why}")
        return None

    def _lines(self, text: str, file: str) -> dict[str, KeyValue]:
        lines: dict[str, KeyValue] = {}
        for number, row in self._rows(text, file):
            mark = Mark(file, number)
            theirs = self._theirs(row["theirs"], mark)
            use = row.get("use", "").casefold()
            if use not in {"", "read"}:
                self._problem(mark, f"use is {use!r}; it is empty, or read")
            if len(lines) > MOST_NODES // 2:
                self._problem(mark, "there are too many rows")
                break
            key = key_text(theirs)
            ours = Node(mark, row["ours"])
            if use == "read":
                ours = Node(mark, {"read": KeyValue("read", mark, ours)})
            if key in lines:
                first = lines[key].mark
                self._problem(mark, f"{row['theirs']!r} stands in {first} already")
            else:
                lines[key] = KeyValue(theirs, mark, ours)
        return lines

    def _rows(self, text: str, file: str) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows that are filled in, each with its line in the file."""
        head = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=head.count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        try:
            names = [name.strip().casefold() for name in next(reader, [])]
            missing = [name for name in ("ours", "theirs") if name not in names]
            if missing:
                what = (
                    f"has no column {' and '.join(missing)}; its first line is {head.strip()!r:.80}"
                )
                self._problem(Mark(file, 1), f"{what}, and {','.join(_COLUMNS)},comment would do")
                return
            for cells in reader:
                row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
                if row.get("ours") and row.get("theirs"):
                    yield reader.line_num, row
        except csv.Error as error:
            self._problem(Mark(file, reader.line_num), f"is no CSV: {error}")

    def _theirs(self, text: str, mark: Mark) -> Scalar:
        if not self._numbers:
            return text
        try:
            return int(text)
        except ValueError:
            self._problem(mark, f"theirs is {text!r:.60}, and `theirs: number` wants whole numbers")
            return text

    def _problem(self, mark: Mark, what: str) -> None:
        self._problems.add(mark, self._path, what)
