"""Loading a mapping file: what is wrong is told with its line, all of it at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.cmms.mapping import tree
from syncd.cmms.mapping.blocks import Part
from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.file import MappingFile, load_mapping
from syncd.cmms.mapping.nodes import MOST_BYTES, YamlProblem, parse_yaml, plain
from syncd.cmms.mapping.records import assignments, json_value, to_record
from syncd.cmms.mapping.tree import presets, presets_path
from syncd.cmms.mapping.values.paths import put
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.sql.file import SqlPart, read_sql
from syncd.core.work_order import Field, Priority, Status, Unreadable, Value
from syncd.errors import ConfigurationError, Refused, UnexpectedContent

HEAD = "mapping: rest/1\nname: acme\n"
GOOD = f"""{HEAD}times: {{zone: UTC}}
fields:
  id: {{read: id}}
  title: {{at: name, max: 100}}
  status: {{at: state, map: status}}
maps:
  status: {{OPEN: [ASSIGNED, DRAFT], WIP: IN_PROGRESS, 5: COMPLETED}}
"""


def nothing(_document: Document, _records: RecordMap) -> None:
    """A kind that has no keys of its own."""


def load(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, name: str = "acme.yaml"
) -> MappingFile[None]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return load_mapping(str(file), "rest/1", environ or {}, nothing)


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error, without the folder."""
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text, environ)
    return [line.replace(f"{folder}/", "") for line in str(caught.value).splitlines()]


def fields(*lines: str) -> str:
    before, maps, after = GOOD.partition("maps:")
    return before + "".join(f"  {it}\n" for it in lines) + maps + after


# ── what is wrong, and where ──────────────────────────────────────────────────────────────

