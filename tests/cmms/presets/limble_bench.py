"""The preset limble on its fake."""

from syncd.core.work_order import Field
from tests.cmms.presets import fake_limble as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {
    "DRAFT": fake.OPEN, "ASSIGNED": fake.OPEN, "IN_PROGRESS": fake.IN_PROGRESS,
    "ON_HOLD": fake.ON_HOLD, "COMPLETED": fake.COMPLETE,
}  # fmt: skip
PRIORITY = {"LOW": 1, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 5}

LIMBLE = Preset(
    name="limble",
    fake=fake.FakeLimble,
    environ=lambda url: {
        "LIMBLE_URL": url, "LIMBLE_ID": fake.CLIENT, "LIMBLE_SECRET": fake.SECRET,
        "LIMBLE_LOCATION": str(fake.LOCATION), "LIMBLE_ASSIGNEE": str(fake.JOE),
        "LIMBLE_IN_PROGRESS": str(fake.IN_PROGRESS), "LIMBLE_ON_HOLD": str(fake.ON_HOLD),
    },
    names={
        Field.S2E_ID: "meta1",
        Field.TITLE: "name",
        Field.DESCRIPTION: "description",
        Field.STATUS: "statusID",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "due",
        Field.ESTIMATED_HOURS: "estimatedTime",
        Field.COMPLETED_AT: "dateCompleted",
        Field.CLOSURE_NOTE: "completionNotes",
    },
    stamp=fake.stamp,
    hours=lambda hours: int(hours * 60),
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    over={"list": {"query": {"limit": PAGE}, "page": {"keyset": {"size": PAGE}}}},
    secrets=(fake.SECRET,),
    cannot={
        "lagging": "it searches its database, which does not lag",
        "CANCELLED": "a task is open or complete; there is no third",
    },
)  # fmt: skip
