"""The preset erpnext on its fake."""

from syncd.core.work_order import Field, Status
from tests.cmms.presets import fake_erpnext as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {
    "DRAFT": "Open", "ASSIGNED": "Open", "IN_PROGRESS": "Open", "ON_HOLD": "On Hold",
    "COMPLETED": "Resolved",
}  # fmt: skip
PRIORITY = {"CRITICAL": "High", "HIGH": "High", "MEDIUM": "Medium", "LOW": "Low"}
HTML = {Field.DESCRIPTION, Field.ROOT_CAUSE, Field.RESOLUTION, Field.CLOSURE_NOTE}

ERPNEXT = Preset(
    name="erpnext",
    fake=fake.FakeErpnext,
    environ=lambda url: {
        "ERPNEXT_URL": url, "ERPNEXT_KEY": fake.KEY, "ERPNEXT_SECRET": fake.SECRET,
        "ERPNEXT_ZONE": str(fake.ZONE),
    },
    names={
        Field.S2E_ID: "custom_s2e_id",
        Field.TITLE: "subject",
        Field.DESCRIPTION: "description",
        Field.STATUS: "status",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "custom_due_date",
        Field.COMPLETED_AT: "custom_completed_at",
        Field.ACTUAL_HOURS: "custom_actual_hours",
        Field.ROOT_CAUSE: "custom_root_cause",
        Field.RESOLUTION: "resolution_details",
        Field.CLOSURE_NOTE: "custom_closure_note",
    },
    stamp=fake.stamp,
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    html=frozenset(HTML),
    over={"list": {"query": {"limit_page_length": PAGE}, "page": {"keyset": {"size": PAGE}}}},
    secrets=(fake.SECRET,),
    cannot={
        "lagging": "it searches its database, which does not lag",
        "CANCELLED": "an Issue has no such status",
    },
    samples={Field.STATUS: (Status.ASSIGNED, Status.ON_HOLD)},  # in progress is Open, too
)  # fmt: skip
