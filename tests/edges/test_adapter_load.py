"""Finding an adapter by its name, by an entry point, or by a dotted path."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from syncd.cmms.conformance.samples import SAMPLES
from syncd.cmms.load import AdapterContext, find_adapter, known_adapters, make_adapter
from syncd.cmms.port import with_defaults
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.work_order import Field
from syncd.errors import ConfigurationError
from tests.cmms.presets.atlas_bench import ATLAS
from tests.conftest import utcnow

GOOD = """
    from pydantic import BaseModel
    from syncd.cmms.port import AdapterBase

    class Adapter:
        name: str
        capabilities: object
        class Options(BaseModel):
            url: str
        @classmethod
        def from_options(cls, options, context): ...
        def fetch(self, changed_since): ...
        def get(self, cmms_id): ...
        def find(self, s2e_id): ...
        def create(self, s2e_id, fields): ...
        def update(self, cmms_id, fields, expected): ...

    class Grown(Adapter):
        name = "grown"

    class Poor(Adapter):
        Options = dict
        find = None
        update = "later"

    class Mapped(Grown):
        def __init__(self):
            self.mapping_hash = "1"
            self.closed = False
        @classmethod
        def from_options(cls, options, context):
            return cls()

    class Reading(Mapped):
        def read_native(self, native): ...

    class Few(Grown):
        def __init__(self):
            self.unread, self.closed = {}, 0
        @classmethod
        def from_options(cls, options, context):
            return cls()
        def fetch(self, changed_since):
            self.unread = {"7": "locked"}
            return iter(())
        def close(self):
            self.closed += 1

    class Heir(AdapterBase):
        def find(self, s2e_id): ...

    class Unset(Grown, AdapterBase):
        @classmethod
        def from_options(cls, options, context):
            return cls()

    class MappedHeir(Grown, AdapterBase):
        mapping_hash = "1"

    class Bare:
        pass

    ready = Grown()
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody's package, with entry points of its own."""
    write(tmp_path, "customers_cmms.py", GOOD)
    write(
        tmp_path,
        "customers_cmms-1.dist-info/entry_points.txt",
        """
        [syncd.adapters]
        customers = customers_cmms:Grown
        broken = customers_cmms:Missing
        sql = customers_cmms:Bare
        """,
    )
    write(tmp_path, "customers_cmms-1.dist-info/METADATA", "Name: customers_cmms\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "customers_cmms", raising=False)
    return tmp_path


def write(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(content).lstrip(), encoding="utf-8")


def test_the_shipped_adapter_is_found_by_its_name() -> None:
    found: object = find_adapter("sql")
    assert found is SqlAdapter


@pytest.mark.parametrize("name", ["customers", "customers_cmms:Grown", "customers_cmms:Adapter"])
def test_an_adapter_of_somebody_elses_is_found(installed: Path, name: str) -> None:
    assert find_adapter(name).__module__ == "customers_cmms"


def test_no_package_takes_the_place_of_a_shipped_adapter(installed: Path) -> None:
    found: object = find_adapter("sql")
    assert found is SqlAdapter


@pytest.mark.parametrize("name", ["SQL", "sqll", "sq"])
def test_a_name_nearly_right_is_answered_with_the_right_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"SYNCD_CMMS_ADAPTER.*did you mean sql\?"):
        find_adapter(name)


@pytest.mark.parametrize("name", ["maximo", "", "customers_cmms.Grown", "sql "])
def test_an_unknown_name_is_answered_with_those_there_are(installed: Path, name: str) -> None:
    with pytest.raises(
        ConfigurationError, match="there are broken, customers, odoo, rest, sql, or package"
    ):
        find_adapter(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no.such.module:Class", "ModuleNotFoundError: No module named 'no'"),
        ("customers_cmms:Missing", "AttributeError.*Missing"),
        ("broken", "AttributeError.*Missing"),
        ("not a module:Class", "ValueError"),
        (":Class", "ValueError"),
        ("fails:Adapter", "ZeroDivisionError: division by zero"),
        ("leaves:Adapter", "SystemExit: 3"),
        ("unparsed:Adapter", "SyntaxError"),
    ],
)
def test_why_it_cannot_be_imported_is_told(installed: Path, name: str, said: str) -> None:
    write(installed, "fails.py", "1 / 0")
    write(installed, "leaves.py", "raise SystemExit(3)")
    write(installed, "unparsed.py", "class")
    with pytest.raises(ConfigurationError, match=f"cannot be imported: {said}"):
        find_adapter(name)


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        (
            "customers_cmms:Bare",
            r"from_options, fetch, get, find, create, update, name, capabilities, Options \(.*\)",
        ),
        ("customers_cmms:Poor", r"find, update, Options \(a pydantic model\)"),
        (
            "customers_cmms:Heir",
            r"from_options, fetch, get, create, update, Options \(.*\)",
        ),
        ("customers_cmms:MappedHeir", "read_native"),
        ("customers_cmms:ready", "a class of that name"),
        ("customers_cmms:", "a class of that name"),
        ("syncd.cmms.load:find_adapter", "a class of that name"),
    ],
)
def test_what_it_lacks_is_told(installed: Path, name: str, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"is no adapter; it lacks {lacking}$"):
        find_adapter(name)


