"""The sql adapter: whose fault an error is, and what a write that failed has left behind."""

import resource
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncd.cmms.load import AdapterContext
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.cmms.sql.database import Database
from syncd.core.work_order import Field, Fields
from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    RemoteError,
    UnexpectedContent,
    Unreachable,
)
from tests.conftest import Clock, Postgres, text_of
from tests.edges.sql_bench import ORDER, People, answering, cable, make_adapter

SECRET = "s3cret-pw"
NEW: Fields = {Field.TITLE: "New"}


def from_options(**options: str | None) -> SqlAdapter:
    context = AdapterContext(may_write=True, utcnow=Clock())
    made = SqlAdapter.from_options(SqlAdapter.Options.model_validate(options), context)
    assert isinstance(made, SqlAdapter)
    return made


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    url = postgres.make()
    yield text_of(url)
    postgres.drop(url)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "cmms.db"


# ── the settings ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        f"postgresql://u:{SECRET}@host:port/db",
        f"postgresql://u:x@{SECRET}@host/db",
        f"oracle9://u:{SECRET}@host/db",
        f"mysql+nosuchdriver://u:{SECRET}@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?mode=memory&uri=true",
        "sqlite:///x.db?timeout=1",
        "sqlite://host/x.db",
        "sqlite+pysqlcipher:///x.db",
    ],
)
def test_a_url_that_cannot_be_used_names_the_setting_and_no_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SYNCD_CMMS_URL") as caught:
        from_options(url=url)
    assert SECRET not in str(caught.value)


def test_a_url_that_is_missing_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match=r"SYNCD_CMMS_URL is not set.*sqlite:///cmms\.db"):
        from_options()


def test_a_mapping_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ConfigurationError, match=r"SYNCD_CMMS_MAPPING: theirs\.yaml cannot be read"
    ):
        from_options(url="sqlite:///cmms.db", mapping="theirs.yaml")


@pytest.mark.parametrize(
    ("scheme", "extra"),
    [("oracle", "oracle"), ("mssql", "mssql"), ("oracle+oracledb", "oracle")],
)
def test_a_driver_that_is_not_installed_is_named_with_the_extra(scheme: str, extra: str) -> None:
    """Neither of these ships with syncd or with its tests."""
    with pytest.raises(ConfigurationError, match=rf"no driver.*install syncd\[{extra}\]"):
        from_options(url=f"{scheme}://u:{SECRET}@host/db")


def test_the_options_show_no_password() -> None:
    options = SqlAdapter.Options(url=f"postgresql://u:{SECRET}@host/db")
    assert SECRET not in repr(options) + str(options)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_all_spellings_of_postgresql_are_taken(scheme: str, postgres_url: str) -> None:
    _, _, rest = postgres_url.partition("://")
    with closing(from_options(url=f"{scheme}://{rest}")) as adapter:
        assert "no table work_orders yet" not in adapter.check()


def test_an_option_that_postgresql_does_not_know_is_the_settings_fault(postgres_url: str) -> None:
    mark = "&" if "?" in postgres_url else "?"
    with (
        closing(from_options(url=f"{postgres_url}{mark}nosuch={SECRET}")) as adapter,
        pytest.raises(ConfigurationError, match=r"SYNCD_CMMS_URL.*nosuch") as caught,
    ):
        adapter.check()
    assert SECRET not in str(caught.value)


# ── not reached ───────────────────────────────────────────────────────────────────────────


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with (
        closing(make_adapter(f"postgresql://bob:{SECRET}@127.0.0.1:1/cmms")) as adapter,
        pytest.raises(Unreachable, match="bob") as caught,
    ):
        adapter.create("wo_1", ORDER)
    assert not caught.value.may_have_applied
    assert caught.value.side == "cmms"
    assert SECRET not in str(caught.value)


def test_a_database_that_is_not_there_is_unreachable(postgres: Postgres) -> None:
    url = text_of(postgres.url.set(database="no_such_database", password=SECRET))
    with (
        closing(make_adapter(url)) as adapter,
        pytest.raises(Unreachable, match="no_such_database") as caught,
    ):
        adapter.check()
    assert SECRET not in str(caught.value)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with (
        answering(lambda client: None) as url,
        closing(make_adapter(url)) as adapter,
        pytest.raises(Unreachable) as caught,
    ):
        adapter.check()
    assert SECRET not in str(caught.value)


