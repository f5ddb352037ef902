"""One table from an HTTP status to an error, and where the sides deviate from it."""

import re
from collections.abc import Callable

import pytest

from syncd import errors
from syncd.cmms.odoo.errors import by_status
from syncd.errors import RemoteError
from syncd.http import Response, StatusMeaning, error_of, meaning_of, status
from syncd.scan2evolve.auth import v1_refused
from syncd.scan2evolve.refusals import raise_for

ROW = re.compile(
    r"^    (?P<statuses>.+?)  +(?P<meaning>\w+) +(?P<error>[A-Z]\w+) +(?P<applied>\w+)$"
)
LINES = [found for line in (status.__doc__ or "").splitlines() if (found := ROW.match(line))]


def statuses(text: str) -> list[int]:
    """The statuses that a cell of the table names; of a whole hundred, its first."""
    found = [int(number) for number in re.findall(r"\b\d{3}\b", text)]
    return found + [100 * int(digit) for digit in re.findall(r"(\d)xx", text)]


def test_the_table_names_every_meaning_that_is_an_error() -> None:
    named = {line["meaning"] for line in LINES}
    assert named == set(StatusMeaning) - {StatusMeaning.OK}


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line["meaning"]))
def test_the_table_says_what_happens(line: re.Match[str]) -> None:
    for number in statuses(line["statuses"]):
        meaning = meaning_of(number)
        error = error_of(meaning, "no", side="cmms", status=number, wait_s=1.0)
        assert meaning == line["meaning"], number
        assert type(error) is getattr(errors, line["error"]), number
        assert error.may_have_applied is (line["applied"] == "yes"), number


@pytest.mark.parametrize(("number", "meaning"), [(200, "ok"), (299, "ok"), (423, "refused")])
def test_a_status_that_the_table_does_not_name_is_one_of_its_hundred(
    number: int, meaning: str
) -> None:
    assert meaning_of(number) == meaning


def test_a_caller_may_deviate_from_the_table() -> None:
    deviations = {423: StatusMeaning.UNREACHABLE}
    assert meaning_of(423, deviations) is StatusMeaning.UNREACHABLE
    assert meaning_of(409, deviations) is StatusMeaning.CHANGED


def of_odoo(number: int) -> RemoteError:
    return by_status(Response(number, {}, b""), "model.method", "", "")


def of_scan2evolve(number: int) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        raise_for(Response(number, {}, b""), "GET /api/v1/work-orders", v1_refused, 1.0)
    return caught.value


@pytest.mark.parametrize(
    ("side", "number", "error"),
    [
        (of_odoo, 404, "UnexpectedContent"),
        (of_odoo, 409, "UnexpectedContent"),
        (of_odoo, 423, "UnexpectedContent"),
        (of_odoo, 422, "Refused"),
        (of_odoo, 429, "Throttled"),
        (of_scan2evolve, 403, "CredentialsRefused"),
        (of_scan2evolve, 404, "NotFound"),
        (of_scan2evolve, 409, "Refused"),
        (of_scan2evolve, 429, "Throttled"),
    ],
)
def test_each_side_has_its_own_deviations(
    side: Callable[[int], RemoteError], number: int, error: str
) -> None:
    raised = side(number)
    assert type(raised).__name__ == error
    assert raised.status == number
