"""The commands. No logic: each opens the application, asks it for one thing, and prints that.

Results go to stdout, logs to stderr. Exit codes: 0 ok · 64 usage · 65 the mirror's content or
schema · 69 a side unreachable or not its API · 70 a bug · 74 the mirror unavailable · 75
temporary, lease held, or partial · 77 credentials · 78 configuration.
"""

import gc
import os
import sys

_NEW_OBJECTS = 10_000  # before they are searched for garbage


def main() -> None:
    """Run one command; exit with the code that says how it went."""
    if sys.argv[1:] == ["health"]:
        # Asked every 30 s for as long as the container lives: answered from the daemon's
        # heartbeat, without importing what the other commands need.
        from syncd.jobs.heartbeat import look

        told = look(os.environ)
        if told is not None:
            sys.stdout.write(f"{told.text}\n")
            sys.exit(0 if told.healthy else 1)
    # What is imported stays: it is not searched for garbage, neither meanwhile nor later. A page
    # of the list is some thousand objects, which go without a search.
    gc.disable()
    # Libraries import rich wherever it is installed, for what nobody asks of them here; hidden
    # from them, a command starts in four fifths of the time. Tables are drawn with it later.
    sys.modules["rich"] = None  # type: ignore[assignment]
    from syncd.cli.commands import run_command

    del sys.modules["rich"]
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    sys.exit(run_command())