def test_a_folder_that_is_not_there_is_told_even_to_who_only_looks(tmp_path: Path) -> None:
    for may_write in (True, False):
        with (
            closing(make_adapter(f"sqlite:///{tmp_path}/no/cmms.db", may_write=may_write)) as it,
            pytest.raises(Unreachable, match="its folder does not exist"),
        ):
            it.check()


def test_a_folder_in_place_of_a_file_is_unreachable(tmp_path: Path) -> None:
    with (
        closing(make_adapter(f"sqlite:///{tmp_path}")) as adapter,
        pytest.raises(Unreachable, match="unable to open"),
    ):
        adapter.check()


def test_connections_that_the_server_ended_are_replaced(postgres_url: str) -> None:
    with closing(make_adapter(postgres_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        People(postgres_url).sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert adapter.get(made.cmms_id) == made


def test_a_server_that_goes_away_in_the_middle_is_unreachable(postgres_url: str) -> None:
    """It has not been told to commit: nothing was written."""
    with closing(make_adapter(postgres_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        people = People(postgres_url)
        people.sql(
            "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        people.sql(
            "CREATE TRIGGER ends BEFORE UPDATE ON work_orders FOR EACH ROW EXECUTE FUNCTION ends()"
        )
        with pytest.raises(Unreachable) as caught:
            adapter.update(made.cmms_id, NEW, {})
        assert not caught.value.may_have_applied
        assert adapter.get(made.cmms_id) == made


# ── locks ─────────────────────────────────────────────────────────────────────────────────


def test_a_record_that_people_keep_locked_is_unreachable_for_now(
    database_url: str, database: str
) -> None:
    with closing(make_adapter(database_url, lock_timeout_s=0.2)) as adapter:
        made = adapter.create("wo_1", ORDER)
        with People(database_url).engine.connect() as conn:
            if database == "sqlite":
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            conn.execute(text("UPDATE work_orders SET title = 'Theirs'"))
            with pytest.raises(Unreachable, match="lock") as caught:
                adapter.update(made.cmms_id, NEW, {})
            assert not caught.value.may_have_applied
            assert adapter.get(made.cmms_id) == made  # reading goes on
            conn.rollback()
        assert adapter.update(made.cmms_id, NEW, {}).fields[Field.TITLE] == "New"


def test_a_short_lock_is_waited_out(database_url: str, database: str) -> None:
    with closing(make_adapter(database_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        holding = People(database_url).engine.connect()
        if database == "sqlite":
            holding.exec_driver_sql("BEGIN IMMEDIATE")
        holding.execute(text("UPDATE work_orders SET location = 'Theirs'"))

        def let_go() -> None:
            with holding:
                holding.commit()

        release = threading.Timer(0.3, let_go)
        release.start()
        fields = adapter.update(made.cmms_id, NEW, {}).fields
        release.join()
        assert (fields[Field.TITLE], fields[Field.LOCATION]) == ("New", "Theirs")


# ── may not ───────────────────────────────────────────────────────────────────────────────


def test_a_wrong_password_is_a_matter_of_credentials() -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"R\0\0\0\x08\0\0\0\x03")  # asks for the password in clear
        client.recv(4096)
        told = b'SFATAL\0C28P01\0Mpassword authentication failed for user "bob"\0\0'
        client.sendall(b"E" + (len(told) + 4).to_bytes(4, "big") + told)

    with (
        answering(refuse) as url,
        closing(make_adapter(url)) as adapter,
        pytest.raises(CredentialsRefused, match="SYNCD_CMMS_URL") as caught,
    ):
        adapter.check()
    assert SECRET not in str(caught.value)
    assert caught.value.exit_code == 77


@contextmanager
def role(postgres: Postgres, postgres_url: str, *grants: str) -> Iterator[str]:
    """A user of the server with these rights in the database; the URL with that user."""
    name = f"role_{uuid4().hex[:12]}"
    people = People(postgres_url)
    postgres.run(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")
    try:
        for grant in grants:
            people.sql(f"GRANT {grant} TO {name}")
        url = people.engine.url.set(username=name, password=SECRET)
        yield text_of(url)
    finally:
        people.sql(f"DROP OWNED BY {name}")
        postgres.run(f"DROP ROLE {name}")


def test_a_user_that_is_not_there_is_a_matter_of_credentials(
    postgres: Postgres, postgres_url: str
) -> None:
    with role(postgres, postgres_url) as url:
        gone = url
    with (
        closing(make_adapter(gone)) as adapter,
        pytest.raises(CredentialsRefused, match="role_") as caught,
    ):
        adapter.check()
    assert SECRET not in str(caught.value)


def test_a_user_without_rights_is_a_matter_of_credentials(
    postgres: Postgres, postgres_url: str
) -> None:
    with role(postgres, postgres_url) as url, closing(make_adapter(url)) as adapter:
        with pytest.raises(CredentialsRefused, match="permission denied"):
            adapter.check()  # it may not make the table
        with closing(make_adapter(postgres_url)) as owner:
            owner.create("wo_1", ORDER)
        with pytest.raises(CredentialsRefused, match="permission denied"):
            list(adapter.fetch(None))
    grant = "SELECT ON work_orders"
    with role(postgres, postgres_url, grant) as url, closing(make_adapter(url)) as adapter:
        (found,) = adapter.fetch(None)
        for write in writes(adapter, found.cmms_id):
            with pytest.raises(CredentialsRefused, match="may not do that"):
                write()


def writes(adapter: SqlAdapter, cmms_id: str) -> list[Callable[[], object]]:
    return [
        lambda: adapter.create("wo_2", ORDER),
        lambda: adapter.update(cmms_id, NEW, {}),
    ]


def test_a_read_only_database_is_a_matter_of_rights(postgres: Postgres, postgres_url: str) -> None:
    with closing(make_adapter(postgres_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
    people = People(postgres_url)
    name = people.engine.url.database
    people.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with closing(make_adapter(postgres_url)) as adapter:
        assert adapter.get(made.cmms_id) == made
        for write in writes(adapter, made.cmms_id):
            with pytest.raises(CredentialsRefused, match="read-only"):
                write()


def test_a_read_only_file_is_a_matter_of_rights(sqlite_file: Path) -> None:
    """A file whose format is newer than SQLite can write, which binds even root."""
    People(f"sqlite:///{sqlite_file}").sql("CREATE TABLE theirs (x)")
    with closing(make_adapter(f"sqlite:///{sqlite_file}")) as adapter:
        made = adapter.create("wo_1", ORDER)
    with sqlite_file.open("r+b") as file:
        file.seek(18)  # https://sqlite.org/fileformat.html#file_format_version_numbers
        file.write(b"\x03")
    with closing(make_adapter(f"sqlite:///{sqlite_file}")) as adapter:
        assert adapter.get(made.cmms_id) == made
        for write in writes(adapter, made.cmms_id):
            with pytest.raises(CredentialsRefused, match=r"readonly.*uid") as caught:
                write()
            assert not caught.value.may_have_applied


# ── not ours ──────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_no_database_is_unexpected_content(sqlite_file: Path) -> None:
    content = b"no database at all, but long enough " * 40
    sqlite_file.write_bytes(content)
    for may_write in (True, False):
        with (
            closing(make_adapter(f"sqlite:///{sqlite_file}", may_write=may_write)) as adapter,
            pytest.raises(UnexpectedContent, match="not a database"),
        ):
            adapter.check()
    assert sqlite_file.read_bytes() == content


def test_an_empty_file_is_an_empty_database(sqlite_file: Path) -> None:
    sqlite_file.touch()
    with closing(make_adapter(f"sqlite:///{sqlite_file}", may_write=False)) as adapter:
        assert list(adapter.fetch(None)) == []
    assert sqlite_file.stat().st_size == 0
    with closing(make_adapter(f"sqlite:///{sqlite_file}")) as adapter:
        assert adapter.create("wo_1", ORDER).cmms_id == "1"


def test_a_table_that_changed_meanwhile_is_unexpected_content(database_url: str) -> None:
    people = People(database_url)
    with closing(make_adapter(database_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        for change in ("RENAME COLUMN title TO name", "RENAME TO orders"):
            people.sql(f"ALTER TABLE work_orders {change}")
            calls = [lambda: list(adapter.fetch(None)), *writes(adapter, made.cmms_id)]
            for call in calls:
                with pytest.raises(UnexpectedContent) as caught:
                    call()
                assert not caught.value.may_have_applied
            if "COLUMN" in change:
                people.sql("ALTER TABLE work_orders RENAME COLUMN name TO title")
                assert adapter.get(made.cmms_id) == made


def test_a_bug_is_not_taken_for_a_database_that_is_down(database_url: str) -> None:
    with closing(Database(database_url, may_write=True)) as database:
        if database.is_absent():
            database.make_file()
        with pytest.raises(DBAPIError), database.writing() as conn:
            conn.execute(text("SELECT :value"), {"value": object()})


# ── commits ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("creating", [True, False])
def test_a_commit_that_is_not_answered_leaves_the_outcome_open(
    postgres: Postgres, postgres_url: str, cut: str, creating: bool
) -> None:
    with closing(make_adapter(postgres_url)) as direct:
        made = direct.create("wo_1", ORDER)
        with (
            cable(postgres, postgres_url) as (line, through),
            closing(make_adapter(through)) as adapter,
        ):
            adapter.check()
            line.cut = cut
            with pytest.raises(Unreachable) as caught:
                writes(adapter, made.cmms_id)[0 if creating else 1]()
            assert caught.value.may_have_applied
            line.cut = None
            applied = cut == "after"
            assert bool(adapter.find("wo_2")) is (applied and creating)
            renamed = adapter.get(made.cmms_id).fields[Field.TITLE] == "New"
            assert renamed is (applied and not creating)
            if creating:  # whether it was made or not, asking again makes no second one
                assert len({adapter.create("wo_2", ORDER).cmms_id for _ in range(2)}) == 1
                assert len(list(direct.fetch(None))) == 2


def test_a_commit_that_a_rule_forbids_is_refused(postgres_url: str) -> None:
    """A rule that is checked only at the end of the transaction."""
    with closing(make_adapter(postgres_url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        people = People(postgres_url)
        people.sql(
            "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'not today'; END $$"
        )
        people.sql(
            "CREATE CONSTRAINT TRIGGER never AFTER UPDATE ON work_orders"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION never()"
        )
        with pytest.raises(RemoteError, match="not today") as caught:
            adapter.update(made.cmms_id, NEW, {})
        assert not caught.value.may_have_applied
        assert adapter.get(made.cmms_id) == made


def test_a_commit_that_waited_in_vain_for_a_reader_has_changed_nothing(sqlite_file: Path) -> None:
    """Without WAL, somebody who reads keeps a commit from ending."""
    People(f"sqlite:///{sqlite_file}").sql("CREATE TABLE theirs (x)")
    with closing(make_adapter(f"sqlite:///{sqlite_file}", lock_timeout_s=0.2)) as adapter:
        made = adapter.create("wo_1", ORDER)
        with closing(sqlite3.connect(sqlite_file)) as reader:
            rows = reader.execute("SELECT * FROM work_orders UNION ALL SELECT * FROM work_orders")
            rows.fetchone()
            with pytest.raises(Unreachable, match="locked") as caught:
                adapter.update(made.cmms_id, NEW, {})
            assert not caught.value.may_have_applied
            rows.close()
        assert adapter.get(made.cmms_id) == made
        assert adapter.update(made.cmms_id, NEW, {}).fields[Field.TITLE] == "New"


def test_a_commit_that_the_disk_refuses_leaves_the_outcome_open(sqlite_file: Path) -> None:
    """The journal still fits under the limit; the page that it is about does not."""
    People(f"sqlite:///{sqlite_file}").sql("CREATE TABLE theirs (x)")
    with closing(make_adapter(f"sqlite:///{sqlite_file}")) as adapter:
        long: Fields = {**ORDER, Field.DESCRIPTION: "x" * 3000}
        made = [adapter.create(f"wo_{number}", long) for number in range(30)][-1]
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (32768, limits[1]))
        try:
            with pytest.raises(Unreachable) as caught:
                adapter.update(made.cmms_id, NEW, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.may_have_applied
        assert adapter.get(made.cmms_id) == made
        assert adapter.update(made.cmms_id, NEW, {}).fields[Field.TITLE] == "New"


def test_a_disk_that_is_full_before_the_commit_has_changed_nothing(sqlite_file: Path) -> None:
    with closing(make_adapter(f"sqlite:///{sqlite_file}")) as adapter:
        made = adapter.create("wo_1", ORDER)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
        try:
            with pytest.raises(Unreachable) as caught:
                adapter.update(made.cmms_id, NEW, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not caught.value.may_have_applied
        assert adapter.get(made.cmms_id) == made
