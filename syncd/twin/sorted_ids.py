"""The ids of all orders, kept in the list's order while orders come, change and go."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from syncd.twin.seed import Order


class SortedIds:
    """The ids of orders, sorted. The caller holds the twin's lock.

    Attributes:
        by: `createdAt`, `updatedAt` or `id`, with `-` before it for descending; or `hidden`:
            shuffled by the seed. Orders with equal values are sorted by their ids.
    """

    def __init__(self, by: str, seed: int, orders: Iterable[Order]) -> None:
        self.by = by
        self._seed = seed
        self._keys = sorted(self._key(order) for order in orders)
        self._ids = [key[1] for key in self._keys]

    def ids(self) -> list[str]:
        """Return a copy, first to last."""
        return self._ids[::-1] if self.by.startswith("-") else self._ids.copy()

    def add(self, order: Order) -> None:
        key = self._key(order)
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._ids.insert(place, key[1])

    def remove(self, order: Order) -> None:
        """Remove an order, given with the values that it had when it was added."""
        place = bisect_left(self._keys, self._key(order))
        del self._keys[place], self._ids[place]

    def _key(self, order: Order) -> tuple[str, str]:
        s2e_id = str(order["id"])
        if self.by == "hidden":
            shuffled = hashlib.blake2b(f"{self._seed} {s2e_id}".encode(), digest_size=8)
            return shuffled.hexdigest(), s2e_id
        name = self.by.removeprefix("-")
        return ("", s2e_id) if name == "id" else (str(order[name]), s2e_id)
