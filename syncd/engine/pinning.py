"""What records are read by beside the mapping: learned from the CMMS's server, then pinned.

Odoo's stages, for example: which one comes first is what a stage means, and anybody who adds a
column in the kanban view changes that. The mirror keeps what was learned first. The server is asked
again when the daemon starts and with every whole read.

    the mirror keeps    what happens                       it keeps then      what follows
    ─────────────────   ────────────────────────────────   ────────────────   ─────────────────────
    nothing             the server answers                 it, pinned         `mapping.learned`;
                                                                              records are read by it
    nothing             the server cannot be asked         nothing            the CMMS is not read
    pinned              the same meaning                   the new answer     nothing
    pinned              another meaning                    both, the new      `mapping.changed`; the
                                                           one announced      guard latches; what
                                                                              `core/meaning.py` says
    announced           again the announced meaning        the same           nothing
    announced           yet another one                    both, anew         as for another meaning
    announced           the pinned meaning again           the new answer,    `mapping.restored`;
                                                           pinned             the guard is spent
    announced           a person releases the guard        what was           records are read anew
                                                           announced,         (`read_anew.py`), and
                                                           pinned             nothing is written
    announced           with changed options, both are     the new answer,    as for the pinned
                        the same meaning                   pinned             meaning again

A person who does not want the announced meaning names the stages in the options, or puts the column
back. Nothing is ever read by another meaning while its old one is pinned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from syncd.cmms.port import AdapterBase, Learned
from syncd.core.meaning import MeaningChange, compare_meanings
from syncd.core.planning.guards import Guard, Latch
from syncd.core.work_order import Field
from syncd.engine.keep import keep_latch, keep_unlatched
from syncd.engine.read_anew import follow_mapping
from syncd.errors import ConfigurationError
from syncd.mirror import state
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.guard_counts import is_released

REMEDY = (
    "name in the options what the words stand for, or take the new "
    "meaning with `syncd guard release meaning_changed`"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the mirror keeps of it.

    Attributes:
        pinned: what records are read by.
        announced: what the server says now, if that means something else; it waits for a person.
        moved: the fields whose differences wait meanwhile.
    """

    pinned: Learned
    announced: Learned | None = None
    moved: frozenset[Field] = frozenset()


def load_kept(tx: Tx) -> Kept | None:
    """What was learned; None: nothing yet, or the adapter learns nothing."""
    stored: Mapping[str, Any] | None = state.get_state(tx, state.CMMS_LEARNED)
    if stored is None:
        return None
    return Kept(stored["pinned"], stored["announced"], frozenset(map(Field, stored["moved"])))


def moved_fields(tx: Tx) -> frozenset[Field]:
    """The fields of which the server's meaning is not the pinned one."""
    kept = load_kept(tx)
    return frozenset() if kept is None else kept.moved


def pin_kept(mirror: Mirror, adapter: AdapterBase) -> Kept | None:
    """Have the adapter read by what the mirror keeps. Nothing is asked, nothing is kept."""
    with mirror.read() as tx:
        kept = load_kept(tx)
    if kept is not None:
        adapter.pin(kept.pinned)
    return kept


def resume_pinned(mirror: Mirror, adapter: AdapterBase) -> None:
    """What a holder of the lease does at its start: the options may have changed since."""
    kept = pin_kept(mirror, adapter)
    if kept is not None and kept.announced is not None:
        _judge(mirror, adapter, kept, kept.announced, cycle_id="")
    follow_mapping(mirror, adapter)


