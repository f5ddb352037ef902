"""The ids of all orders in the list's order, kept in it while orders come, change and go."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from syncd.twin.seed import Order


class Line:
    """Orders by `how`: createdAt, updatedAt or id, `-` for downwards, or hidden: shuffled by the
    seed. Equals stand by their ids. The caller holds the twin's lock."""

    def __init__(self, how: str, seed: int, orders: Iterable[Order]) -> None:
        self.how = how
        self._seed = seed
        self._keys = sorted(self._key(order) for order in orders)
        self._ids = [key[1] for key in self._keys]

    def ids(self) -> list[str]:
        """A copy, first to last."""
        return self._ids[::-1] if self.how.startswith("-") else self._ids.copy()

    def add(self, order: Order) -> None:
        key = self._key(order)
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._ids.insert(place, key[1])

    def take(self, order: Order) -> None:
        """Take out an order as it was when it was added."""
        place = bisect_left(self._keys, self._key(order))
        del self._keys[place], self._ids[place]

    def _key(self, order: Order) -> tuple[str, str]:
        s2e_id = str(order["id"])
        if self.how == "hidden":
            return hashlib.blake2b(
                f"{self._seed} {s2e_id}".encode(), digest_size=8
            ).hexdigest(), s2e_id
        name = self.how.removeprefix("-")
        return ("", s2e_id) if name == "id" else (str(order[name]), s2e_id)
