"""The values that are written: two of each field, and texts that some systems change."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

from syncd.core.work_order import Field, Priority, Status, Value, ValueKind

# Two values of each field, so that a write is visible. A CMMS that takes only people, assets and
# sites that it knows needs others: they go into `samples` of the author's class.
SAMPLES: Mapping[Field, tuple[Value, Value]] = MappingProxyType(
    {
        Field.TITLE: ("Pump leaks", "Pump drips"),
        Field.DESCRIPTION: ("Behind the boiler", "Behind the second boiler"),
        Field.PRIORITY: (Priority.HIGH, Priority.LOW),
        Field.LOCATION: ("Hall 3", "Hall 4"),
        Field.ASSET_CODE: ("P-101", "P-102"),
        Field.ASSET_NAME: ("Pump 101", "Pump 102"),
        Field.SITE_CODE: ("VIE", "GRZ"),
        Field.ASSIGNED_TO: ("jane@example.com", "joe@example.com"),
        Field.ASSIGNED_TO_GROUP: ("Mechanics", "Electricians"),
        Field.CREATED_BY: ("ann@example.com", "bob@example.com"),
        Field.SOURCE_INSPECTION: ("insp_1", "insp_2"),
        Field.DUE_DATE: (
            datetime(2026, 3, 12, 16, tzinfo=UTC),
            datetime(
                2026, 3, 29, 1, 30, tzinfo=UTC
            ),  # Central Europe's clocks went forward half an hour before
        ),
        Field.ESTIMATED_HOURS: (Decimal("4.5"), Decimal("0.25")),
        Field.STARTED_AT: (
            datetime(2026, 3, 10, 8, 15, tzinfo=UTC),
            datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
        ),
        Field.STATUS: (Status.ASSIGNED, Status.IN_PROGRESS),
        Field.ROOT_CAUSE: ("Worn seal", "Worn bearing"),
        Field.RESOLUTION: ("New seal", "New bearing"),
        Field.CLOSURE_NOTE: ("Tested", "Tested twice"),
        Field.COMPLETED_AT: (
            datetime(2026, 3, 11, 9, tzinfo=UTC),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # within the hour that these clocks repeat
        ),
        Field.ACTUAL_HOURS: (Decimal(3), Decimal("1.75")),
        Field.EXTERNAL_ID: ("4711", "4712"),
        Field.EXTERNAL_STATUS: ("Open", "Waiting"),
        Field.EXTERNAL_URL: ("https://cmms.example/1", "https://cmms.example/2"),
    }
)

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "lines": "first line\nsecond line\n\nfourth line",
        "windows_lines": "first line\r\nsecond line",
        "quotes": "5/8\" bolt, it's `loose` “really” \\ no \\n",
        "emoji": "leaks 💧 fixed 🔧👷🏽‍♀️ ok",
        "right_to_left": "المضخة تسرب 101 הזרקה",
        "long": "The bearing runs hot. " * 115,
        "blanks_around": "  loose bolt \t",
        "accents_composed": "Ventil undicht, café, Ångström",
        "accents_decomposed": "cafe\u0301 A\u030angstro\u0308m",
        "html": "<b>5 < 6</b> & <script>alert(1)</script> &amp; <br>",
        "formula": '=HYPERLINK("http://x.example","y")',
        "template": "{{7*7}} ${7*7} %s %(x)s {0} <%= 1 %>",
        "sql": "'; DROP TABLE work_orders; --",
        "json": '{"a": [null, true, 1e5]}',
        "number": "007",
        "word": "null",
    }
)
# Values that many a CMMS keeps otherwise; see `test_what_is_kept_was_declared`.
FINE: Mapping[ValueKind, tuple[Value, ...]] = MappingProxyType(
    {
        ValueKind.TIME: (
            datetime(2026, 3, 11, 9, 8, 7, 123000, tzinfo=UTC),
            datetime(2026, 3, 11, 23, 59, 59, 987000, tzinfo=UTC),
        ),
        ValueKind.HOURS: (Decimal("1.23456"), Decimal("0.005"), Decimal("123.4"), Decimal(0)),
        ValueKind.TEXT: (
            *(TEXTS[name] for name in ("long", "blanks_around", "html", "lines", "word", "emoji")),
            " ",
        ),
    }
)
CONTROLS = "before\x07\x1b[31m\x0bafter"
