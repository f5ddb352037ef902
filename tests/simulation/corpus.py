"""Decisions that were made once, to find out whether a change of the code changes any of them.

`corpus.xz` holds cases from the histories, each with the policy and the time that it was decided
under, and what was decided. `ledgers.txt` holds, per seed, the digest of all that happened.

python -m tests.simulation.corpus                    decide each case again, in seconds
python -m tests.simulation.corpus --ledgers          play the histories again: some ten minutes
python -m tests.simulation.corpus --record           after a change that is meant: write both anew
"""

import argparse
import json
import lzma
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy
from tests.simulation.__main__ import played, quiet
from tests.simulation.codec import decode, describe, encode
from tests.simulation.history import draw

CORPUS = Path(__file__).with_name("corpus.xz")
LEDGERS = Path(__file__).with_name("ledgers.txt")
HISTORIES = 1000
_CASES_A_HISTORY = 30
_IDLE_CYCLES = 4
_SHOWN = 600  # characters of a decision that differs


@dataclass(frozen=True, slots=True)
class Entry:
    """One case, and the decision about it as `describe` has it."""

    case: Case
    policy: Policy
    now: datetime
    decision: dict[str, Any]


@dataclass(slots=True)
class Recorder:
    """Decides as the planner does, and keeps each case with its decision."""

    policies: dict[str, None] = field(default_factory=dict)
    kept: dict[str, list[Any]] = field(default_factory=dict)

    def __call__(self, case: Case, policy: Policy, now: datetime) -> Decision:
        decision = decide(case, policy, now)
        entry = [encode(policy), now.isoformat(), encode(case), describe(decision)]
        self.kept[json.dumps(entry[1:3], sort_keys=True)] = entry
        return decision

    def sample(self, seed: int) -> list[list[Any]]:
        """Some entries: one of each kind of decision, then a second of each, and so on."""
        keys = sorted(self.kept)
        random.Random(seed).shuffle(keys)
        of_kind: Counter[str] = Counter()
        ranked = []
        for key in keys:
            kind = _kind(self.kept[key][3])
            ranked.append((of_kind[kind], key))
            of_kind[kind] += 1
        return [self.kept[key] for _, key in sorted(ranked)[:_CASES_A_HISTORY]]


def _kind(decision: dict[str, Any]) -> str:
    """What a decision is like, without its values."""
    rules = [(one["side"], one["field"], one["rule"]) for one in decision["changes"]]
    verdicts = sorted({one[2] for one in decision["verdicts"]})
    parts = [rules, verdicts, [one["reason"] for one in decision["holds"]]]
    parts += [[one["field"] for one in decision["conflicts"]], decision["out_of_scope"]]
    return json.dumps([*parts, [bool(value) for value in decision.values()]])


def entries() -> Iterator[Entry]:
    """All of `corpus.xz`."""
    with lzma.open(CORPUS, "rt", encoding="utf-8") as lines:
        policy = None
        for line in lines:
            raw_policy, now, case, decision = json.loads(line)
            policy = policy if raw_policy is None else decode(Policy, raw_policy)
            assert policy is not None
            yield Entry(decode(Case, case), policy, datetime.fromisoformat(now), decision)


def differences(entry: Entry) -> list[str]:
    """What is decided otherwise now, in words; nothing: the same."""
    now = json.loads(json.dumps(describe(decide(entry.case, entry.policy, entry.now))))
    return [
        f"{key}: {entry.decision[key]} became {now[key]}"
        for key in now
        if now[key] != entry.decision[key]
    ]


def check() -> int:
    """Decide all again; print the first decisions that differ."""
    decided = changed = 0
    for entry in entries():
        decided += 1
        found = differences(entry)
        changed += bool(found)
        if found and changed <= 5:
            print(f"{entry.case.s2e_id} at {entry.now}: {'; '.join(found)}"[:_SHOWN])
    print(f"{decided} cases decided again, {changed} otherwise than recorded.")
    return 1 if changed else 0


def _recorded(seed: int) -> tuple[str, list[list[Any]]]:
    recorder = Recorder()
    verdict = played(draw(seed), _IDLE_CYCLES, recorder)
    return verdict.digest, recorder.sample(seed)


def record(workers: int) -> int:
    """Play all histories; write both files anew."""
    digests, cases = [], 0
    with (
        ProcessPoolExecutor(workers, initializer=quiet) as pool,
        lzma.open(CORPUS, "wt", encoding="utf-8", preset=9) as out,
    ):
        for digest, sample in pool.map(_recorded, range(HISTORIES), chunksize=10):
            digests.append(digest)
            written = None  # a mapping, or what a word means, changes within a history
            for policy, *rest in filter(_is_repeatable, sample):
                line = [None if policy == written else policy, *rest]
                written = policy
                cases += 1
                out.write(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
    LEDGERS.write_text("\n".join(digests) + "\n", encoding="ascii")
    print(f"{len(digests)} ledgers and {cases} cases recorded.")
    return 0


def _is_repeatable(entry: list[Any]) -> bool:
    """Whether the written case is decided as the case itself was. What a CMMS makes of a value is
    a function, which is not written; a few decisions rest on it."""
    policy, now, case, decision = entry
    read = Entry(decode(Case, case), decode(Policy, policy), datetime.fromisoformat(now), decision)
    return not differences(read)


def _digest(seed: int) -> str:
    return played(draw(seed), _IDLE_CYCLES).digest


def check_ledgers(workers: int, histories: int) -> int:
    """Play the histories again; print the seeds whose ledgers differ."""
    known = LEDGERS.read_text(encoding="ascii").split()[:histories]
    with ProcessPoolExecutor(workers, initializer=quiet) as pool:
        found = pool.map(_digest, range(histories), chunksize=10)
        changed = [n for n, pair in enumerate(zip(known, found, strict=True)) if len(set(pair)) > 1]
    print(f"{histories} histories played again, {len(changed)} ledgers differ: {changed[:20]}")
    return 1 if changed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.corpus", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write both files anew")
    parser.add_argument("--ledgers", action="store_true", help="play the histories again")
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    quiet()
    if options.record:
        return record(options.workers)
    if options.ledgers:
        return check_ledgers(options.workers, options.histories)
    return check()


if __name__ == "__main__":
    sys.exit(main())
