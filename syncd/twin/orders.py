"""Made-up work orders. The same seed makes the same orders, on every day and machine."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.twin.checks import PRIORITIES, STATUSES, format_time
from syncd.twin.seed import Order

# Every made-up order was last changed before this day. The day is fixed, because orders that
# depend on the clock would be different tomorrow.
_TODAY = datetime(2026, 3, 8, tzinfo=UTC)
_HOW_OFTEN = (2, 6, 5, 2, 8, 1)  # a plant's mix, in the order of STATUSES

_SITES = (
    {"id": "site_789", "name": "Melbourne Warehouse", "code": "MEL-WH"},
    {"id": "site_790", "name": "Werk Graz Süd", "code": "GRZ-2"},
    {"id": "site_791", "name": "São Paulo Envase", "code": "SAO-1"},
)
_MACHINES = (
    ("Centrifugal Pump", "PUMP"),
    ("Belt Conveyor", "CONV"),
    ("Steam Boiler", "BOIL"),
    ("Screw Compressor", "COMP"),
    ("Förderband", "FB"),
    ("Caldeira", "CALD"),
)
_WORK = (
    ("Replace bearing on", "Bearing failure", "Replaced the bearing and realigned the shaft"),
    ("Seal leaks at", "Worn seal", "Fitted a new seal, ran at pressure for 30 minutes: dry"),
    ("Abnormal noise from", "Loose mounting", "Torqued the mounting bolts, noise is gone"),
    ("Guard missing at", "Human error", "Refitted the guard and checked the interlock"),
    ("Überprüfung von", "Verschleiß", "Riemen getauscht, Probelauf in Ordnung"),
    ("Pressure drops in", "Blocked filter", "Cleaned the filter; pressure back to 6.2 bar"),
)
_PEOPLE = (
    ("usr_001", "Jane Doe", "jane.doe@example.com"),
    ("usr_002", "John Smith", "john.smith@example.com"),
    ("usr_003", "Søren Møller", "soren.moller@example.com"),
    ("usr_004", "Ana Gómez", None),
    ("usr_005", "李伟", "li.wei@example.com"),
    ("usr_006", "Łukasz Żółć", None),
)
_GROUPS = (
    {"id": "grp_maint", "name": "Maintenance Team"},
    {"id": "grp_elec", "name": "Electricians ⚡"},
)


def make_orders(count: int, seed: int) -> list[Order]:
    """Make `count` orders, none of them linked. The first six have all statuses and priorities."""
    rng = random.Random(f"orders {seed}")
    return [make_order(rng, number) for number in range(1, count + 1)]


def make_order(rng: random.Random, number: int) -> Order:
    """Make the order of this number. Its id is unique for numbers below 16^5."""
    status = STATUSES[number - 1] if number <= len(STATUSES) else _one_of_many(rng)
    begun, done = status in {"IN_PROGRESS", "ON_HOLD", "COMPLETED"}, status == "COMPLETED"
    machine, code = rng.choice(_MACHINES)
    work, cause, remedy = rng.choice(_WORK)
    machine = f"{machine} {rng.choice('ABCD')}{rng.randrange(1, 40)}"
    created = _TODAY - timedelta(milliseconds=rng.randrange(72 * 3600_000, 2000 * 3600_000))
    started = created + timedelta(minutes=rng.randrange(30, 24 * 60))
    completed = started + timedelta(minutes=rng.randrange(30, 24 * 60))
    updated = completed if done else started if begun else created
    order_id = f"wo_{rng.randrange(16**6):06x}{number:05x}"
    asset = _asset(rng, machine, code) if rng.random() < 0.9 else None
    hours = rng.randrange(1, 48) / 4
    return {
        "id": order_id,
        "title": f"{work} {machine}",
        "description": _maybe(rng, 0.7, f"{cause} found on the morning round.\nSee the tag."),
        "priority": PRIORITIES[number % len(PRIORITIES)],
        "status": status,
        "location": _maybe(rng, 0.8, f"Building {rng.randrange(1, 9)}, Level {rng.randrange(4)}"),
        "assetId": asset["id"] if asset else None,
        "assetName": asset["name"] if asset else None,
        "estimatedHours": _maybe(rng, 0.8, hours),
        "actualHours": rng.randrange(1, 48) / 4 if done else None,
        "dueDate": _maybe(rng, 0.7, format_time(created + timedelta(days=rng.randrange(1, 60)))),
        "startedAt": format_time(started) if begun else None,
        "completedAt": format_time(completed) if done else None,
        "createdBy": _person(rng),
        "assignedTo": _person(rng) if status != "DRAFT" and rng.random() < 0.8 else None,
        "assignedToGroup": _maybe(rng, 0.5, dict(rng.choice(_GROUPS))),
        "asset": asset,
        "sourceInspection": _maybe(
            rng, 0.5, {"id": f"ins_{number:03}", "inspectionNumber": f"INS-2026-{number:04}"}
        ),
        "externalId": None,
        "externalStatus": None,
        "externalUrl": None,
        "syncStatus": "PENDING",
        "lastSyncedAt": None,
        "rootCause": cause if done else None,
        "resolution": remedy if done else None,
        "closureNote": "Look at it again in a month" if done else None,
        "tasks": [
            _task(rng, number, place, done=done, created=created, ended=completed)
            for place in range(1, rng.choice((0, 0, 1, 2)) + 1)
        ],
        "createdAt": format_time(created),
        "updatedAt": format_time(updated),
    }


def _one_of_many(rng: random.Random) -> str:
    return rng.choices(STATUSES, _HOW_OFTEN)[0]


def _maybe(rng: random.Random, probability: float, value: Any) -> Any:
    return value if rng.random() < probability else None


def _person(rng: random.Random) -> Order:
    person_id, name, email = rng.choice(_PEOPLE)
    person: Order = {"id": person_id, "name": name}
    return person if email is None else person | {"email": email}


def _asset(rng: random.Random, machine: str, code: str) -> Order:
    number = rng.randrange(1000)
    site = rng.choice((*_SITES, None))
    return {
        "id": f"asset_{number:03}",
        "name": machine,
        "code": f"{code}-{number:03}",
        "site": None if site is None else dict(site),
    }


def _task(
    rng: random.Random, number: int, place: int, *, done: bool, created: datetime, ended: datetime
) -> Order:
    return {
        "id": f"task_{number:05}_{place}",
        "taskNumber": f"TSK-2026-{number:04}-{place}",
        "title": ("Isolate and tag out", "Do the work and test")[place - 1],
        "status": "COMPLETED" if done else "PENDING",
        "assignedTo": _maybe(rng, 0.6, _person(rng)),
        "estimatedHours": rng.randrange(1, 8) / 4,
        "actualHours": rng.randrange(1, 8) / 4 if done else None,
        "completionNote": "Done" if done else None,
        "createdAt": format_time(created),
        "startedAt": format_time(created) if done else None,
        "completedAt": format_time(ended) if done else None,
    }
