"""What goes into a support bundle, and what is hidden in it.

    secrets          masked in every document, in every form they may have
    people           a name or an e-mail address becomes person#…, always the same for one person
    texts            a title, note or place becomes text(length)#…: equal texts have equal words,
                     and no text can be read. What an error quotes is left out
    ids, statuses,   kept as they are: without them nobody can help
    times, hours

The words with # are made from a random number that is not in the bundle, so that those of two
bundles cannot be compared.
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
_SHOWN = frozenset({Field.S2E_ID, Field.EXTERNAL_ID, Field.EXTERNAL_STATUS})
# Keys of a journal line's detail: those that we write ourselves, and those with a side's message.
_OURS = frozenset(
    {"side", "winner", "request_id", "reason", "count", "limit", "fields", "again_in_s"}
)
_MESSAGES = frozenset({"error", "detail"})
_SHORTEST_NAME = 3  # letters; a shorter part of a name is not searched for on its own


def support_documents(app: App) -> dict[str, object]:
    """Return the documents by their names in the bundle.

    If the mirror cannot be read, mirror.json holds the reason and its other documents are missing.
    """
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
    installed = {it.metadata["Name"].lower(): it.version for it in distributions()}
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
    mirror = app.current_mirror()
    with mirror.read() as tx:
        lines, writes = support.recent_lines(tx, _LINES), support.recent_writes(tx, _WRITES)
        holds = support.holds(tx, _HOLDS)
        veil.learn(_people(tx, (*lines, *writes, *holds)))
        cycles = support.recent_cycles(tx, _CYCLES)
        sweeps = support.recent_sweeps(tx, _CYCLES)
    return {
        "mirror.json": {"dialect": mirror.dialect, "schema": schema.current(mirror)},
        "status.json": veil.status(app_status(app)),
        "cycles.jsonl": cycles,
        "sweeps.jsonl": [{k: v for k, v in row.items() if k != "progress"} for row in sweeps],
        "journal.jsonl": [veil.line(row) for row in lines],
        "writes.jsonl": [veil.write(row) for row in writes],
        "parked.jsonl": [veil.hold(row) for row in holds],
    }


def _people(tx: Tx, rows: Collection[Mapping[str, Any]]) -> set[str]:
    return support.people_of(tx, {str(row["s2e_id"]) for row in rows if "s2e_id" in row})


@dataclass(slots=True)
class Veil:
    """Hides people and texts in rows of the mirror."""

    salt: bytes
    names: "re.Pattern[str] | None" = None

    def learn(self, people: Collection[str]) -> None:
        """Have these names and addresses hidden in messages, as a whole and in their parts."""
        parts = {part for name in people for part in re.findall(r"[^\W\d_]+", name)}
        words = set(people) | {part for part in parts if len(part) >= _SHORTEST_NAME}
        longest_first = sorted(words, key=len, reverse=True)
        if longest_first:
            either = "|".join(map(re.escape, longest_first))
            self.names = re.compile(rf"(?i)(?<!\w)(?:{either})(?!\w)")

    def line(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a line of the journal."""
        name, detail = row.get("field"), row.get("detail")
        shown = {key: value for key, value in row.items() if key != "detail"}
        if isinstance(detail, dict):
            shown["detail"] = {key: self._detail(key, name, value) for key, value in detail.items()}
        return shown

    def _detail(self, key: str, name: object, value: Any) -> Any:
        if key in _OURS or isinstance(value, int | None):
            return value
        return self.message(str(value)) if key in _MESSAGES else self.value(name, value)

    def status(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document of `status`: what rows without an id hold is text of the CMMS."""
        rows = document["cmms_nameless"]
        return {**document, "cmms_nameless": {self.hidden(what): at for what, at in rows.items()}}

    def write(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a write: its fields, with their values hidden where these are texts."""
        shown = {key: value for key, value in row.items() if key not in {"writes", "error"}}
        shown["writes"] = {
            name: {
                key: value if key == "verdict" else self.value(name, value)
                for key, value in write.items()
            }
            for name, write in row["writes"].items()
        }
        if "error" in row:
            shown["error"] = self.message(row["error"])
        return shown

    def hold(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is parked."""
        shown = {key: value for key, value in row.items() if key not in {"value", "detail"}}
        value = self.value(row["field"], row.get("value"))
        return {**shown, "value": value, "detail": self.message(row["detail"])}

    def value(self, name: object, value: Any) -> Any:
        """Return a field's value, or a word for it if it is a text."""
        if value is None:
            return None
        known = name in set(Field) and isinstance(name, str)
        if known and isinstance(value, str):
            field = Field(str(name))
            if field in _SHOWN or kind_of(field) is not ValueKind.TEXT:
                return value
        return self.hidden(value)

    def hidden(self, value: Any) -> str:
        """Return a word for a text; equal texts of one bundle have equal words."""
        text = value if isinstance(value, str) else repr(value)
        return f"text({len(text)})#{self._mark(text)}"

    def message(self, text: str) -> str:
        """Return the message of a side or an adapter, without its quotations and people."""
        text = _QUOTED.sub("'…'", text)
        text = _EMAIL.sub(self._person, text)
        return text if self.names is None else self.names.sub(self._person, text)

    def _person(self, match: "re.Match[str]") -> str:
        return f"person#{self._mark(match.group().casefold())}"

    def _mark(self, text: str) -> str:
        raw = text.encode("utf-8", "replace")
        return hashlib.blake2b(raw, key=self.salt, digest_size=4).hexdigest()


def secret_parts(settings: Settings) -> list[str]:
    """Return the values that nobody may see: secrets, parts of URLs, the adapter's options."""
    parts = [*settings.secrets(), *settings.cmms_options.values()]
    for name in sorted(URLS):
        parts += _hidden_in(settings.reveal(name))
    return [part for part in parts if part]


def _hidden_in(url: str) -> list[str]:
    """Return user, password and the query's values, as they stand and decoded."""
    before, at, _ = url.rpartition("@")
    user = before.partition("//")[2] if at else ""
    parts = [user, *user.split(":", 1)]
    query = url.partition("?")[2]
    parts += [pair.partition("=")[2] for pair in query.split("&")]
    return [*parts, *map(unquote, parts)]
