"""A list that people change while it is read, in one of several orders nobody tells."""

import bisect
import random
from dataclasses import dataclass, field
from typing import Any

from syncd.core.paging.list_order import Row
from syncd.core.paging.pages import SeenPage
from syncd.core.paging.sweep import Phase, Sweep

KNOWN = ("createdAt", "-createdAt", "updatedAt", "-updatedAt", "id")


@dataclass
class Item:
    s2e_id: str
    created: int
    updated: int
    place: float
    ahead: int = 0

    @property
    def told(self) -> int:
        """The time of change as the list shows it."""
        return self.updated + self.ahead


class MovingList:
    """`size` rows in `order`: one of KNOWN, `hidden` (a fixed shuffle) or `unstable`."""

    def __init__(self, size: int, order: str, seed: int, limit: int = 200) -> None:
        self.order, self.limit = order, limit
        self._random = random.Random(f"{size} {order} {seed}")
        self._now = 2 * 10**6
        self._made = 0
        self.items: dict[str, Item] = {}
        for _ in range(size):
            self._put(self._new(created=self._random.randrange(10**6)))
        self._keys = sorted(self._key(item) for item in self.items.values())

    def page(self, offset: int) -> SeenPage:
        if self.order == "unstable":
            self._random.shuffle(self._keys)
        ids = [key[1] for key in self._keys[offset : offset + self.limit]]
        rows = [self._row(self.items[s2e_id]) for s2e_id in ids]
        more = offset + self.limit < len(self._keys)
        return SeenPage(rows, len(self._keys), offset, more)

    def write(self) -> None:
        """An insert, a deletion or one of two kinds of edit, as likely as each other."""
        kind = self._random.randrange(4) if self._keys else 0
        if kind == 0:
            item = self._new()
        else:
            item = self.items.pop(self._random.choice(self._keys)[1])
            self._keys.pop(bisect.bisect_left(self._keys, self._key(item)))
            if kind == 1:
                return
            self._now += 1
            item = Item(item.s2e_id, item.created, self._now, item.place, item.ahead)
        self._put(item)
        bisect.insort(self._keys, self._key(item))

    def edit_all(self, s2e_ids: set[str]) -> None:
        """Edit these, one after the other, as a run of pushes does."""
        for s2e_id in sorted(s2e_ids & set(self.items)):
            self._now += 1
            self.items[s2e_id].updated = self._now
        self._keys = sorted(self._key(item) for item in self.items.values())

    def date_ahead(self, rows: int) -> None:
        """So many rows bear a time of change that has not come; where they are edited, too."""
        for s2e_id in sorted(self.items)[:rows]:
            self.items[s2e_id].ahead = 10**9
        self._keys = sorted(self._key(item) for item in self.items.values())

    def _new(self, created: int | None = None) -> Item:
        self._made += 1
        self._now += 1
        s2e_id = f"wo_{self._random.randrange(16**6):06x}{self._made:05x}"
        if created is None:
            return Item(s2e_id, self._now, self._now, self._random.random())
        updated = created + self._random.randrange(10**5)
        return Item(s2e_id, created, updated, self._random.random())

    def _put(self, item: Item) -> None:
        self.items[item.s2e_id] = item

    def _key(self, item: Item) -> tuple[Any, str]:
        keys: dict[str, Any] = {
            "createdAt": item.created,
            "-createdAt": -item.created,
            "updatedAt": item.told,
            "-updatedAt": -item.told,
            "id": item.s2e_id,
        }
        return keys.get(self.order, item.place), item.s2e_id

    @staticmethod
    def _row(item: Item) -> Row:
        return Row(item.s2e_id, str(item.told), item.created, item.told)


@dataclass
class Outcome:
    """What a sweep came to, and whom it missed: there before, there after, and never met."""

    sweep: Sweep
    asked: list[int]
    missed: set[str]
    met: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        return self.sweep.verdict()[0] == "complete"


def sweep_through(
    items: MovingList, writes: int, *, filled: bool = False, at_most: int = 100_000
) -> Outcome:
    """Sweep with so many writes after each page; dumped and loaded as if after a restart, now
    and then. `filled`: everybody there at the beginning was known before."""
    there = set(items.items)
    sweep, asked, met = Sweep(), list[int](), set[str]()
    while (offset := sweep.next_offset) is not None:
        assert len(asked) < at_most, "the sweep does not end"
        asked.append(offset)
        page = items.page(offset)
        ids = {row.s2e_id for row in page.rows}
        sweep.take(SeenPage(page.rows, page.total, offset, page.has_more, first=len(ids - met)))
        met |= ids
        for _ in range(writes):
            items.write()
        if len(asked) % 7 == 0:
            sweep = Sweep.load(sweep.dump())
    missed = (there - met) & set(items.items)
    if sweep.phase is Phase.UNSEEN:
        gone = len(there - met) - len(missed) if filled else 0
        sweep.account_for(gone=gone, passed_over=len(missed) if filled else 0)
        sweep.finish()
    return Outcome(sweep, asked, missed, met)
