"""The twin as a process of its own, and its control over HTTP for black-box tests."""

import json
import signal
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TextIO

from syncd.twin.model import TwinConfig
from syncd.twin.server import Twin


def serve(
    config: TwinConfig, port: int, faults: Iterable[str], *, control: bool, out: TextIO
) -> int:
    """Run a twin until SIGTERM or SIGINT; return the exit code.

    Prints one line when it is ready, with the settings that reach it.
    """
    twin = Twin(config, port, control=control)
    for text in faults:
        twin.faults.add_text(text)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: twin.stopped.set())
    with twin:
        settings = {
            "SYNCD_S2E_URL": twin.url,
            "SYNCD_S2E_TOKEN": config.v1_token,
            "SYNCD_S2E_SYNC_TOKEN": config.downstream_token,
            "SYNCD_S2E_SYNC_API_KEY": config.downstream_key,
        }
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        print(f"ready {twin.url} {told}", file=out, flush=True)
        twin.stopped.wait()
    return 0


def controlled(twin: Twin, path: str, raw: bytes) -> Any:
    """Answer a request under /__twin/: what a person would do upstream, and the ledger."""
    what = path.removeprefix("/__twin/")
    told = json.loads(raw) if raw else {}
    if what == "ledger":
        return [asdict(entry) for entry in list(twin.ledger.entries)]
    if what == "orders":
        return twin.people.orders()
    if what == "edit":
        twin.people.edit(told["id"], **told["fields"])
    elif what == "add":
        return {"id": twin.people.add(**told)}
    elif what == "delete":
        twin.people.delete(told["id"])
    elif what == "refuse":
        twin.people.refuse(told["id"])
    elif what == "fault":
        twin.faults.add(**told)
    elif what == "clear":
        twin.faults.clear()
    elif what == "expire_tokens":
        twin.expire_tokens()
    elif what == "configure":
        for name, value in told.items():
            kept = frozenset(value) if name == "ignore_fields" else value
            setattr(twin.config, name, kept)
    else:
        return {"error": f"there is no control {what}"}
    return {"ok": True}
