"""The set-up of structlog and logging: one record is one line on stderr, as JSON or for a console.

A title, an error or a header in a record cannot end the line, move the cursor, or look like
another record.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Collection, MutableMapping
from typing import Any, TextIO, cast

import structlog

from syncd.log.redact import Redactor

# Control characters, line and paragraph separators, and what reverses the reading order.
_FORGING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape(text: str) -> str:
    """Return the text with each character escaped that could end the line or move the cursor."""
    return _FORGING.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    first = {key: event.pop(key) for key in ("ts", "level", "event") if key in event}
    return json.dumps({**first, **event}, ensure_ascii=True, default=str)


def _render_console(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    at, level, name = (str(event.pop(key, "")) for key in ("ts", "level", "event"))
    trace = event.pop("exception", None)
    words = " ".join(f"{key}={_word(value)}" for key, value in event.items())
    line = f"{at[11:19]} {level.upper():7} {escape(name)}  {words}".rstrip()
    if trace is not None:
        line += "".join(f"\n    {escape(part)}" for part in str(trace).splitlines())
    return line


def _word(value: Any) -> str:
    text = escape(value if isinstance(value, str) else json.dumps(value, default=str))
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Render the traceback as text: files, lines and types, and no local variables."""
    info = event.pop("exc_info", None)
    if info:
        info = sys.exc_info() if info is True else info
        exc = info if isinstance(info, BaseException) else info[1]
        if exc is not None:
            event["exception"] = "".join(traceback.format_exception(exc)).rstrip()
    return event


def configure(
    *,
    form: str,
    level: str,
    stream: TextIO,
    secrets: Collection[str],
) -> Redactor:
    """Send all logs, structlog's and the libraries', to `stream`; return their redactor.

    Args:
        form: "json", "console", or "auto": console on a terminal, else json.
        secrets: values that are masked wherever they appear.
    """
    redactor = Redactor(secrets)
    console = form == "console" or (form == "auto" and stream.isatty())
    output = _Output(stream)
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _milliseconds,
        _exception,
        output.add_lost,
        redactor,
        _render_console if console else _render_json,
    ]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", output)),
        cache_logger_on_first_use=False,
    )
    handler = _ToStructlog()
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("httpx", "httpcore", "apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return redactor


class _Output:
    """A stream that takes whole lines and raises nothing.

    A full disk or a log collector that has gone must not stop a sync, least of all between a write
    and its record in the mirror. The next line says how many lines were lost.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""
        self._lost = 0

    def write(self, text: str) -> None:
        self._line += text

    def flush(self) -> None:
        """Write the line. structlog calls this once for each line, under its lock."""
        line, self._line = self._line, ""
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def add_lost(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {**event, "lines_lost": self._lost} if self._lost else event


def _milliseconds(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Cut the time stamp to milliseconds."""
    stamp = str(event["ts"])
    event["ts"] = f"{stamp[:23]}Z" if "." in stamp else stamp
    return event


class _ToStructlog(logging.Handler):
    """Passes the libraries' own records on, so that they are rendered and redacted like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        fields = {"logger": record.name, "message": record.getMessage()}
        if record.levelno >= logging.ERROR:
            logger.error("library.said", exc_info=record.exc_info, **fields)
        else:
            logger.warning("library.said", **fields)
