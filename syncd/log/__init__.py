"""Logs: one record is one line, and no line holds a secret.

events   the names of all log events, with their meanings
redact   replacing secrets, in logs and in a support bundle
setup    structlog and logging, and how a record becomes a line
"""

from syncd.log.events import EVENTS
from syncd.log.redact import Redactor
from syncd.log.setup import configure, escape

__all__ = ["EVENTS", "Redactor", "configure", "escape"]
