"""Equality, cutting and fitting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syncd.core.case import IntentState, Write
from syncd.core.equality import Match, agrees, is_at, match_sent, same
from syncd.core.fitting import CUT_MARK, TEXT_LIMITS, cut_text, fit, utf16_units
from syncd.core.planning.created import created_bases
from syncd.core.planning.readback import Evidence, judge_write
from syncd.core.planning.undo import Written, undo
from syncd.core.policy import Overflow
from syncd.core.values import encode_value
from syncd.core.work_order import CmmsRecord, Field, Side, Status, Unreadable, Unwritable, Value
from tests.core.builders import CMMS_ID, NOW, S2E_ID, intent, make_policy, pair, record

CUTS = make_policy(overflow=Overflow.TRUNCATE)
PARKS = make_policy(overflow=Overflow.PARK)
WRENCH = "🔧"
FAMILY = "👨‍👩‍👧‍👦"
ACCENTED = "e\u0301"  # two code points, one letter


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Decimal("4.5"), Decimal("4.50")),
        (
            datetime(2026, 3, 10, 14, 30, tzinfo=UTC),
            datetime(2026, 3, 10, 15, 30, tzinfo=timezone(timedelta(hours=1))),
        ),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("é", ACCENTED),
        (Status.DRAFT, Status.DRAFT),
        (None, None),
    ],
)
def test_the_same(a: Value, b: Value) -> None:
    assert same(a, b)
    assert same(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, "a"),
        (None, Decimal(0)),
        ("a", "a "),
        ("a", "A"),
        ("a\nb", "a b"),
        (Status.DRAFT, Status.ASSIGNED),
        (Decimal("4.5"), Decimal("4.51")),
        ("x", Unreadable("x", "is odd")),
    ],
)
def test_not_the_same(a: Value, b: Value) -> None:
    assert not same(a, b)
    assert not same(b, a)


def test_lengths_are_utf_16_units() -> None:
    assert utf16_units(WRENCH) == 2
    assert utf16_units("é") == 1
    for text in ("", "plain", WRENCH * 3, FAMILY, ACCENTED):
        assert utf16_units(text) == len(text.encode("utf-16-le")) // 2


# ── cutting ──────────────────────────────────────────────────────────────────────────────


def test_600_characters_become_500_with_a_mark() -> None:
    cut = cut_text("x" * 600, 500)
    assert cut == "x" * 499 + CUT_MARK


def test_text_at_the_limit_stays_whole() -> None:
    assert cut_text("x" * 500, 500) == "x" * 500
    assert cut_text(WRENCH * 250, 500) == WRENCH * 250


def test_300_emoji_are_600_units_and_none_is_torn() -> None:
    cut = cut_text(WRENCH * 300, 500)
    assert cut == WRENCH * 249 + CUT_MARK
    assert utf16_units(cut) <= 500


@pytest.mark.parametrize("cluster", [FAMILY, ACCENTED, "🇩🇪", "👍🏽", "\r\n"])
def test_no_grapheme_is_torn(cluster: str) -> None:
    whole = cluster * 300
    for limit in range(20, 60):
        head = cut_text(whole, limit).removesuffix(CUT_MARK)
        assert whole.startswith(head)
        assert head.replace(cluster, "") == ""


def test_a_cut_does_not_end_in_blanks() -> None:
    assert cut_text("abc   def", 6) == "abc" + CUT_MARK


def test_one_grapheme_over_the_limit_leaves_the_mark_alone() -> None:
    assert cut_text("e" + "\u0301" * 600, 500) == CUT_MARK


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=80), st.integers(1, 40))
def test_any_cut_fits_is_a_head_and_is_final(text: str, limit: int) -> None:
    cut = cut_text(text, limit)
    assert utf16_units(cut) <= limit
    assert cut_text(cut, limit) == cut
    if cut != text:
        head = cut.removesuffix(CUT_MARK)
        assert text.startswith(head)
        clusters = regex.findall(r"\X", text)
        heads = {"".join(clusters[:count]).rstrip() for count in range(len(clusters) + 1)}
        assert head in heads


# ── fitting ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "limit"), sorted(TEXT_LIMITS.items()))
def test_documented_limits_hold_upstream(name: Field, limit: int) -> None:
    fitted = fit(name, WRENCH * limit, Side.S2E, CUTS)
    assert isinstance(fitted, str)
    assert utf16_units(fitted) <= limit
    assert fit(name, "x" * limit, Side.S2E, PARKS) == "x" * limit


@pytest.mark.parametrize("name", sorted(TEXT_LIMITS))
def test_too_long_a_text_is_parked_where_the_setting_says_so(name: Field) -> None:
    misfit = fit(name, "x" * 3000, Side.S2E, PARKS)
    assert isinstance(misfit, Unwritable)
    assert misfit.reason == "text_too_long"
    assert "3000" in misfit.detail


@pytest.mark.parametrize("name", sorted(TEXT_LIMITS))
def test_the_full_text_goes_to_the_cmms(name: Field) -> None:
    assert fit(name, "x" * 3000, Side.CMMS, CUTS) == "x" * 3000


@pytest.mark.parametrize("side", list(Side))
def test_what_cannot_be_read_is_never_sent(side: Side) -> None:
    misfit = fit(Field.STATUS, Unreadable("WEIRD", "is not a status we know"), side, CUTS)
    assert isinstance(misfit, Unwritable)
    assert misfit.reason == "unreadable"
    assert "WEIRD" in misfit.detail


@pytest.mark.parametrize("url", ["http://cmms.example/wo/1", "https://cmms.example:8443/?id=1#top"])
def test_web_urls_fit(url: str) -> None:
    assert fit(Field.EXTERNAL_URL, url, Side.S2E, CUTS) == url


@pytest.mark.parametrize(
    "url",
    [
        "wo/1",
        "ftp://cmms.example/1",
        "javascript:alert(1)",
        "https://",
        "https://a b/",
        "http://[::1",
    ],
)
def test_other_urls_do_not_fit(url: str) -> None:
    misfit = fit(Field.EXTERNAL_URL, url, Side.S2E, CUTS)
    assert isinstance(misfit, Unwritable)
    assert misfit.reason == "invalid"


# ── agreement of two sides ───────────────────────────────────────────────────────────────


def test_a_state_that_stands_for_two_agrees_with_either_and_no_third() -> None:
    classes = {Field.STATUS: frozenset({"DRAFT", "ASSIGNED"})}

    def agreed(s2e: Status) -> bool:
        return agrees(Field.STATUS, s2e, Status.ASSIGNED, classes, CUTS)

    assert [status for status in Status if agreed(status)] == [Status.DRAFT, Status.ASSIGNED]


def test_a_class_of_one_field_says_nothing_about_another() -> None:
    classes = {Field.STATUS: frozenset({"DRAFT"})}
    assert not agrees(Field.ROOT_CAUSE, "DRAFT", "worn", classes, CUTS)


def test_a_long_text_agrees_with_its_cut_alone() -> None:
    full = "x" * 600
    assert agrees(Field.ROOT_CAUSE, cut_text(full, 500), full, {}, CUTS)
    assert not agrees(Field.ROOT_CAUSE, "x" * 500, full, {}, CUTS)
    assert not agrees(Field.ROOT_CAUSE, cut_text(full, 500), full, {}, PARKS)


def test_the_cut_is_upstream_never_in_the_cmms() -> None:
    full = "x" * 600
    assert not agrees(Field.ROOT_CAUSE, full, cut_text(full, 500), {}, CUTS)


def test_what_our_own_writing_makes_of_a_value_agrees_with_it() -> None:
    """A CMMS that keeps the day of a time, in a zone of its own."""
    due, kept = datetime(2026, 3, 1, 18, 31, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC)
    settles = replace(CUTS, cmms_keeps=lambda _name, value: kept if value == due else value)
    assert agrees(Field.DUE_DATE, due, kept, {}, settles)
    assert not agrees(Field.DUE_DATE, due, kept, {}, CUTS)
    assert not agrees(Field.DUE_DATE, due, kept + timedelta(days=1), {}, settles)
    record = CmmsRecord("7", None, {Field.DUE_DATE: kept})
    assert match_sent(Field.DUE_DATE, due, kept, record, settles) is Match.EQUIVALENT
    assert match_sent(Field.DUE_DATE, due, kept, record, CUTS) is Match.OTHER


def whole_seconds(_name: Field, value: Value) -> Value:
    """A CMMS of whole seconds (rounded) and tenths of hours, which trims text."""
    if isinstance(value, datetime):
        return (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.1"))
    return value.strip() if type(value) is str else value


COARSE = replace(CUTS, cmms_keeps=whole_seconds)
TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("s2e", "cmms"),
    [
        (TEN + timedelta(milliseconds=700), TEN + timedelta(seconds=1)),  # what we would write
        (TEN + timedelta(milliseconds=700), TEN),  # what another program cut
        (Decimal("1.26"), Decimal("1.3")),
        (Decimal("1.26"), Decimal("1.2")),
        (" loose ", "loose"),
    ],
)
def test_a_coarser_form_agrees_with_what_the_cmms_cannot_hold(s2e: Value, cmms: Value) -> None:
    assert agrees(Field.TITLE, s2e, cmms, {}, COARSE)
    assert not agrees(Field.TITLE, s2e, cmms, {}, CUTS)


@pytest.mark.parametrize(
    ("s2e", "cmms"),
    [
        (TEN + timedelta(milliseconds=700), TEN - timedelta(seconds=1)),
        (TEN, TEN + timedelta(milliseconds=700)),  # the finer value is the CMMS's own
        (TEN, TEN - timedelta(seconds=1)),  # ours can be held as it is
        (Decimal("1.26"), Decimal(1)),  # coarser than the CMMS keeps it
        (Decimal("1.26"), None),
        (" loose ", "LOOSE"),
    ],
)
def test_another_value_is_no_coarser_form(s2e: Value, cmms: Value) -> None:
    assert not agrees(Field.TITLE, s2e, cmms, {}, COARSE)


def test_what_a_mapping_cannot_write_does_not_fit_the_cmms() -> None:
    why = Unwritable("unmapped", "nobody there is called so")
    policy = replace(CUTS, cmms_keeps=lambda _name, value: why if value == "Ann" else value)
    assert fit(Field.ASSIGNED_TO, "Ann", Side.CMMS, policy) is why
    assert fit(Field.ASSIGNED_TO, "Bob", Side.CMMS, policy) == "Bob"
    assert fit(Field.ASSIGNED_TO, None, Side.CMMS, policy) is None
    assert not agrees(Field.ASSIGNED_TO, "Ann", "Bob", {}, policy)


# ── one answer to "is this what we sent?" ─────────────────────────────────────────────────

VALUES = st.one_of(
    st.sampled_from(["Pump 7", "Pump  7 ", "PUMP 7", "Pump 8", "", None, "ASSIGNED", "DRAFT"]),
    st.decimals(0, 99, places=3),
    st.sampled_from([datetime(2026, 3, 1, 18, minute, 31, tzinfo=UTC) for minute in (0, 30)]),
    st.text(max_size=80),
)


@given(sent=VALUES, seen=VALUES, lossy=st.booleans(), settles=st.booleans())
def test_reading_back_creating_and_undoing_agree_on_what_was_sent(
    sent: Value, seen: Value, lossy: bool, settles: bool
) -> None:
    name = Field.TITLE
    policy = make_policy()
    if settles:
        policy = replace(policy, cmms_keeps=lambda _name, value: seen if value == sent else value)
    classes = {name: frozenset({str(encode_value(sent))})} if lossy else {}
    kept = record({name: seen}, equivalents=classes)
    match = match_sent(name, sent, seen, kept, policy)
    # Another value from before, so that no verdict rests on it.
    one = intent(Side.CMMS, {name: Write("from before", sent, sent)})
    case = replace(
        pair({name: sent}, {name: seen}, base_s2e={name: sent}, base_cmms={name: seen}), cmms=kept
    )
    verdict = judge_write(one, name, Evidence(kept, NOW), case, policy)
    assume(seen != "from before")
    assert verdict is not None
    by_verdict = {
        IntentState.CONFIRMED: {Match.EQUAL, Match.EQUIVALENT},
        IntentState.ALTERED: {Match.NORMALISED},
        IntentState.SUPERSEDED: {Match.OTHER},
    }
    assert match in by_verdict[verdict.state]
    later = judge_write(one, name, Evidence(kept, NOW, is_answer=True), case, policy)
    assert later is not None
    # Nobody can have been there between the write and its own answer.
    not_kept = verdict.state is IntentState.SUPERSEDED
    assert later.state is (IntentState.NOT_KEPT if not_kept else verdict.state)
    (base,) = created_bases({name: sent}, kept, policy)
    assert (base.cmms == sent) if match is Match.OTHER else (base.cmms == seen)
    written = Written(S2E_ID, CMMS_ID, Side.CMMS, name, "from before", sent)
    _, cannot = undo(case, [written], policy, NOW, NOW)
    changed = [each.reason for each in cannot if "changed since, to" in each.reason]
    assert bool(changed) is (match is Match.OTHER)


@given(value=VALUES)
def test_a_value_is_what_was_sent_and_where_the_two_agreed(value: Value) -> None:
    assert match_sent(Field.TITLE, value, value, None, CUTS) is Match.EQUAL
    assert is_at({Field.TITLE: value}, Field.TITLE, value)
    assert not is_at({}, Field.TITLE, value)
