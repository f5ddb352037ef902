"""Texts that systems have been seen to bend, by what they are."""

from collections.abc import Mapping
from types import MappingProxyType

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
CONTROLS = "before\x07\x1b[31m\x0bafter"
