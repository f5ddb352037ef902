"""The sql adapter by a mapping, on a real MariaDB."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import load_mapping
from syncd.cmms.sql.file import KIND, read_sql
from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.work_order import Field, Fields, Priority, Status
from syncd.errors import (
    Changed,
    CredentialsRefused,
    NotFound,
    Refused,
    UnexpectedContent,
    Unreachable,
)
from tests.conftest import Clock
from tests.system.mariadb import PASSWORD, USER, mariadb

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

TABLE = """
CREATE OR REPLACE TABLE `Work Orders` (
  no INT AUTO_INCREMENT PRIMARY KEY, plant CHAR(4) NOT NULL, s2e VARCHAR(40) UNIQUE,
  short VARCHAR(40) NOT NULL, notes TEXT, code TINYINT NOT NULL, prio ENUM('A', 'B', 'C'),
  due DATETIME, done DECIMAL(8, 2), ended DATETIME(3), version INT DEFAULT 1,
  moved TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE=InnoDB
"""
MAPPING = """
mapping: sql/1
name: mariadb
table: '"Work Orders"'
id: no
where: "plant = '0100' AND short <> 'a:b 100%'"
changed: moved
version: {at: version, count: true}
insert: {set: {plant: "0100"}}
times: {zone: UTC}
fields:
  s2e_id: s2e
  title: {at: short, max: 40}
  description: notes
  status: {at: code, map: status}
  priority: {at: prio, map: priority}
  due_date: {at: due, zone: Europe/Vienna}
  actual_hours: done
  completed_at: ended
maps:
  status: {10: [ASSIGNED, DRAFT], 20: IN_PROGRESS, 25: ON_HOLD, 30: COMPLETED, 90: CANCELLED}
  priority: {A: [HIGH, CRITICAL], B: MEDIUM, C: LOW}
"""
NEW: Fields = {
    Field.TITLE: "Pumpe leckt 🔧",
    Field.STATUS: Status.DRAFT,
    Field.PRIORITY: Priority.HIGH,
    Field.DUE_DATE: datetime(2026, 7, 1, 6, 30, tzinfo=UTC),
    Field.ACTUAL_HOURS: Decimal("1.25"),
    Field.COMPLETED_AT: datetime(2026, 7, 1, 6, 30, 15, 250_000, tzinfo=UTC),
}


class Plant:
    """The database, people at its prompt, and the adapter."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        parsed = make_url(url).set(drivername="mariadb+pymysql")
        self.engine = create_engine(parsed, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._file = folder / "plant.yaml"
        self._file.write_text(MAPPING, encoding="utf-8")
        self._made: list[MappedSqlAdapter] = []
        self.sql(TABLE)

    def sql(self, statement: str) -> list[dict[str, object]]:
        with self.engine.connect() as conn:
            done = conn.exec_driver_sql(statement)
            return [dict(row) for row in done.mappings()] if done.returns_rows else []

    def adapter(self, url: str | None = None, *, waits_s: float = 5.0) -> MappedSqlAdapter:
        mapping = load_mapping(str(self._file), KIND, {}, read_sql)
        context = AdapterContext(may_write=True, utcnow=Clock())
        made = MappedSqlAdapter(url or self.url, mapping, context, lock_timeout_s=waits_s)
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()
        self.engine.dispose()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # A short path: a socket's has room for 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="syncd-maria-") as folder,
        mariadb(Path(folder)) as url,
    ):
        yield url


@pytest.fixture
def plant(server: str, tmp_path: Path) -> Iterator[Plant]:
    with closing(Plant(server, tmp_path)) as made:
        yield made


def test_a_record_is_made_found_read_and_changed(plant: Plant) -> None:
    adapter = plant.adapter()
    assert adapter.check().endswith("0 records in Work Orders")
    made = adapter.create("wo_1", NEW)
    assert adapter.create("wo_1", NEW).cmms_id == made.cmms_id
    (row,) = plant.sql("SELECT * FROM `Work Orders`")
    assert (row["plant"], row["code"], row["prio"]) == ("0100", 10, "A")
    assert row["due"] == datetime(2026, 7, 1, 8, 30)
    assert {name: made.fields[name] for name in NEW} == {**NEW, Field.STATUS: Status.ASSIGNED}
    assert [it.cmms_id for it in adapter.find("wo_1")] == [made.cmms_id]
    assert adapter.find("WO_1") == []  # which this database takes for the same

    after = adapter.update(
        made.cmms_id,
        {Field.STATUS: Status.COMPLETED, Field.DESCRIPTION: "It's done; 100 %\nreally: yes"},
        {Field.STATUS: Status.ASSIGNED},
    )
    assert after.fields[Field.STATUS] is Status.COMPLETED
    assert after.fields[Field.DESCRIPTION] == "It's done; 100 %\nreally: yes"
    assert plant.sql("SELECT version FROM `Work Orders`") == [{"version": 2}]
    kept = adapter.read_native(after.native)
    assert kept.fields == after.fields


def test_changes_are_filtered_and_long_tables_read_to_the_end(plant: Plant) -> None:
    rows = ", ".join(f"('0100', 'Job {n}', 10)" for n in range(450))
    plant.sql(f"INSERT INTO `Work Orders` (plant, short, code) VALUES {rows}")
    plant.sql("INSERT INTO `Work Orders` (plant, short, code) VALUES ('0200', 'x', 10)")
    adapter = plant.adapter()
    records = list(adapter.fetch(None))
    assert len({it.cmms_id for it in records}) == len(records) == 450
    plant.sql("UPDATE `Work Orders` SET moved = '2020-01-01 00:00:00' WHERE no > 5")
    since = min(it.updated_at for it in records if it.updated_at is not None)
    assert sorted(int(it.cmms_id) for it in adapter.fetch(since)) == [1, 2, 3, 4, 5]


def test_what_the_database_refuses_is_refused_and_changes_nothing(plant: Plant) -> None:
    adapter = plant.adapter()
    made = adapter.create("wo_1", NEW)
    plant.sql("ALTER TABLE `Work Orders` MODIFY notes VARCHAR(5)")
    with pytest.raises(Refused, match="notes"):
        adapter.update(made.cmms_id, {Field.DESCRIPTION: "too long for it"}, {})
    with pytest.raises(Refused, match="short"):
        adapter.create("wo_2", {Field.STATUS: Status.DRAFT})
    assert len(plant.sql("SELECT no FROM `Work Orders`")) == 1


def test_an_edit_in_between_is_a_change_and_a_lock_a_wait(plant: Plant) -> None:
    adapter = plant.adapter(waits_s=1.0)
    made = adapter.create("wo_1", NEW)
    plant.sql("UPDATE `Work Orders` SET code = 20")
    with pytest.raises(Changed):
        adapter.update(
            made.cmms_id, {Field.STATUS: Status.COMPLETED}, {Field.STATUS: Status.ASSIGNED}
        )
    with plant.engine.connect().execution_options(isolation_level="READ COMMITTED") as busy:
        busy.exec_driver_sql("SELECT * FROM `Work Orders` FOR UPDATE")
        with pytest.raises(Unreachable) as caught:
            adapter.update(made.cmms_id, {Field.STATUS: Status.COMPLETED}, {})
        assert not caught.value.may_have_applied
    assert plant.sql("SELECT code FROM `Work Orders`") == [{"code": 20}]
    with pytest.raises(NotFound):
        adapter.get("999")


def test_errors_say_whose_fault_it_is(plant: Plant) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        plant.adapter(plant.url.replace(PASSWORD, "wrong-pw")).check()
    assert "wrong-pw" not in str(caught.value)
    plant.sql("ALTER TABLE `Work Orders` DROP COLUMN notes")
    with pytest.raises(UnexpectedContent, match=r"column notes is not in Work Orders.*plant.yaml"):
        plant.adapter().check()
    plant.sql("DROP TABLE `Work Orders`")
    with pytest.raises(UnexpectedContent, match="no table or view Work Orders"):
        plant.adapter().check()
    with pytest.raises(Unreachable):
        plant.adapter(f"mariadb://{USER}:{PASSWORD}@127.0.0.1:1/plant").check()
