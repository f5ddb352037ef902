"""A CMMS of a plant's own, with a mapping in a file: an adapter as somebody would write one.

One SQLite table `jobs(no, wo, name, state, cause)`; the mapping says what each state means, and
whether `cause` is read.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from syncd.cmms.load import AdapterContext
from syncd.cmms.port import Capabilities
from syncd.core.values import encode_value, parse_value
from syncd.core.work_order import CmmsRecord, Field, Fields
from syncd.errors import NotFound


class MappedCmms:
    """See `syncd.cmms.port`."""

    class Options(BaseModel):
        """SYNCD_CMMS_URL: the SQLite file; SYNCD_CMMS_MAPPING: a JSON file."""

        url: str
        mapping: str

    name: ClassVar[str] = "mapped"
    capabilities: Capabilities
    mapping_hash: str

    def __init__(self, path: str, mapping: Mapping[str, Any]) -> None:
        self._path, self._states = path, dict(mapping["states"])
        self._columns = {Field.TITLE: "name", Field.STATUS: "state"}
        if mapping.get("cause"):
            self._columns[Field.ROOT_CAUSE] = "cause"
        told = json.dumps(mapping, sort_keys=True).encode()
        self.mapping_hash = hashlib.sha256(told).hexdigest()[:16]
        fields = frozenset(self._columns)
        self.capabilities = Capabilities(
            reads=fields | {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS},
            writes=fields,
            clears=fields & {Field.ROOT_CAUSE},
        )

    @classmethod
    def from_options(cls, options: "MappedCmms.Options", _context: AdapterContext) -> "MappedCmms":
        mapping = json.loads(Path(options.mapping).read_text(encoding="utf-8"))
        return cls(options.url.removeprefix("sqlite:///"), mapping)

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        fields = {name: parse_value(name, native[col]) for name, col in self._columns.items()}
        state = str(native["state"])
        fields[Field.STATUS] = parse_value(Field.STATUS, self._states.get(state, state))
        fields[Field.EXTERNAL_ID] = str(native["no"])
        fields[Field.EXTERNAL_STATUS] = state
        wo = native["wo"]
        return CmmsRecord(str(native["no"]), str(wo) if wo else None, fields, dict(native))

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        yield from self._select("1 = 1")

    def get(self, cmms_id: str) -> CmmsRecord:
        for found in self._select("no = ?", cmms_id):
            return found
        raise NotFound(f"there is no job {cmms_id}", side="cmms")

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        return self._select("wo = ?", s2e_id)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        if not self.find(s2e_id):
            with closing(self._open()) as conn, conn:
                conn.execute("INSERT INTO jobs (wo) VALUES (?)", (s2e_id,))
            self._write("wo = ?", s2e_id, fields)
        return self.find(s2e_id)[0]

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        self.get(cmms_id)
        self._write("no = ?", cmms_id, fields)
        return self.get(cmms_id)

    def _write(self, where: str, key: str, fields: Fields) -> None:
        with closing(self._open()) as conn, conn:
            for name, value in fields.items():
                told = encode_value(value)
                if name is Field.STATUS:
                    told = next(k for k, meaning in self._states.items() if meaning == told)
                conn.execute(
                    f"UPDATE jobs SET {self._columns[name]} = ? WHERE {where}", (told, key)
                )

    def _select(self, where: str, *values: str) -> list[CmmsRecord]:
        with closing(self._open()) as conn:
            rows = conn.execute(f"SELECT * FROM jobs WHERE {where} ORDER BY no", values).fetchall()
        return [self.read_native(dict(row)) for row in rows]

    def _open(self) -> sqlite3.Connection:
        conn = sqlite3.connect(self._path)
        conn.row_factory = sqlite3.Row
        conn.execute(
            "CREATE TABLE IF NOT EXISTS jobs "
            "(no INTEGER PRIMARY KEY, wo TEXT, name TEXT, state TEXT, cause TEXT)"
        )
        return conn
