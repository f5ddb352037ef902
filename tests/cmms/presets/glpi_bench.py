"""The preset glpi on its fake."""

from syncd.core.work_order import Field
from tests.cmms.presets import fake_glpi as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {"DRAFT": 1, "ASSIGNED": 2, "IN_PROGRESS": 3, "ON_HOLD": 4, "COMPLETED": 5}
PRIORITY = {"LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 5}

GLPI = Preset(
    name="glpi",
    fake=fake.FakeGlpi,
    environ=lambda url: {
        "GLPI_URL": url, "GLPI_USER_TOKEN": fake.TOKEN, "GLPI_ZONE": str(fake.ZONE),
    },
    names={
        Field.TITLE: "name",
        Field.DESCRIPTION: "content",
        Field.STATUS: "status",
        Field.PRIORITY: "priority",
        Field.DUE_DATE: "time_to_resolve",
        Field.ACTUAL_HOURS: "actiontime",
        Field.COMPLETED_AT: "solvedate",
    },
    stamp=fake.stamp,
    hours=lambda hours: int(hours * 3600),
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    html=frozenset({Field.DESCRIPTION}),
    over={"list": {"query": {"range": f"0-{PAGE - 1}"}, "page": {"keyset": {"size": PAGE}}}},
    secrets=(fake.TOKEN, fake.SESSION),
    cannot={
        "lagging": "it searches its database, which does not lag",
        "CANCELLED": "a ticket has no such status, only a trash",
    },
    marked=True,
)  # fmt: skip
