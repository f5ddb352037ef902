"""Logs: one record is one line, and no line holds a secret.

JSON or console, on stderr. Whatever a title, an error or a header holds, it cannot end the
line, move the cursor, or look like another record.
"""

import base64
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus

import structlog

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "daemon.started": "the daemon is active, or stands by for the lease",
        "daemon.stopped": "the daemon has ended, or lost the lease",
        "cycle.finished": "one cycle, with what it did; an idle one says little",
        "cycle.skipped_overlap": "a tick came while a cycle was still running",
        "clock.set_ahead": "this machine's clock was set ahead; writes under way wait from now on",
        "clock.set_back": "this machine's clock was set back; waits and readings begin anew",
        "sweep.finished": "one pass over the whole list: complete, or partial and why",
        "backfill.progressed": "a page of the first read of the list is in the mirror",
        "link.created": "a record was created in the CMMS and linked",
        "link.adopted": "a record that was there already was linked",
        "link.duplicate": "several records carry one order's id: a person has to look",
        "link.lost": "a linked record is no longer found in the CMMS",
        "link.answered": "a person's answer about a link was acted on: relink, recreate or drop",
        "link.refused": "such an answer could not be acted on any more",
        "push.applied": "a change was sent and answered with success",
        "push.refused": "a change was refused, or certainly not sent",
        "push.in_doubt": "a change was sent and its outcome is unknown: it is read back first",
        "push.confirmed": "a read showed what was sent",
        "push.altered": "a side keeps its own form of what was sent; both agree",
        "push.ignored": "a side said yes and kept the old value, or a write did not arrive",
        "conflict.found": "both sides changed a field to different values",
        "conflict.resolved": "a conflict that waited for a person is over",
        "drift.found": "a change that the other side cannot or may not take",
        "order.parked": "a write is not tried again until a person or another value comes",
        "order.released": "a person has released what was parked",
        "order.tombstoned": "Scan2Evolve answered 404 in two cycles",
        "guard.latched": "a plan was refused until a person has looked",
        "guard.released": "a person has let a refused plan through",
        "api.throttled": "waiting, for the rate limit or after a failure",
        "api.unexpected_content": "what answers is not the API",
        "record.unread": "one CMMS record cannot be read now: its order waits, the rest flows",
        "api.paging_anomaly": "the list's paging contradicts itself",
        "auth.failed": "credentials were refused, or the integration is not active",
        "auth.refreshed": "a token was exchanged anew",
        "s2e.unreachable": "Scan2Evolve does not answer; said once",
        "s2e.recovered": "Scan2Evolve answers again",
        "cmms.unreachable": "the CMMS does not answer; said once",
        "cmms.recovered": "the CMMS answers again",
        "store.full": "the mirror's disk is full: nothing is written to either side",
        "store.unavailable": "the mirror cannot be used: nothing is written to either side",
        "store.recovered": "the mirror can be used again",
        "library.said": "a warning or an error of a library syncd uses",
        "mapping.changed": "records are read with another mapping, which alone writes nothing",
        "mirror.upgraded": "the mirror's schema was brought to this version's",
    }
)

_MASK = "***"
_SHORTEST = 4  # characters of a secret that can be searched for without masking half the log
_PATTERNS = (
    re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic)?\s*)[^\s'\",]+"),
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[a-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(x-api-key['\"]?\s*[:=]\s*['\"]?)[^\s'\",]+"),
    re.compile(r"(?i)(://)[^\s/@]+(?=@)"),
    re.compile(r"(?i)([?&;][a-z_-]*(?:token|secret|key|password)[a-z_-]*=)[^&\s'\"]+"),
)
# Controls of both sets, line and paragraph separators, and what reverses the reading order.
_FORGING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Redactor:
    """Replaces every known secret, in every form it may take, by ***."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = set(secrets)
        self._known = self._compiled()

    def hide(self, secret: str) -> None:
        """One more secret, known from here on."""
        self._secrets.add(secret)
        self._known = self._compiled()

    def _compiled(self) -> re.Pattern[str] | None:
        secrets = self._secrets
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        pattern = "|".join(re.escape(form) for form in longest_first)
        return re.compile(pattern) if pattern else None

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{_MASK}", text)
        return text

    def value(self, value: Any) -> Any:
        """The same value with no secret anywhere in it; JSON-ready."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if value - value == 0 else str(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        return self.text(str(value))

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {self.text(str(key)): self.value(item) for key, item in event.items()}


def _forms(secret: str) -> set[str]:
    """The secret as it may appear: plain, in a URL, in JSON, in base64 at any alignment."""
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    forms.add(repr(secret)[1:-1])
    for shift in range(3):
        # The characters that depend on what stands before or after the secret are left off.
        coded = base64.b64encode(b"\x00" * shift + raw).decode().rstrip("=")
        start = (0, 2, 3)[shift]
        core = coded[start : len(coded) - (1 if (shift + len(raw)) % 3 else 0)]
        if len(core) >= 2 * _SHORTEST:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= _SHORTEST}


def escape(text: str) -> str:
    """Text in which nothing can end the line or move the cursor."""
    return _FORGING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


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
    """The traceback as text: files, lines and types, never the frames' locals."""
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
    """Send all logs, structlog's and the libraries', to `stream`; return what masks them.

    Args:
        form: "json", "console", or "auto" for console on a terminal.
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
    """A stream that takes whole lines and fails nobody.

    A disk that is full of logs, or a collector that has gone, is no reason to stop a sync, least
    of all between a write and its record. How many lines were lost is said in the next one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""
        self._lost = 0

    def write(self, text: str) -> None:
        self._line += text

    def flush(self) -> None:
        """Asked once for each line, under the logger's lock."""
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
    stamp = str(event["ts"])
    event["ts"] = f"{stamp[:23]}Z" if "." in stamp else stamp
    return event


class _ToStructlog(logging.Handler):
    """The libraries' own records, rendered and redacted like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        told = {"logger": record.name, "message": record.getMessage()}
        if record.levelno >= logging.ERROR:
            logger.error("library.said", exc_info=record.exc_info, **told)
        else:
            logger.warning("library.said", **told)
