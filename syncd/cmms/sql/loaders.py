"""Values of PostgreSQL that Python has no value for: they are read as PostgreSQL spells them.

A time of `infinity`, of the year 20000 or before Christ, a time of day of 24:00, and in a database
without an encoding a text that is no UTF-8: all are valid there. The driver raises for one of them,
and with it the whole read is lost. Here such a value becomes its text, or the bytes of a text, from
which a mapping makes one unreadable field. The rest of the row is read, and the other rows are.
"""

from typing import Any

import psycopg
from psycopg.abc import AdaptContext
from psycopg.abc import Loader as LoadsValue
from psycopg.adapt import Buffer, Loader

_TIMES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")
_TEXTS = ("text", "varchar", "bpchar", "name")
_TEXT_FORMAT = psycopg.pq.Format.TEXT


def read_all_values(connection: "psycopg.Connection[Any]") -> None:
    """Have this connection read what it cannot convert as text, instead of raising for the rest."""
    encoded = connection.info.parameter_status("server_encoding") != "SQL_ASCII"
    for name in _TIMES if encoded else (*_TIMES, *_TEXTS):
        oid = connection.adapters.types[name].oid
        usual = connection.adapters.get_loader(oid, _TEXT_FORMAT)
        if usual is not None:
            connection.adapters.register_loader(oid, _or_text(usual))


def _or_text(usual: type[LoadsValue]) -> type[Loader]:
    """A loader that gives what the usual one gives, and the value's text where that one raises."""

    class OrText(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._usual = usual(oid, context)

        def load(self, data: Buffer) -> Any:
            try:
                return self._usual.load(data)
            except (psycopg.DataError, ValueError, OverflowError):
                raw = bytes(data)
            try:
                return raw.decode()
            except UnicodeDecodeError:
                return raw

    return OrText