def test_an_adapter_whose_mapping_shows_only_once_it_is_made_has_to_read_what_was_kept(
    installed: Path,
) -> None:
    context = AdapterContext(False, utcnow)
    for name in ("customers_cmms:Reading", "customers_cmms:Grown"):
        found = find_adapter(name)
        make_adapter(found, found.Options(url=""), context)
    found = find_adapter("customers_cmms:Mapped")
    told = (
        "SYNCD_CMMS_ADAPTER: customers_cmms:Mapped is no adapter; it has a mapping_hash and lacks"
    )
    with pytest.raises(ConfigurationError, match=f"{told} read_native"):
        make_adapter(found, found.Options(url=""), context)


def test_what_an_adapter_leaves_out_has_a_default_and_what_it_has_is_its_own(
    installed: Path,
) -> None:
    """It does not inherit the base class: it has some of the members, and lacks others."""
    found = find_adapter("customers_cmms:Few")
    made: Any = found.from_options(None, AdapterContext(False, utcnow))
    adapter = with_defaults(made)
    assert (adapter.check(), adapter.version(), adapter.probe()) == (None, None, None)
    assert (adapter.mapping_hash, adapter.mapping_trust, adapter.host) == ("", None, None)
    assert (list(adapter.notes), adapter.settled(Field.TITLE, "Pump")) == ([], "Pump")
    assert adapter.unread == {}
    assert list(adapter.fetch(None)) == []
    assert list(adapter.unread) == ["7"]
    adapter.close()
    assert (adapter.name, made.closed) == ("grown", 1)


def test_what_an_adapter_that_inherits_the_base_class_never_sets_is_named(installed: Path) -> None:
    found = find_adapter("customers_cmms:Unset")
    with pytest.raises(ConfigurationError, match=r"customers_cmms:Unset .* it lacks capabilities$"):
        make_adapter(found, found.Options(url=""), AdapterContext(False, utcnow))


def test_an_adapter_that_inherits_the_base_class_is_handed_out_as_it_is(installed: Path) -> None:
    found = find_adapter("sql")
    made = make_adapter(
        found, found.Options(url="sqlite:///none.db"), AdapterContext(False, utcnow)
    )
    assert type(made) is SqlAdapter
    assert with_defaults(made) is made


OURS: list[tuple[str, dict[str, str]]] = [
    ("odoo", {"url": "http://127.0.0.1:1", "database": "x", "login": "u", "api_key": "k"}),
    ("rest", {"mapping": "preset:atlas"}),
    ("sql", {"url": "sqlite:///none.db"}),
    ("sql", {"url": "sqlite:///none.db", "mapping": "config/cmms-sql.example.yaml"}),
]


@pytest.mark.parametrize(("name", "options"), OURS)
def test_every_adapter_of_ours_can_be_made(name: str, options: dict[str, str]) -> None:
    environ = ATLAS.environ("http://127.0.0.1:1")
    found = find_adapter(name)
    context = AdapterContext(False, utcnow, environ=environ)
    make_adapter(found, found.Options(**options), context).close()


def test_no_adapter_of_ours_is_left_out() -> None:
    assert {name for name, _ in OURS} == {
        it for it, at in known_adapters().items() if "syncd." in at
    }


def test_every_field_that_an_adapter_may_write_has_samples() -> None:
    assert set(SAMPLES) == set(Field) - {Field.S2E_ID}
