"""The preset servicenow on its fake."""

from datetime import datetime, timedelta
from decimal import Decimal

from syncd.core.work_order import Field
from tests.cmms.presets import fake_servicenow as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {"DRAFT": "1", "ASSIGNED": "16", "IN_PROGRESS": "18", "COMPLETED": "3", "CANCELLED": "7"}
PRIORITY = {"CRITICAL": "1", "HIGH": "2", "MEDIUM": "3", "LOW": "4"}


def glide(hours: Decimal) -> str:
    return str(datetime(1970, 1, 1) + timedelta(seconds=int(hours * 3600)))


SERVICENOW = Preset(
    name="servicenow",
    fake=fake.FakeServicenow,
    environ=lambda url: {
        "SERVICENOW_URL": url, "SERVICENOW_USER": fake.USER, "SERVICENOW_PASSWORD": fake.PASSWORD,
    },
    names={
        Field.S2E_ID: "correlation_id",
        Field.TITLE: "short_description",
        Field.DESCRIPTION: "description",
        Field.STATUS: "state",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "due_date",
        Field.COMPLETED_AT: "work_end",
        Field.ACTUAL_HOURS: "work_duration",
        Field.ROOT_CAUSE: "u_root_cause",
        Field.RESOLUTION: "close_notes",
    },
    stamp=fake.stamp,
    hours=glide,
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    over={"list": {"query": {"sysparm_limit": PAGE}, "page": {"keyset": {"size": PAGE}}}},
    secrets=(fake.PASSWORD,),
    cannot={
        "lagging": "it searches its database, which does not lag",
    },
)  # fmt: skip