# A file, the line of its problem, and what it says. GOOD has nine lines; a field that is added
# stands in line eight.
BROKEN: list[tuple[str, int, str]] = [
    # YAML
    ("a: [1, 2\nb: 3", 2, "is no YAML: did not find expected ',' or ']'|expected ',' or ']'"),
    ("a: 1\na: 2", 2, "the key 'a' stands in line 1 already"),
    ("a: 1\nb:\n  1: x\n  '1': y", 4, "the key '1' stands in line 3 already"),
    ("a: !!python/object:x {}", 1, "the tag tag:yaml.org,2002:python/object:x is not taken"),
    ("a: !x 1", 1, "cannot take '1' as !x; quote it"),
    ("a: !!int 0x10", 1, "cannot take '0x10' as int"),
    ("a: !!bool yes", 1, "cannot take 'yes' as bool"),
    ("? [a]\n: b", 1, "a key has to be text or a number"),
    ("a: b\x07", 1, "is no YAML: special characters are not allowed"),
    ("--- a\n--- b", 2, "is no YAML"),
    ("", 1, "is empty"),
    ("- a", 1, "is no mapping; it begins with: mapping: rest/1"),
    ("a: " + "[" * 40 + "]" * 40, 1, "is nested too deeply"),
    ("a: &a [x, *a]", 1, "is nested too deeply"),
    # the head
    ("name: acme\nfields: {id: {read: id}}", 1, "mapping: is missing; an example: mapping: rest/1"),
    ("mapping: rest/2\n", 1, "mapping: is rest/2; there is rest/1, sql/1; rest/1"),
    ("mapping: sql/1\n", 1, "mapping: is sql/1; this adapter takes rest/1"),
    (f"{GOOD}verified: yes\n", 10, "verified: is 'yes'; there is live, spec, docs, none"),
    (f"{GOOD}verifed: live\n", 10, "verifed: is not known here; did you mean verified?"),
    (f"{GOOD}read_lag_s: -1\n", 10, "read_lag_s: has to be at least 0"),
    (f"{GOOD}read_lag_s: soon\n", 10, "read_lag_s: is text; a number is wanted"),
    (f"{GOOD}url: ftp://x/\n", 10, "url: is no http or https URL"),
    (f"{GOOD}url: https://x/{{number}}\n", 10, "url: holds {number}, which is not filled in here"),
    (HEAD, 1, "fields: is missing"),
    (f"{HEAD}fields: [a]\n", 3, "fields: is a list; a mapping of keys is wanted"),
    (f"{HEAD}fields: {{title: name}}\n", 3, "fields.id: is missing"),
    # times
    (f"{HEAD}times: {{zone: Berlin}}\nfields: {{id: id}}", 3, "times.zone: Berlin is no time zone"),
    (f"{HEAD}times: {{format: isoo}}\nfields: {{id: id}}", 3, "times.format: is none of iso, "),
    # fields
    (fields("titel: name"), 8, "fields.titel: 'titel' is no field; did you mean title?"),
    (
        fields("location: {at: a, mx: 3}"),
        8,
        "fields.location.mx: is not known here; did you mean max",
    ),
    (fields("location: {at: 'a[0]'}"), 8, "fields.location.at: 'a[0]' is no path that can be writ"),
    (
        fields("location: {at: 'a[id=7]'}"),
        8,
        "location.at: 'a[id=7]' names an entry and no val",
    ),
    (fields("location: {at: 'a[id=7].v', write: b}"), 8, "fields.location.write: stands beside at"),
    (fields("location: {at: 'a[id=].v'}"), 8, "an entry is named by a key of it, as in custom_fie"),
    (
        f"{HEAD}fields: {{id: id, location: 'a[id=7].v', site_code: 'a[id=7].v'}}",
        3,
        "fields.site_code: a[id=7].v and a[id=7].v overwrite each other",
    ),
    (fields("location: {read: 'a['}"), 8, "fields.location.read: 'a[' is no JMESPath expression"),
    (fields("actual_hours: {read: 'sum(a)'}"), 8, "fields.actual_hours.read: 'sum(a)' fails on an"),
    (
        fields("location: {write: a}"),
        8,
        "fields.location.write: needs a read: a write is confirmed",
    ),
    (fields("location: {max: 3}"), 8, "fields.location.at: is missing; an example: at: name"),
    (fields("location: {at: a, read: b}"), 8, "fields.location.read: stands beside at"),
    (fields("location: {at: a, max: 0}"), 8, "fields.location.max: has to be at least 1"),
    (fields("location: {at: a, max: 1.5}"), 8, "fields.location.max: has to be a whole number"),
    (fields("location: {at: a, count: bytes}"), 8, "fields.location.count: needs a max"),
    (fields("location: {at: a, html: 1}"), 8, "fields.location.html: is a number; true or false"),
    (fields("location: {read: a, once: true}"), 8, "fields.location.once: is never written"),
    (fields("priority: {at: p, map: prio}"), 8, "fields.priority.map: there is no maps.prio"),
    (fields("priority: {at: p, clears: true}"), 8, "fields.priority.clears: this field cannot be"),
    (fields("location: {at: name.a}"), 8, "fields.location: name and name.a overwrite each other"),
    (fields("actual_hours: {at: h, unit: hours}"), 8, "fields.actual_hours.unit: is 'hours'"),
    (
        fields("actual_hours: {at: h, unit: 'h,'}"),
        8,
        "fields.actual_hours.unit: is 'h,'; there is h, min, s, ms, hh:mm, glide. Numbers as text,",
    ),
    (fields("actual_hours: {at: h, decimal: ';'}"), 8, "fields.actual_hours.decimal: is ';'"),
    (fields("actual_hours: {at: h, decimals: 2}"), 8, "fields.actual_hours.decimals: needs deci"),
    (
        fields("actual_hours: {at: h, decimal: ',', decimals: 9}"),
        8,
        "fields.actual_hours.decimals: has to be from 0 to 6",
    ),
    (
        fields("actual_hours: {at: h, unit: 'hh:mm', decimal: ','}"),
        8,
        "fields.actual_hours.decimal: is of numbers, and hh:mm is none",
    ),
    (
        fields("actual_hours: {at: h, unit_at: u, units: {}}"),
        8,
        "fields.actual_hours.units: is empty; an example: {H: h, MIN: min}",
    ),
    (
        fields("actual_hours: {at: h, unit_at: u, units: {H: h, M: min}, unit: S}"),
        8,
        "fields.actual_hours.unit: is 'S'; there is H, M",
    ),
    (fields("actual_hours: {at: h, unit_at: u}"), 8, "fields.actual_hours.units: is missing"),
    (fields("due_date: {at: d, format: '%H'}"), 8, "fields.due_date.format: is a pattern without"),
    (fields("due_date: {at: d, also: [x]}"), 8, "fields.due_date.also: is none of"),
    (fields("due_date: {split: {date: d}}"), 8, "fields.due_date.split.time: is missing"),
    (fields("s2e_id: {marker: titel}"), 8, "fields.s2e_id.marker: 'titel' is no field; did you"),
    (
        fields("s2e_id: {marker: location}"),
        8,
        "fields.s2e_id: its marker needs location as a plain",
    ),
    (fields("location: {at: a, empty: '-'}"), 8, "fields.location: empty is written as '-'"),
    # maps
    (GOOD.replace("IN_PROGRESS", "IN_PROGRES"), 9, "maps.status.WIP: 'IN_PROGRES' is no status; d"),
    (GOOD.replace("IN_PROGRESS", "DRAFT"), 9, "maps.status.WIP: DRAFT would be written as WIP and"),
    (GOOD.replace("IN_PROGRESS", "{red: DRAFT}"), 9, "maps.status.WIP.red: is not known here; did"),
    (GOOD.replace("IN_PROGRESS", "[]"), 9, "maps.status.WIP: has to be one of our values"),
    (GOOD.replace("IN_PROGRESS", "7"), 9, "maps.status.WIP: has to be one of our values"),
    # the environment
    (f"{GOOD}url: https://${{HOST}}/\n", 10, "url: HOST is not set in the environment; set it, or"),
    (f"{GOOD}url: https://${{HOST/\n", 10, "url: holds ${ that is no ${NAME} or ${NAME:-default}"),
    (f"{GOOD}url: https://${{SYNCD_S2E_TOKEN}}/\n", 10, "url: takes SYNCD_S2E_TOKEN, a setting of"),
    (f"{GOOD}url: https://${{HOST#:-7}}/\n", 10, "url: holds ${NAME#}, a number, with text around"),
    (f"{GOOD}index_lag_s: ${{LAG#:-ten}}\n", 10, "index_lag_s: LAG has to be a whole number"),
    # what it extends
    (f"extends: preset:nosuch\n{GOOD}", 1, "extends: preset:nosuch is no preset; there is"),
    (f"extends: other.yaml\n{GOOD}", 1, "extends: other.yaml cannot be read: No such file"),
    (f"extends: [a]\n{GOOD}", 1, "extends: has to be preset:NAME, or a path beside the file"),
    (f"extends: acme.yaml\n{GOOD}", 1, "extends: acme.yaml extends itself, directly or through"),
]


