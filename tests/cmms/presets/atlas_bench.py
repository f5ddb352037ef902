"""The preset atlas on its fake."""

from syncd.core.work_order import Field
from tests.cmms.presets import fake_atlas as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {
    "DRAFT": "OPEN", "ASSIGNED": "OPEN", "IN_PROGRESS": "IN_PROGRESS", "ON_HOLD": "ON_HOLD",
    "COMPLETED": "COMPLETE",
}  # fmt: skip
PRIORITY = {"CRITICAL": "HIGH", "HIGH": "HIGH", "MEDIUM": "MEDIUM", "LOW": "LOW"}

ATLAS = Preset(
    name="atlas",
    fake=fake.FakeAtlas,
    environ=lambda url: {
        "ATLAS_URL": url, "ATLAS_APP_URL": url, "ATLAS_EMAIL": fake.EMAIL,
        "ATLAS_PASSWORD": fake.PASSWORD, "ATLAS_ZONE": str(fake.ZONE),
    },
    names={
        Field.TITLE: "title",
        Field.DESCRIPTION: "description",
        Field.STATUS: "status",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "dueDate",
        Field.ESTIMATED_HOURS: "estimatedDuration",
        Field.COMPLETED_AT: "completedOn",
        Field.CLOSURE_NOTE: "feedback",
    },
    stamp=fake.stamp,
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    over={
        "list": {"json": {"pageSize": PAGE}, "page": {"keyset": {"size": PAGE}}},
        "limits": [],  # the suite asks more than 90 times a minute
    },
    secrets=(fake.PASSWORD, fake.TOKEN),
    cannot={
        "lagging": "it searches its database, which does not lag",
        "CANCELLED": "Atlas has no such status, and its archive is none",
    },
    marked=True,
)  # fmt: skip
