"""A made-up customer: tables of their own, a mapping for them, and people at a SQL prompt."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from syncd.cmms.load import AdapterContext
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.cmms.sql.mapped import MappedSqlAdapter
from tests.conftest import Clock
from tests.edges.sql_bench import People

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "cmms-sql.example.yaml"

_JOBS = """
CREATE TABLE {table} (
  job_no {serial},
  site_code VARCHAR(10) NOT NULL,
  scan2evolve_id VARCHAR(40) UNIQUE,
  short_text VARCHAR(80) NOT NULL,
  long_text TEXT,
  state CHAR(4) NOT NULL,
  prio INTEGER,
  place VARCHAR(100),
  equipment_no VARCHAR(40),
  finish_by TIMESTAMP,
  planned_min INTEGER,
  worked_min INTEGER DEFAULT 0,
  finished_at TIMESTAMP,
  cause_text TEXT,
  action_text TEXT,
  closing_remark TEXT,
  last_change TIMESTAMP,
  row_version INTEGER DEFAULT 1
)
"""


class Customer:
    """The database, its mapping file and its people."""

    def __init__(self, url: str, folder: Path, clock: Clock) -> None:
        self.url = url
        self.people = People(url)
        self.sqlite = url.startswith("sqlite")
        self.table = "jobs" if self.sqlite else "maint.jobs"
        self.file = folder / "plant.yaml"
        self.clock = clock
        self._made: list[MappedSqlAdapter] = []
        text = EXAMPLE.read_text(encoding="utf-8")
        if self.sqlite:
            text = text.replace("maint.jobs", "jobs")
        self.file.write_text(text, encoding="utf-8")

    def make(self) -> None:
        """The table, with two jobs of theirs and one of another site."""
        if not self.sqlite:
            self.people.sql("CREATE SCHEMA maint")
        serial = "INTEGER PRIMARY KEY" if self.sqlite else "SERIAL PRIMARY KEY"
        self.people.sql(_JOBS.format(table=self.table, serial=serial))
        self.add(site_code="HAM", short_text="Belt slips", state="REL", prio=2)
        self.add(site_code="KIEL", short_text="Elsewhere", state="REL", prio=1)
        self.add(site_code="HAM", short_text="Fan is loud", state="CNF", prio=3)

    def add(self, **values: object) -> None:
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        self.people.sql(f"INSERT INTO {self.table} ({names}) VALUES ({marks})", **values)

    def rows(self, condition: str = "1 = 1") -> list[dict[str, object]]:
        return self.people.sql(f"SELECT * FROM {self.table} WHERE {condition} ORDER BY 1")

    def row(self, cmms_id: str) -> dict[str, object]:
        (row,) = self.rows(f"job_no = {int(cmms_id)}")
        return row

    def edit(self, cmms_id: str, **values: object) -> None:
        told = ", ".join(f"{name} = :{name}" for name in values)
        self.people.sql(f"UPDATE {self.table} SET {told} WHERE job_no = {int(cmms_id)}", **values)

    def change(self, old: str, new: str) -> None:
        """Edit the mapping file."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text, old
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def adapter(
        self, *, may_write: bool = True, environ: Mapping[str, str] | None = None
    ) -> MappedSqlAdapter:
        context = AdapterContext(may_write=may_write, utcnow=self.clock)
        context = replace(context, environ=environ or {})
        options = SqlAdapter.Options(url=self.url, mapping=str(self.file))
        made = SqlAdapter.from_options(options, context)
        assert isinstance(made, MappedSqlAdapter)
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()
        self.people.engine.dispose()