@pytest.mark.parametrize(
    ("text", "line", "says"), BROKEN, ids=[f"{n}-{it[2][:30]}" for n, it in enumerate(BROKEN)]
)
def test_a_problem_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    found = problems(tmp_path, text)
    assert any(
        it.startswith(f"acme.yaml:{line}: ") and any(part in it for part in says.split("|"))
        for it in found
    ), found


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("max: 100", "mx: 1").replace("WIP: IN_PROGRESS", "WIP: WORK")
    found = problems(tmp_path, f"{text}index_lag_s: x\nnosuch: 1\n")
    assert [it.partition(": ")[0] for it in found] == [f"acme.yaml:{n}" for n in (6, 9, 10, 11)]


def test_a_file_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^SYNCD_CMMS_MAPPING: \S+/none.yaml cannot be r"):
        load_mapping(str(tmp_path / "none.yaml"), "rest/1", {}, nothing)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe4")
    with pytest.raises(ConfigurationError, match="is no UTF-8 text"):
        load_mapping(str(tmp_path / "latin.yaml"), "rest/1", {}, nothing)


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(YamlProblem, match="is larger than"):
        parse_yaml("a" * (MOST_BYTES + 1), "x")


def test_aliases_do_not_make_a_file_grow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    with pytest.raises(YamlProblem, match="too large once its aliases are read"):
        parse_yaml("\n".join(lines), "x")
    assert plain(parse_yaml("a: &a [1]\nb: *a", "x")) == {"a": [1], "b": [1]}


