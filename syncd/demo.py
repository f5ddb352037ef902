"""A working day in half a minute: a twin Scan2Evolve, an embedded CMMS, and syncd between them.

Only the organisation is made up. There is HTTP on loopback, two SQLite files, and the cycle that
the daemon runs. At the end both sides are compared, each from its own data. The comparison uses
nothing of the mirror or of the merge.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import structlog

from syncd.app import opened
from syncd.engine.cycle import Cycle
from syncd.engine.request import CycleRequest
from syncd.jobs.takeover import leased
from syncd.log import escape
from syncd.settings import Need
from syncd.twin.model import TwinConfig
from syncd.twin.server import Twin

ADOPTED = "wo_def456"  # the work order of Scan2Evolve's documentation
_RECORD = 90215  # its record in the CMMS, made there before syncd came
_LAST_CYCLES = 6  # at most so many at the end of the day, until nothing is left to write

# Their column to our JSON key: text, then times, then hours.
_TEXTS = {
    "title": "title",
    "description": "description",
    "priority": "priority",
    "status": "status",
    "location": "location",
    "root_cause": "rootCause",
    "resolution": "resolution",
    "closure_note": "closureNote",
}
_TIMES = {"due_at": "dueDate", "started_at": "startedAt", "completed_at": "completedAt"}
_HOURS = {"estimated_hours": "estimatedHours", "actual_hours": "actualHours"}


def play(folder: Path | None, out: TextIO) -> int:
    """Play the day; return 0 if both sides agree at its end, else 1."""
    home = folder or Path(tempfile.mkdtemp(prefix="syncd-demo-"))
    home.mkdir(parents=True, exist_ok=True)
    with (
        ExitStack() as undo,
        Twin(TwinConfig(orders=13, seed=7)) as twin,
        (home / "syncd.log").open("w", encoding="utf-8") as log,
        opened(_environment(twin, home), list(Need), stderr=log, may_write=True) as app,
    ):
        _tell_live(out, log)
        undo.callback(_log_to_stderr)
        _say(out, f"Scan2Evolve (a twin of it) runs on {twin.url}, the CMMS is {home}/cmms.db")
        app.adapter().check()  # makes the table, so that a record can stand there before syncd
        _put_record(twin, home / "cmms.db")
        with leased(app, 10) as lease:
            day = _Day(twin, home / "cmms.db", app.cycle(lease), out)
            day.play()
        agreed = prove(twin, home / "cmms.db", out)
    _say(out, f"Files are in {home}: syncd.db (the mirror), cmms.db, syncd.log")
    return 0 if agreed else 1


def _environment(twin: Twin, home: Path) -> dict[str, str]:
    return {
        "SYNCD_S2E_URL": twin.url,
        "SYNCD_S2E_TOKEN": twin.config.v1_token,
        "SYNCD_S2E_SYNC_TOKEN": twin.config.downstream_token,
        "SYNCD_S2E_SYNC_API_KEY": twin.config.downstream_key,
        "SYNCD_S2E_READ_LAG_S": "0",
        "SYNCD_S2E_LONGEST_REQUEST_S": "0",
        "SYNCD_DATABASE_URL": f"sqlite:///{home}/syncd.db",
        "SYNCD_CMMS_ADAPTER": "sql",
        "SYNCD_CMMS_URL": f"sqlite:///{home}/cmms.db",
        "SYNCD_CMMS_MODE": "create",
        "SYNCD_CMMS_CREATE": "all",
        "SYNCD_LOG_FORMAT": "json",
    }


def _put_record(twin: Twin, cmms: Path) -> None:
    """Make the documented order's record, as Scan2Evolve's own push did before syncd came."""
    order = twin.people.order(ADOPTED)
    # In this CMMS a record's reference is its number, and Scan2Evolve keeps that.
    twin.people.edit(ADOPTED, externalId=str(_RECORD))
    values = {"id": _RECORD, "s2e_id": ADOPTED, "url": order["externalUrl"]}
    values |= {column: order[key] for column, key in {**_TEXTS, **_TIMES, **_HOURS}.items()}
    marks = ", ".join("?" * len(values))
    with closing(sqlite3.connect(cmms, timeout=5)) as conn, conn:
        conn.execute(
            f"INSERT INTO work_orders ({', '.join(values)}) VALUES ({marks})",
            tuple(values.values()),
        )


class _Day:
    """What people do, and a cycle after each of their acts."""

    def __init__(self, twin: Twin, cmms: Path, cycle: Cycle, out: TextIO) -> None:
        self._twin = twin
        self._cmms = cmms
        self._cycle = cycle
        self._out = out

    def play(self) -> None:
        people, faults = self._twin.people, self._twin.faults
        self._head("06:00  Orders arrive")
        self._run(full=True)
        self._run()
        open_ones = self._open_orders()
        bearing, belt, boiler, late = open_ones[:4]

        self._head("07:10  A technician starts one order and holds another, in the CMMS")
        faults.add("throttle", "POST", arg="1")
        self._sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = ?", bearing)
        self._sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = ?", belt)
        self._run()
        self._run()

        self._head("09:30  A planner edits two titles and raises a new order, in Scan2Evolve")
        people.edit(boiler, title="Boiler 2: replace the safety valve today")
        people.edit(belt, title="Conveyor stopped: wait for the spare part")
        people.add(title="Oil under press 4", priority="CRITICAL")
        self._run()
        self._run()

        self._head("14:30  The technician completes the first order; the connection drops")
        faults.add("lost", "POST")
        self._sql(
            "UPDATE work_orders SET status = 'COMPLETED', root_cause = 'Equipment Failure', "
            "resolution = 'Replaced faulty bearing and realigned shaft', "
            "closure_note = 'Verified within spec', actual_hours = 4.50, "
            "completed_at = '2026-03-10T15:30:00+01:00' WHERE s2e_id = ?",
            bearing,
        )
        self._run()
        self._run()

        self._head("16:00  The planner closes an order in Scan2Evolve")
        people.edit(late, status="COMPLETED", completedAt="2026-03-10T15:00:00.000Z")
        for _ in range(_LAST_CYCLES):
            before = len(self._twin.ledger.writes())
            left = self._run()
            if not left and len(self._twin.ledger.writes()) == before:
                break

    def _open_orders(self) -> list[str]:
        statuses = ("ASSIGNED", "IN_PROGRESS", "ON_HOLD", "DRAFT", "COMPLETED", "CANCELLED")
        orders = [o for o in self._twin.people.orders() if o["id"] != ADOPTED]
        orders.sort(key=lambda o: statuses.index(o["status"]))
        return [str(order["id"]) for order in orders]

    def _run(self, *, full: bool = False) -> int:
        """Run one cycle; return how much it wrote or left to read back."""
        report = self._cycle.run(CycleRequest(full=full))
        sent = report.sent
        return sent.created + sent.pushed_cmms + sent.pushed_s2e + report.waiting["pending"]

    def _sql(self, statement: str, s2e_id: str) -> None:
        with closing(sqlite3.connect(self._cmms, timeout=5)) as conn, conn:
            conn.execute(statement, (s2e_id,))
        _say(self._out, f"  CMMS         {s2e_id}: {statement.partition(' WHERE ')[0][7:67]}…")

    def _head(self, text: str) -> None:
        _say(self._out, f"\n{text}")


# ── what the terminal shows meanwhile ─────────────────────────────────────────────────────

_SENTENCES: dict[str, Callable[[MutableMapping[str, Any]], str]] = {
    "link.created": lambda e: f"{e['s2e_id']} created in the CMMS as {e['cmms_id']}",
    "link.adopted": lambda e: f"{e['s2e_id']} found in the CMMS as {e['cmms_id']}, linked",
    "push.applied": lambda e: f"{e['s2e_id']} → {e['side']}: {', '.join(e['fields'])}",
    "push.in_doubt": lambda e: f"{e['s2e_id']} → {e['side']}: unclear, {_why(e)}; read back first",
    "push.confirmed": lambda e: f"{e['s2e_id']} → {e['side']}: {e['field']} is there",
    "push.altered": lambda e: f"{e['s2e_id']}: {e['field']} is kept as {e['seen']}",
    "api.throttled": lambda e: f"waiting {e['wait_s']} s ({str(e['reason'])[:48]})",
    "conflict.found": lambda e: f"{e['s2e_id']}: both changed {e['field']}, {e['winner']} wins",
    "order.parked": lambda e: f"{e['s2e_id']}: parked, {e.get('rule') or e.get('reason')}",
    "guard.latched": lambda e: f"guard {e['guard']}: {e['reason']}",
}


def _why(event: MutableMapping[str, Any]) -> str:
    """Return the kind of error, in a word."""
    kind = str(event["error"]).partition(":")[0]
    return {"Throttled": "429", "Unreachable": "the connection dropped"}.get(kind, kind)


def _tell_live(out: TextIO, log: TextIO) -> None:
    """Print what happens as it happens, from the log. The whole log goes to its file."""
    processors = structlog.get_config()["processors"]
    quiet = {"push.confirmed"}  # one for each field; printed only after a doubt
    doubted: set[str] = set()

    def tell(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
        name = str(event.get("event"))
        s2e_id = str(event.get("s2e_id"))
        if name == "push.in_doubt":
            doubted.add(s2e_id)
        if name in _SENTENCES and (name not in quiet or s2e_id in doubted):
            _say(out, f"  syncd        {escape(_SENTENCES[name](event))}")
        return event

    structlog.configure(
        processors=[*processors[:-1], tell, processors[-1]],
        logger_factory=structlog.PrintLoggerFactory(log),
        wrapper_class=structlog.make_filtering_bound_logger(10),
    )


def _log_to_stderr() -> None:
    """Send later logs to stderr, because the log file is closed; they are about a bug."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _say(out: TextIO, text: str) -> None:
    print(text, file=out, flush=True)


