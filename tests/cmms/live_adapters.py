"""Adapters that `syncd adapter test` is tried with, by their dotted path."""

import time
from dataclasses import replace

from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.work_order import CmmsRecord, Field, Fields, Status
from syncd.errors import Throttled, Unreachable


class Loose(SqlAdapter):
    """Finds by prefix."""

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        return [it for it in self.fetch(None) if s2e_id.startswith(it.s2e_id or "?")]


class Lagging(SqlAdapter):
    """Its search does not know a new record for a moment."""

    capabilities = replace(SqlAdapter.capabilities, index_lag_s=0.3)
    made = 0.0

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        record = super().create(s2e_id, fields)
        self.made = time.monotonic()
        return record

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        knows = time.monotonic() - self.made >= self.capabilities.index_lag_s
        return super().find(s2e_id) if knows else []


class ReadOnly(SqlAdapter):
    """Creates nothing."""

    capabilities = replace(SqlAdapter.capabilities, creates=False)


class Busy(SqlAdapter):
    """Asks to wait before every second call, and keeps what it has."""

    calls = 0

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        self.calls += 1
        if self.calls % 2:
            raise Throttled("not so fast", side="cmms", wait_s=0.01)
        return super().create(s2e_id, fields)

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        if fields.get(Field.STATUS) is Status.CANCELLED:
            raise Unreachable("gone for today", side="cmms")
        return super().update(cmms_id, fields, expected)