def test_only_true_false_and_plain_numbers_are_no_text() -> None:
    told = "[yes, no, on, off, True, 010, 0x1, 1_0, 12:30, 2026-03-10, ~, true, 7, -1.5, 1e5, .5]"
    assert plain(parse_yaml(told, "x")) == [
        *("yes", "no", "on", "off", "True", "010", "0x1", "1_0", "12:30", "2026-03-10"),
        *(None, True, 7, -1.5, "1e5", ".5"),
    ]


def test_a_number_is_taken_from_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, f"{GOOD}index_lag_s: ${{LAG#:-30}}\n").index_lag_s == 30.0
    # Where a number is wanted, a default is one like what the environment says.
    assert load(tmp_path, f"{GOOD}index_lag_s: ${{LAG:-30}}\n").index_lag_s == 30.0
    with pytest.raises(ConfigurationError, match="index_lag_s: is text; a number is wanted"):
        load(tmp_path, f"{GOOD}index_lag_s: ${{LAG:-soon}}\n")


# ── what it extends ───────────────────────────────────────────────────────────────────────


def test_a_mapping_is_laid_on_what_it_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD + "read_lag_s: 5\n", encoding="utf-8")
    made = load(
        tmp_path,
        "extends: base.yaml\nname: ours\nread_lag_s: null\n"
        "fields:\n  title: {max: 50}\n  location: room\n"
        "maps: {status: {WIP: null, BUSY: IN_PROGRESS}}\n",
    )
    assert (made.name, made.read_lag_s) == ("ours", 0.0)
    native = {"id": 1, "name": "x", "room": "H3", "state": "BUSY"}
    told = made.records.read(native).fields
    assert (told[Field.TITLE], told[Field.LOCATION], told[Field.STATUS]) == (
        "x",
        "H3",
        "IN_PROGRESS",
    )
    done = made.records.write({Field.TITLE: "y" * 60})
    assert isinstance(done, list)
    assert len(str(done[0].native)) == 50
    assert made.records.read({"id": 1, "state": "WIP"}).fields[Field.STATUS] != "IN_PROGRESS"


def test_a_problem_of_what_is_extended_is_told_with_that_files_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD.replace("max: 100", "mx: 1"), encoding="utf-8")
    assert problems(tmp_path, "extends: base.yaml\n")[0].startswith("base.yaml:6: fields.title.mx:")


def test_a_circle_of_two_is_no_endless_one(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("extends: acme.yaml\n" + GOOD, encoding="utf-8")
    (found,) = problems(tmp_path, "extends: base.yaml\n" + GOOD)
    assert found.startswith("base.yaml:1: extends: acme.yaml extends itself")


def test_a_preset_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "presets_path", lambda: tmp_path)
    (tmp_path / "acme.yaml").write_text(GOOD, encoding="utf-8")
    assert presets() == ["acme"]
    assert load_mapping("preset:acme", "rest/1", {}, nothing).file == "preset:acme"
    with pytest.raises(ConfigurationError, match="preset:acmee is no preset; did you mean acme?"):
        load_mapping("preset:acmee", "rest/1", {}, nothing)


def test_the_presets_have_a_place() -> None:
    assert presets_path().is_dir()


# ── the environment ───────────────────────────────────────────────────────────────────────

SECRET = "s3cret-value"


