"""What goes into a support bundle, and what is taken out of it.

    secrets          masked, in whatever form they appear, in every document
    people           names and e-mail addresses become person#…, the same person the same word
    texts            titles, notes, places become text(length)#…: equal texts can be told, no
                     text can be read; likewise whatever an error quotes
    ids, statuses,   kept as they are: without them nobody can help
    times, hours

The words with # are made anew in each bundle, from a number that is not in it.
"""

import hashlib
import platform
import re
import secrets
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any
from urllib.parse import unquote

from syncd import __version__
from syncd.app import App, utcnow
from syncd.core.work_order import Field, ValueKind, kind_of
from syncd.errors import SyncdError
from syncd.jobs.status import app_status
from syncd.log import Redactor
from syncd.mirror.db import schema
from syncd.mirror.db.database import Tx
from syncd.mirror.queries import support
from syncd.settings import URLS, Settings, shown

_LINES, _WRITES, _CYCLES, _HOLDS = 2000, 500, 50, 500  # the newest of each
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|„[^“\n]*“|«[^»\n]*»")
_TELLING = frozenset({Field.S2E_ID, Field.EXTERNAL_ID, Field.EXTERNAL_STATUS})
# Of a journal's line: words of ours, and texts that a side has written.
_OURS = frozenset(
    {"side", "winner", "request_id", "reason", "count", "limit", "fields", "again_in_s"}
)
_SAID = frozenset({"error", "detail"})
_SHORTEST_NAME = 3  # letters of a part of a name that is looked for on its own


def support_documents(app: App) -> dict[str, object]:
    """The documents by their names in the bundle; a mirror that cannot be read is named."""
    veil = Veil(secrets.token_bytes(16))
    documents: dict[str, object] = {
        "about.json": _about(app),
        "settings.json": [
            {"name": name, "value": value, "from": origin}
            for name, value, origin in shown(app.settings)
        ],
    }
    try:
        documents |= _from_mirror(app, veil)
    except SyncdError as error:
        documents["mirror.json"] = {"error": f"{type(error).__name__}: {error}"}
    redact = Redactor(secret_parts(app.settings))
    return {name: redact.value(document) for name, document in documents.items()}


def _about(app: App) -> dict[str, object]:
    installed = {each.metadata["Name"].lower(): each.version for each in distributions()}
    return {
        "made_at": utcnow().isoformat(),
        "syncd": __version__,
        "schema": schema.newest(),
        "adapter": app.settings.cmms_adapter,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "packages": dict(sorted(installed.items())),
    }


def _from_mirror(app: App, veil: "Veil") -> dict[str, object]:
    mirror = app.mirror(create=False)
    schema.require_current(mirror)
    with mirror.read() as tx:
        lines, writes = support.recent_lines(tx, _LINES), support.recent_writes(tx, _WRITES)
        held = support.holds(tx, _HOLDS)
        veil.learn(_people(tx, (*lines, *writes, *held)))
        cycles = support.recent_cycles(tx, _CYCLES)
        sweeps = support.recent_sweeps(tx, _CYCLES)
    return {
        "mirror.json": {"dialect": mirror.dialect, "schema": schema.current(mirror)},
        "status.json": app_status(app),
        "cycles.jsonl": cycles,
        "sweeps.jsonl": [{k: v for k, v in each.items() if k != "progress"} for each in sweeps],
        "journal.jsonl": [veil.line(each) for each in lines],
        "writes.jsonl": [veil.write(each) for each in writes],
        "parked.jsonl": [veil.hold(each) for each in held],
    }


def _people(tx: Tx, lines: Collection[Mapping[str, Any]]) -> set[str]:
    return support.people_of(tx, {str(each["s2e_id"]) for each in lines if "s2e_id" in each})


@dataclass(slots=True)
class Veil:
    """Takes people and texts out of lines."""

    salt: bytes
    names: "re.Pattern[str] | None" = None

    def learn(self, people: Collection[str]) -> None:
        """Names and addresses to look for in what a side has said."""
        parts = {part for name in people for part in re.findall(r"[^\W\d_]+", name)}
        words = set(people) | {part for part in parts if len(part) >= _SHORTEST_NAME}
        longest_first = sorted(words, key=len, reverse=True)
        if longest_first:
            either = "|".join(map(re.escape, longest_first))
            self.names = re.compile(rf"(?i)(?<!\w)(?:{either})(?!\w)")

    def line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """One line of the journal."""
        name, detail = line.get("field"), line.get("detail")
        told = {key: value for key, value in line.items() if key != "detail"}
        if isinstance(detail, dict):
            told["detail"] = {key: self._detail(key, name, value) for key, value in detail.items()}
        return told

    def _detail(self, key: str, name: object, value: Any) -> Any:
        if key in _OURS or isinstance(value, int | None):
            return value
        return self.said(str(value)) if key in _SAID else self.value(name, value)

    def write(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """One write: which fields, not what was in them but where that is telling."""
        told = {key: value for key, value in line.items() if key not in {"writes", "error"}}
        told["writes"] = {
            name: {
                key: value if key == "verdict" else self.value(name, value)
                for key, value in write.items()
            }
            for name, write in line["writes"].items()
        }
        if "error" in line:
            told["error"] = self.said(line["error"])
        return told

    def hold(self, line: Mapping[str, Any]) -> dict[str, Any]:
        told = {key: value for key, value in line.items() if key not in {"value", "detail"}}
        value = self.value(line["field"], line.get("value"))
        return {**told, "value": value, "detail": self.said(line["detail"])}

    def value(self, name: object, value: Any) -> Any:
        """A field's value, or a word for it."""
        if value is None:
            return None
        known = name in set(Field) and isinstance(name, str)
        if known and isinstance(value, str):
            field = Field(str(name))
            if field in _TELLING or kind_of(field) is not ValueKind.TEXT:
                return value
        return self.hidden(value)

    def hidden(self, value: Any) -> str:
        """A word for a text: the same for the same text of this bundle."""
        text = value if isinstance(value, str) else repr(value)
        return f"text({len(text)})#{self._mark(text)}"

    def said(self, text: str) -> str:
        """What a side or an adapter said, without what it quotes and without people."""
        text = _QUOTED.sub("'…'", text)
        text = _EMAIL.sub(self._person, text)
        return text if self.names is None else self.names.sub(self._person, text)

    def _person(self, found: "re.Match[str]") -> str:
        return f"person#{self._mark(found.group().casefold())}"

    def _mark(self, text: str) -> str:
        told = text.encode("utf-8", "replace")
        return hashlib.blake2b(told, key=self.salt, digest_size=4).hexdigest()


def secret_parts(settings: Settings) -> list[str]:
    """Every value that must not be seen: secrets, what URLs hide, the adapter's own options."""
    parts = [*settings.secrets(), *settings.cmms_options.values()]
    for name in sorted(URLS):
        parts += _hidden_in(settings.reveal(name))
    return [part for part in parts if part]


def _hidden_in(url: str) -> list[str]:
    """User, password, and the query's values, as they stand and as they are meant."""
    before, at, _ = url.rpartition("@")
    user = before.partition("//")[2] if at else ""
    parts = [user, *user.split(":", 1)]
    query = url.partition("?")[2]
    parts += [pair.partition("=")[2] for pair in query.split("&")]
    return [*parts, *map(unquote, parts)]