# ── the proof ─────────────────────────────────────────────────────────────────────────────


def prove(twin: Twin, cmms: Path, out: TextIO) -> bool:
    """Print how every order compares with its record; return whether all fields are equal."""
    records = {row["s2e_id"]: row for row in _rows(cmms)}
    orders = twin.people.orders()
    compared, wrong = 0, []
    for order in orders:
        record = records.pop(order["id"], None)
        if record is None:
            wrong.append(f"{order['id']} has no record in the CMMS")
            continue
        for name, here, there in _pairs(order, record):
            compared += 1
            if here != there:
                wrong.append(f"{order['id']} {name}: Scan2Evolve {here!r}, CMMS {there!r}")
    wrong += [f"record {row['id']} belongs to no order" for row in records.values()]
    _say(out, f"\nCompared {len(orders)} orders, {compared} fields, from both sides' own data:")
    for line in wrong:
        _say(out, f"  DIFFERS {escape(line)}")
    sent = twin.ledger.writes()
    _say(
        out,
        f"  {'all equal' if not wrong else f'{len(wrong)} differences'}; "
        f"{len(twin.ledger.entries)} requests, {len(sent)} of them wrote, "
        f"{sum(len(entry.body) for entry in sent)} fields",
    )
    return not wrong


def _rows(cmms: Path) -> Iterator[sqlite3.Row]:
    with _connected(cmms) as conn:
        yield from conn.execute("SELECT * FROM work_orders")


@contextmanager
def _connected(cmms: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(cmms, timeout=5)) as conn:
        conn.row_factory = sqlite3.Row
        yield conn


def _pairs(order: dict[str, Any], record: sqlite3.Row) -> Iterator[tuple[str, Any, Any]]:
    """Yield field, Scan2Evolve's value and the CMMS's value, in a form that can be compared."""
    for column, key in _TEXTS.items():
        yield key, order[key] or None, record[column] or None
    for column, key in _TIMES.items():
        yield key, _instant(order[key]), _instant(record[column])
    for column, key in _HOURS.items():
        yield key, _hours(order[key]), _hours(record[column])
    yield "externalId", order["externalId"], str(record["id"])
    yield "externalStatus", order["externalStatus"], record["status"]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _hours(value: Any) -> Decimal | None:
    return None if value in {None, ""} else Decimal(json.dumps(value).strip('"')).normalize()
