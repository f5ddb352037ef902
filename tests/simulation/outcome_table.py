"""What has to come of every answer to every kind of write. docs/reference/outcomes.md shows it."""

from collections.abc import Iterator, Mapping

from tests.simulation.outcomes import ANSWERS, IMPOSSIBLE, KINDS, LATER, Outcome

_HEADS = {
    "create": "A record is made in the CMMS",
    "update": "A field of a record is written",
    "status": "The status of a record is written",
    "sync": "A field is written to Scan2Evolve",
}
OUTCOMES: Mapping[tuple[str, str], Outcome] = {
    ("create", "success, as sent"): Outcome(
        state="confirmed", held="", events="link.created", tries=1, ends="", code=0
    ),
    ("create", "success, with another value"): Outcome(
        state="confirmed",
        held="not_kept",
        events="link.created, order.parked",
        tries=1,
        ends="not_kept",
        code=0,
    ),
    ("create", "success, in part"): Outcome(
        state="confirmed",
        held="refused",
        events="conflict.found, link.created, order.parked",
        tries=1,
        ends="",
        code=0,
    ),
    ("create", "success, and nothing kept"): Outcome(
        state="confirmed", held="", events="link.created", tries=4, ends="ignored", code=0
    ),
    ("create", "400, 422"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.refused",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("create", "401"): Outcome(
        state="refused", held="", events="push.refused", tries=21, ends="", code=77
    ),
    ("create", "403"): Outcome(
        state="refused",
        held="forbidden…",
        events="push.refused",
        tries=7,
        ends="forbidden…",
        code=75,
    ),
    ("create", "404, 410"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="not_found",
        code=75,
    ),
    ("create", "409, 412"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="changed",
        code=75,
    ),
    ("create", "429"): Outcome(
        state="not_applied", held="", events="push.refused", tries=21, ends="", code=75
    ),
    ("create", "5xx"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=21, ends="", code=75
    ),
    ("create", "no connection"): Outcome(
        state="not_applied",
        held="not_applied…",
        events="push.refused",
        tries=7,
        ends="not_applied…",
        code=75,
    ),
    ("create", "no answer, not applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=21, ends="", code=75
    ),
    ("create", "no answer, applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=1, ends="", code=75
    ),
    ("create", "HTML, or wrong JSON"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=21, ends="", code=75
    ),
    ("create", "redirect, to a login page too"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=21, ends="", code=75
    ),
    ("create", "an exception of the adapter's own"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=21, ends="", code=75
    ),
    ("update", "success, as sent"): Outcome(
        state="confirmed", held="", events="push.applied, push.confirmed", tries=1, ends="", code=0
    ),
    ("update", "success, with another value"): Outcome(
        state="not_kept",
        held="not_kept",
        events="order.parked, push.altered, push.applied",
        tries=1,
        ends="not_kept",
        code=0,
    ),
    ("update", "success, in part"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.applied",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("update", "success, and nothing kept"): Outcome(
        state="answered", held="", events="push.applied", tries=3, ends="ignored", code=0
    ),
    ("update", "400, 422"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.refused",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("update", "401"): Outcome(
        state="refused", held="", events="push.refused", tries=21, ends="", code=77
    ),
    ("update", "403"): Outcome(
        state="refused",
        held="forbidden…",
        events="push.refused",
        tries=7,
        ends="forbidden…",
        code=75,
    ),
    ("update", "404, 410"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="not_found",
        code=75,
    ),
    ("update", "409, 412"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="changed",
        code=75,
    ),
    ("update", "429"): Outcome(
        state="not_applied", held="", events="push.refused", tries=21, ends="", code=75
    ),
    ("update", "5xx"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("update", "no connection"): Outcome(
        state="not_applied",
        held="not_applied…",
        events="push.refused",
        tries=7,
        ends="not_applied…",
        code=75,
    ),
    ("update", "no answer, not applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("update", "no answer, applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=1, ends="", code=75
    ),
    ("update", "HTML, or wrong JSON"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("update", "redirect, to a login page too"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("update", "an exception of the adapter's own"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("status", "success, as sent"): Outcome(
        state="confirmed", held="", events="push.applied, push.confirmed", tries=1, ends="", code=0
    ),
    ("status", "success, with another value"): Outcome(
        state="not_kept",
        held="not_kept",
        events="order.parked, push.altered, push.applied, push.confirmed",
        tries=1,
        ends="not_kept",
        code=0,
    ),
    ("status", "success, in part"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.applied",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("status", "success, and nothing kept"): Outcome(
        state="answered", held="", events="push.applied", tries=3, ends="ignored", code=0
    ),
    ("status", "400, 422"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.refused",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("status", "401"): Outcome(
        state="refused", held="", events="push.refused", tries=21, ends="", code=77
    ),
    ("status", "403"): Outcome(
        state="refused",
        held="forbidden…",
        events="push.refused",
        tries=7,
        ends="forbidden…",
        code=75,
    ),
    ("status", "404, 410"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="not_found",
        code=75,
    ),
    ("status", "409, 412"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="changed",
        code=75,
    ),
    ("status", "429"): Outcome(
        state="not_applied", held="", events="push.refused", tries=21, ends="", code=75
    ),
    ("status", "5xx"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("status", "no connection"): Outcome(
        state="not_applied",
        held="not_applied…",
        events="push.refused",
        tries=7,
        ends="not_applied…",
        code=75,
    ),
    ("status", "no answer, not applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("status", "no answer, applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=1, ends="", code=75
    ),
    ("status", "HTML, or wrong JSON"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("status", "redirect, to a login page too"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("status", "an exception of the adapter's own"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "success, as sent"): Outcome(
        state="answered", held="", events="push.applied", tries=1, ends="", code=0
    ),
    ("sync", "success, with another value"): Outcome(
        state="answered", held="", events="push.applied", tries=1, ends="", code=0
    ),
    ("sync", "success, and nothing kept"): Outcome(
        state="answered", held="", events="push.applied", tries=3, ends="ignored", code=0
    ),
    ("sync", "400, 422"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.refused",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("sync", "401"): Outcome(
        state="refused", held="", events="push.refused", tries=3, ends="", code=77
    ),
    ("sync", "403"): Outcome(
        state="refused", held="", events="push.refused", tries=3, ends="", code=77
    ),
    ("sync", "404, 410"): Outcome(
        state="refused",
        held="not_applied…",
        events="push.refused",
        tries=5,
        ends="not_found",
        code=75,
    ),
    ("sync", "409, 412"): Outcome(
        state="refused",
        held="refused",
        events="order.parked, push.refused",
        tries=1,
        ends="refused",
        code=0,
    ),
    ("sync", "429"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "5xx"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "no connection"): Outcome(
        state="not_applied",
        held="not_applied…",
        events="push.refused",
        tries=7,
        ends="not_applied…",
        code=75,
    ),
    ("sync", "no answer, not applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "no answer, applied"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=1, ends="", code=75
    ),
    ("sync", "HTML, or wrong JSON"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "redirect, to a login page too"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
    ("sync", "success: false"): Outcome(
        state="in_doubt", held="", events="push.in_doubt", tries=6, ends="not_applied…", code=75
    ),
}


def lines() -> Iterator[str]:
    """The table, a part for each kind of write, as the page shows it."""
    for kind in KINDS:
        yield f"## {_HEADS[kind]}"
        yield ""
        yield "| answer | intent | events | tried again | exit code of `once` |"
        yield "|---|---|---|---|---|"
        for answer in ANSWERS:
            yield _line(kind, answer)
        yield ""


def _line(kind: str, answer: str) -> str:
    if (kind, answer) in IMPOSSIBLE:
        return f"| {answer} | – | – | cannot be: {IMPOSSIBLE[kind, answer]} | – |"
    one = OUTCOMES[kind, answer]
    events = ", ".join(f"`{event}`" for event in one.events.split(", "))
    states = ", ".join(f"`{state}`" for state in one.state.split(", "))
    return f"| {answer} | {states} | {events} | {_again(one)} | {one.code} |"


def _again(one: Outcome) -> str:
    """Whether and when the same is sent again while the answer stays the same."""
    reason = one.ends.removesuffix("…")
    if one.ends.endswith("…"):
        return f"by itself, later each time: `{reason}`"
    if reason and one.tries == 1:
        return f"no: parked as `{reason}`"
    if reason:
        return f"{one.tries} times in all, then parked as `{reason}`"
    if one.tries == 1:
        return "no: reads show it"
    if one.tries >= LATER:
        return "in every cycle, as soon as the side answers"
    return "by itself, when the side has had time to recover"
