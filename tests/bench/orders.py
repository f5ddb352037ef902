"""Work orders as the API spells them, about 1.2 kB each, made from a number."""

import json
import random
from collections.abc import Iterator
from typing import Any

OPEN = ("ASSIGNED", "IN_PROGRESS", "ON_HOLD")
CLOSED = ("COMPLETED", "COMPLETED", "COMPLETED", "CANCELLED", "DRAFT")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_SAMPLE = (
    "bearing worn gearbox oil leaking Förderband gespannt pump cavitates стук в моторе fan "
    "unbalanced sensor drifts 阀门 sticks coupling loose grease renewed guard missing belt torn "
    "cable chafed filter blocked pressure low temperature high noise at start press brake"
)
_WORDS = _SAMPLE.split()


def make_order(number: int, *, is_open: bool) -> dict[str, Any]:
    """The order of this number, the same in every process. Open ones name their CMMS record."""
    dice = random.Random(number)
    status = OPEN[number % len(OPEN)] if is_open else dice.choice(CLOSED)
    asset, person = dice.randrange(3000), dice.randrange(300)
    done = status == "COMPLETED"
    return {
        "id": f"wo_{number:08d}",
        "title": _text(dice, 4, 8),
        "description": _text(dice, 12, 48),
        "priority": dice.choice(PRIORITIES),
        "status": status,
        "location": f"Hall {asset % 7}, line {asset % 11}",
        "assetId": f"asset_{asset}",
        "assetName": f"Conveyor {asset}",
        "estimatedHours": dice.randrange(1, 60) / 4,
        "actualHours": dice.randrange(1, 60) / 4 if done else None,
        "dueDate": _time(number + 20_000),
        "startedAt": None if status in {"DRAFT", "ASSIGNED"} else _time(number + 300),
        "completedAt": _time(number + 900) if done else None,
        "createdBy": _person(person),
        "assignedTo": None if status == "DRAFT" else _person(person + 1),
        "assignedToGroup": {"id": f"grp_{person % 9}", "name": f"Crew {person % 9}"},
        "asset": {
            "id": f"asset_{asset}",
            "name": f"Conveyor {asset}",
            "code": f"CNV-{asset:05d}",
            "site": {
                "id": f"site_{asset % 30}",
                "name": f"Plant {asset % 30}",
                "code": f"P{asset % 30:02d}",
            },
        },
        "sourceInspection": None,
        "externalId": str(number) if is_open else None,
        "externalStatus": status if is_open else None,
        "externalUrl": None,
        "syncStatus": "SYNCED",
        "lastSyncedAt": _time(number + 1000) if is_open else None,
        "rootCause": "Equipment Failure" if done else None,
        "resolution": _text(dice, 6, 24) if done else None,
        "closureNote": _text(dice, 6, 24) if done else None,
        "createdAt": _time(number),
        "updatedAt": _time(number + 1000),
    }


def make_orders(count: int, open_ones: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Newest first: each order, and its JSON. The open ones are spread over the list."""
    every = max(count // open_ones, 1) if open_ones else 0
    for number in range(count, 0, -1):
        is_open = bool(every) and number % every == 0 and number // every <= open_ones
        order = make_order(number, is_open=is_open)
        yield order, json.dumps(order, ensure_ascii=False, separators=(",", ":")).encode()


def _text(dice: random.Random, least: int, most: int) -> str:
    return " ".join(dice.choices(_WORDS, k=dice.randint(least, most)))


def _person(number: int) -> dict[str, str]:
    return {
        "id": f"usr_{number}",
        "name": f"Zoë Müller {number}",
        "email": f"zoe.{number}@example.com",
    }


def _time(minutes: int) -> str:
    """A time, later the greater the number, in months of 28 days."""
    days, minute = divmod(minutes, 1440)
    years, day = divmod(days, 336)
    hour = f"{minute // 60:02d}:{minute % 60:02d}"
    return f"{2025 + years}-{day // 28 + 1:02d}-{day % 28 + 1:02d}T{hour}:00.000Z"
