"""The preset maximo on its fake."""

from syncd.core.work_order import Field
from tests.cmms.presets import fake_maximo as fake
from tests.cmms.presets.bench import PAGE, Preset

STATUS = {
    "DRAFT": "WAPPR", "ASSIGNED": "APPR", "IN_PROGRESS": "INPRG", "ON_HOLD": "WMATL",
    "COMPLETED": "COMP", "CANCELLED": "CAN",
}  # fmt: skip
PRIORITY = {"CRITICAL": 1, "HIGH": 2, "MEDIUM": 3, "LOW": 4}

MAXIMO = Preset(
    name="maximo",
    fake=fake.FakeMaximo,
    environ=lambda url: {
        "MAXIMO_URL": f"{url}/maximo", "MAXIMO_KEY": fake.KEY, "MAXIMO_SITE": fake.SITE,
    },
    names={
        Field.S2E_ID: "externalrefid",
        Field.TITLE: "description",
        Field.DESCRIPTION: "description_longdescription",
        Field.STATUS: "status",
        Field.PRIORITY: "wopriority",
        Field.DUE_DATE: "targcompdate",
        Field.COMPLETED_AT: "actfinish",
    },
    stamp=fake.stamp,
    words={Field.STATUS: STATUS, Field.PRIORITY: PRIORITY},
    html=frozenset({Field.DESCRIPTION}),
    over={"list": {"query": {"oslc.pageSize": PAGE}, "page": {"keyset": {"size": PAGE}}}},
    secrets=(fake.KEY,),
    cannot={"lagging": "it searches its database, which does not lag"},
)  # fmt: skip
