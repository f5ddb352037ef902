"""The preset maintainx on its fake."""

from decimal import Decimal

from syncd.core.work_order import Field
from tests.cmms.presets import fake_maintainx as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {
    "DRAFT": "OPEN", "ASSIGNED": "OPEN", "IN_PROGRESS": "IN_PROGRESS", "ON_HOLD": "ON_HOLD",
    "COMPLETED": "DONE", "CANCELLED": "CANCELED",
}  # fmt: skip
PRIORITY = {"CRITICAL": "HIGH", "HIGH": "HIGH", "MEDIUM": "MEDIUM", "LOW": "LOW"}

MAINTAINX = Preset(
    name="maintainx",
    fake=fake.FakeMaintainX,
    environ=lambda url: {"MAINTAINX_URL": f"{url}/v1", "MAINTAINX_TOKEN": fake.KEY},
    names={
        Field.S2E_ID: "s2e",
        Field.TITLE: "title",
        Field.DESCRIPTION: "description",
        Field.STATUS: "status",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "dueDate",
        Field.COMPLETED_AT: "completedAt",
        Field.ESTIMATED_HOURS: "estimated",
        Field.ACTUAL_HOURS: "seconds",
        Field.ROOT_CAUSE: "cause",
        Field.RESOLUTION: "summary",
    },
    stamp=fake.stamp,
    hours=lambda hours: int(hours * 3600),
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    over={"list": {"query": {"limit": PAGE}}, "limits": []},
    secrets=(fake.KEY,),
    samples={Field.ACTUAL_HOURS: (Decimal("1.75"), Decimal(3))},  # they only grow
    cannot={"lagging": "its list is not known to lag"},
)  # fmt: skip