def test_values_are_taken_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "host").write_text("files.example\n", encoding="utf-8")
    text = GOOD + "url: https://${HOST:-plain.example}/${SITE}/{id}\n"
    for environ, host in (
        ({}, "plain.example"),
        ({"HOST": "set.example"}, "set.example"),
        ({"HOST_FILE": str(tmp_path / "host")}, "files.example"),
    ):
        made = load(tmp_path, text, {"SITE": "ham", **environ})
        told = made.records.read({"id": 1}).fields[Field.EXTERNAL_URL]
        assert told == f"https://{host}/ham/1"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"A": "1", "A_FILE": "x"}, "A and A_FILE are both set"),
        ({"A_FILE": "/no/such"}, "A_FILE: /no/such cannot be read: No such file"),
        ({"A": ""}, "A is not set in the environment"),
    ],
)
def test_what_the_environment_lacks_is_told(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    (found,) = problems(tmp_path, GOOD + "url: https://${A}/\n", environ)
    assert found.startswith("acme.yaml:10: url: ")
    assert says in found


def test_a_value_of_the_environment_is_in_no_error(tmp_path: Path) -> None:
    text = GOOD.replace("at: name", "at: '${A}['").replace("zone: UTC", "zone: '${A}'")
    text += "verified: ${A}\nread_lag_s: ${A}\nurl: ${A}\n"
    found = problems(tmp_path, text, {"A": SECRET})
    assert len(found) > 3
    assert SECRET not in "\n".join(found)


def test_a_secret_has_to_come_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    seen: list[object] = []

    class Token(Part):
        token: str

    def read(document: Document, _records: RecordMap) -> object:
        seen.append(document.root)
        document.check_secret(("token",))
        return document.validate(Token)

    file = tmp_path / "acme.yaml"
    file.write_text(GOOD + "token: Bearer ${T}\n", encoding="utf-8")
    made = load_mapping(str(file), "rest/1", {"T": SECRET}, read)
    assert made.secrets == {SECRET}
    assert SECRET not in repr(made) + repr(seen) + made.digest
    file.write_text(GOOD + f"token: {SECRET}\n", encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match="token: is a secret; take it from the env"
    ) as caught:
        load_mapping(str(file), "rest/1", {}, read)
    assert SECRET not in str(caught.value)


# ── what is made of it ────────────────────────────────────────────────────────────────────


def test_the_digest_is_of_what_decides_how_records_are_read(tmp_path: Path) -> None:
    digest = load(tmp_path, GOOD).digest
    assert digest == load(tmp_path, "# said otherwise\n" + GOOD + "verified: docs\n").digest
    for changed in (
        GOOD.replace("max: 100", "max: 99"),
        GOOD.replace("WIP", "BUSY"),
        GOOD.replace("UTC", "Europe/Berlin"),
        GOOD + "url: https://x/{id}\n",
    ):
        assert load(tmp_path, changed).digest != digest


def test_the_example_that_ships_is_lawful() -> None:
    example = Path(__file__).parent.parent.parent / "config" / "cmms-sql.example.yaml"
    made = load_mapping(str(example), "sql/1", {}, read_sql)
    assert isinstance(made.own, SqlPart)
    assert (made.own.schema, made.own.table) == ("maint", "jobs")
    assert made.own.notes == ()
    assert {Field.STATUS, Field.ACTUAL_HOURS, Field.S2E_ID} <= made.records.writes
    assert made.trust.endswith("not verified")


EVERYTHING = r"""mapping: rest/1
name: big
times: {zone: Europe/Berlin}
fields:
  id: {at: id}
  updated_at: {at: "meta.changed", format: epoch_ms}
  s2e_id: {marker: description}
  title: {at: "extra.\"The title\"", max: 40, count: bytes}
  description: {at: d, html: true, max: 300}
  resolution: {at: r, html: true}
  status: {at: s, map: st}
  priority: priority
  due_date: {split: {date: due_d, time: due_t, edm: true}, format: date}
  started_at: {split: {date: s_d, time: s_t}, format: odata, zone: UTC}
  completed_at: {at: c, format: "%d.%m.%Y %H:%M"}
  estimated_hours: {at: q, unit_at: u, units: {H: h, MIN: min}, unit: MIN}
  actual_hours: {at: g, unit: glide, absent: ["1970-01-01 00:00:00"]}
  location: {at: loc, absent: [false], empty: false}
maps:
  st:
    {1: [ASSIGNED, DRAFT], 2: IN_PROGRESS, 2.5: ON_HOLD, "done": COMPLETED, true: CANCELLED,
     null: {read: DRAFT}}
"""


def test_a_mapping_of_everything_keeps_the_laws_and_goes_round(tmp_path: Path) -> None:
    records = load(tmp_path, EVERYTHING).records
    fields: dict[Field, Value] = {
        Field.S2E_ID: "wo_1",
        Field.TITLE: "é" * 50,
        Field.DESCRIPTION: "a <b>\nc",
        Field.DUE_DATE: datetime(2026, 7, 1, 12, 30, tzinfo=UTC),
        Field.STARTED_AT: datetime(2026, 7, 1, 12, 30, 5, tzinfo=UTC),
        Field.COMPLETED_AT: datetime(2026, 12, 1, 12, 30, tzinfo=UTC),
        Field.ESTIMATED_HOURS: Decimal("1.5"),
        Field.ACTUAL_HOURS: Decimal(25),
        Field.LOCATION: None,
        Field.STATUS: Status.CANCELLED,
        Field.PRIORITY: Priority.HIGH,
    }
    body: dict[str, object] = {}
    for it in assignments(records, fields):
        put(body, it.path, json_value(it.native))
    assert body == {
        "extra": {"The title": "é" * 18 + "…"},
        "d": "<p>a &lt;b&gt;</p><p>c</p><p><br></p><p>S2E: wo_1</p>",
        "due_d": "2026-07-01",
        "due_t": "PT14H30M00S",
        "s_d": "/Date(1782864000000)/",
        "s_t": "12:30:05",
        "c": "01.12.2026 13:30",
        "q": 90,
        "u": "MIN",
        "g": "1970-01-02 01:00:00",
        "loc": False,
        "s": True,
        "priority": "HIGH",
    }
    record = to_record(records, {**body, "id": 7, "meta": {"changed": 1773153000000}})
    assert (record.cmms_id, record.s2e_id) == ("7", "wo_1")
    assert record.updated_at == datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
    seen = {name: record.fields[name] for name in fields}
    assert seen == {**fields, Field.TITLE: "é" * 18 + "…"}
    with pytest.raises(UnexpectedContent, match=r"no id at id: it holds d, q"):
        to_record(records, {"d": "x", "q": 1})
    with pytest.raises(Refused, match="resolution.* cannot be written"):
        assignments(records, {Field.RESOLUTION: Unreadable("x", "is odd")})


SQL = """mapping: sql/1
name: acme
table: jobs
id: no
fields:
  s2e_id: s2e
  title: short
"""


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (SQL.replace("table: jobs\n", ""), 1, "table: is missing"),
        (SQL.replace("table: jobs", "table: 'a b'"), 3, "table: is no table"),
        (SQL.replace("id: no\n", ""), 1, "id: is missing"),
        (SQL + "  id: no\n", 8, "fields.id: 'id' is no field"),
        (SQL + "insert: {sets: {}}\n", 8, "insert.sets: is not known here; did you mean set?"),
        (SQL + "insert: {set: {a: [1]}}\n", 8, "insert.set.a: is a list; a plain value is wanted"),
        (
            SQL + "insert: {statement: 'X :titel'}\n",
            8,
            "insert.statement: :titel is not filled in; d",
        ),
        (
            SQL + "insert: {statement: 'X', set: {a: 1}}\n",
            8,
            "insert.set: stands beside a statement",
        ),
        (SQL + "update: {statement: 'X :title'}\n", 8, "update.statement: has no :id"),
        (
            SQL + "update: {statement: 'X :id', fields: [titel]}\n",
            8,
            "update.fields: 'titel' is no field; did you mean title?",
        ),
        (
            SQL + "update:\n- {statement: 'X :id', fields: [title]}\n",
            8,
            "update: s2e_id is written by 0 of the statements",
        ),
        (SQL + "version: {at: v, counts: true}\n", 8, "version.counts: is not known here; did you"),
        (
            SQL.replace("  s2e_id: s2e\n", "") + "insert: {statement: 'X'}\n",
            7,
            "insert: a statement needs s2e_id",
        ),
    ],
)
def test_a_problem_of_the_sql_part_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(str(file), "sql/1", {}, read_sql)
    found = str(caught.value).splitlines()
    assert any(f"acme.yaml:{line}: {says}" in it for it in found), found
