"""What `syncd check` warns of where the CMMS answers."""

import pytest

from tests.cmms.rest_bench import item, page, rest

FIRST_CAUSE = {"items": [{"cause": "worn"}], "cause": None}
ONLY_TOP = {"items": [], "cause": "dirt"}


@pytest.mark.parametrize(
    ("read", "records", "warned"),
    [
        ("items[*].cause | [0] || cause", [FIRST_CAUSE], []),
        ("items[*].cause | [0] || cause", [FIRST_CAUSE, ONLY_TOP], ["2"]),
        ("items | [*].cause | [0] || cause || title", [ONLY_TOP], ["1"]),
        ("(items[*].cause | [0]) || cause", [FIRST_CAUSE, ONLY_TOP], []),
        ("items[*].cause | [0] || missing", [ONLY_TOP], []),
        ("cause || 'a | b'", [FIRST_CAUSE], []),
    ],
)
def test_a_field_that_reads_nothing_for_the_precedence_of_pipes_is_named(
    read: str, records: list[dict[str, object]], warned: list[str]
) -> None:
    rows = [item(number, **row) for number, row in enumerate(records, 1)]
    fields = {"fields": {"root_cause": {"read": read}}}
    with rest(fields, page(*rows)) as made:
        found = list(made.adapter.warnings())
    assert [text.split(" (")[0] for text in found] == [
        f"root_cause reads nothing from record {number}" for number in warned
    ]


def test_values_that_no_table_has_are_counted() -> None:
    rows = [
        item(number, state=state) for number, state in enumerate(["LOST", "GONE", "LOST", "NEW"])
    ]
    with rest({}, page(*rows)) as made:
        (found,) = made.adapter.warnings()
    assert found.startswith("status: 3 of 4 records hold what maps.state has not (")
    assert found.endswith("): GONE, LOST")