class Pinning:
    """Keeps what was learned for one process, cycle after cycle."""

    def __init__(self, adapter: AdapterBase, mirror: Mirror) -> None:
        self._adapter, self._mirror = adapter, mirror
        self._asked = False  # the server, since this process began
        self._wrong = ""  # what it showed to be wrong in the options

    def renew(self, cycle_id: str, *, whole: bool) -> None:
        """Do what the table of the module says, before records are read.

        Args:
            whole: the whole CMMS is read in this cycle.

        Raises RemoteError, and ConfigurationError for options that the server shows to be wrong
        when it is asked for the first time.
        """
        with self._mirror.read() as tx:
            kept = load_kept(tx)
            released = kept is not None and is_released(tx, Guard.MEANING)
        if kept is not None and kept.announced is not None and released:
            kept = _accept(self._mirror, self._adapter, kept.announced)
        if self._asked and not whole:
            return
        learned = self._learn()
        if not learned:
            return
        if kept is None:
            _keep(self._mirror, Kept(learned))
            self._adapter.pin(learned)
            follow_mapping(self._mirror, self._adapter)
            meanings = self._adapter.meanings(learned)
            structlog.get_logger().info("mapping.learned", meanings=_shown(meanings))
        else:
            _judge(self._mirror, self._adapter, kept, learned, cycle_id)

    def _learn(self) -> Learned:
        try:
            learned = dict(self._adapter.learn())
        except ConfigurationError as error:
            if not self._asked:
                raise
            # What is pinned is good for reading still; it is said once.
            if str(error) != self._wrong:
                structlog.get_logger().warning("mapping.changed", error=str(error))
            self._wrong = str(error)
            return {}
        self._asked, self._wrong = True, ""
        return learned


def _judge(
    mirror: Mirror, adapter: AdapterBase, kept: Kept, learned: Learned, cycle_id: str
) -> None:
    """The server has said `learned`, while `kept` is pinned."""
    change = compare_meanings(adapter.meanings(kept.pinned), adapter.meanings(learned))
    if not change:
        if kept.announced is not None:
            _restore(mirror, adapter, learned)
        elif learned != kept.pinned:
            _keep(mirror, Kept(learned))
            adapter.pin(learned)
        return
    if kept.announced is not None and change.moved == kept.moved:
        since = compare_meanings(adapter.meanings(kept.announced), adapter.meanings(learned))
        if not since:
            return
    _announce(mirror, kept, learned, change, cycle_id)


def _announce(
    mirror: Mirror, kept: Kept, learned: Learned, change: MeaningChange, cycle_id: str
) -> None:
    detail = "; ".join(change.lines)
    with mirror.transaction() as tx:
        _save(tx, Kept(kept.pinned, learned, change.moved))
        keep_unlatched(tx, Guard.MEANING, None)  # an older one, which says something else
        keep_latch(tx, cycle_id, Latch(Guard.MEANING, None, len(change.lines), 0, detail, REMEDY))
        mark_attention(tx, None)
    structlog.get_logger().warning(
        "mapping.changed", meanings=list(change.lines), waits=sorted(change.moved), remedy=REMEDY
    )


def _restore(mirror: Mirror, adapter: AdapterBase, learned: Learned) -> None:
    with mirror.transaction() as tx:
        _save(tx, Kept(learned))
        keep_unlatched(tx, Guard.MEANING, None)
        mark_attention(tx, None)
    adapter.pin(learned)
    structlog.get_logger().info("mapping.restored")


def _accept(mirror: Mirror, adapter: AdapterBase, announced: Learned) -> Kept:
    """A person takes what was announced, and nothing that the server may say since."""
    kept = Kept(announced)
    with mirror.transaction() as tx:
        _save(tx, kept)
        keep_unlatched(tx, Guard.MEANING, None)
        mark_attention(tx, None)
    adapter.pin(announced)
    follow_mapping(mirror, adapter)
    return kept


def _keep(mirror: Mirror, kept: Kept) -> None:
    with mirror.transaction() as tx:
        _save(tx, kept)


def _save(tx: Tx, kept: Kept) -> None:
    announced = None if kept.announced is None else dict(kept.announced)
    stored = {"pinned": dict(kept.pinned), "announced": announced, "moved": sorted(kept.moved)}
    state.set_state(tx, state.CMMS_LEARNED, stored)


def _shown(meanings: Mapping[Field, Mapping[str, str]]) -> list[str]:
    return [
        f"{name}: {word} is {meaning}"
        for name, words in meanings.items()
        for word, meaning in words.items()
    ]
