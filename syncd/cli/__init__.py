"""The commands. Each parses its arguments, calls one job, and prints the result.

commands   all commands in one application, and the exit code for each kind of error
common     what several commands share
progress   the line that shows how a first read of the list goes
run        run, once
check      check, probe
plan       plan, apply, undo
status     status, order show, health
waiting    conflicts, parked, guard, pause, resume
links      links list, links relink
support    support-bundle
demo       demo, simulate
config     config show, config reference, version
db         db upgrade, db current, db backup
adapter    adapter list, adapter new, adapter test

Results go to stdout, logs to stderr. Exit codes: 0 ok · 64 usage · 65 the mirror's content or
schema · 69 a side unreachable or not its API · 70 a bug · 74 the mirror unavailable · 75
temporary, lease held, or partial · 77 credentials · 78 configuration.
"""

import gc
import io
import os
import sys

_NEW_OBJECTS = 10_000  # before Python searches them for garbage


def main() -> None:
    """Run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its number; it ends no command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:] == ["health"]:
        # The container asks every 30 s: the answer comes from the daemon's heartbeat, without
        # importing what the other commands need.
        from syncd.jobs.heartbeat import last_beat

        health = last_beat(os.environ)
        if health is not None:
            sys.stdout.write(f"{health.line}\n")
            sys.exit(0 if health.healthy else 1)
    # What is imported stays until the end, so it is never searched for garbage. Later a search
    # comes after many new objects only, because a page of the list makes some thousand.
    gc.disable()
    # typer and others import rich if it is installed, for features that are not used here. Hidden
    # from them, it does not slow the start by a fourth. Tables import it later.
    sys.modules["rich"] = None  # type: ignore[assignment]
    from syncd.cli.commands import run_command

    del sys.modules["rich"]
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    sys.exit(run_command())
