"""The commands. No logic: each opens the application, asks it for one thing, and prints that.

Results go to stdout, logs to stderr. Exit codes: 0 ok · 64 usage · 65 the mirror's content or
schema · 69 a side unreachable or not its API · 70 a bug · 74 the mirror unavailable · 75
temporary, lease held, or partial · 77 credentials · 78 configuration.
"""

import sys

import structlog
import typer

from syncd.cli import admin, people, running, showing
from syncd.errors import SyncdError

EXIT_BUG = 70
EXIT_USAGE = 64
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="syncd",
    help="Keeps Scan2Evolve work orders and a CMMS in step.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (running, showing, people, admin):
    module.register(app)


def main() -> None:
    """Run one command; exit with the code that says how it went."""
    try:
        code = app(standalone_mode=False)
    except SyncdError as error:
        _say(str(error))
        code = error.exit_code
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except typer.Exit as left:
        code = left.exit_code
    except typer.TyperException as error:
        text = str(error)
        _say(text if "\n" in text else f"{text} (`syncd COMMAND --help` tells more)")
        code = EXIT_USAGE
    except BrokenPipeError:
        code = 0
    except Exception:  # noqa: BLE001 - the last line of defence: a bug is logged and is exit 70
        structlog.get_logger().exception("command.failed")
        code = EXIT_BUG
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str) -> None:
    """For the operator, on stderr; a help text as it stands."""
    if text.startswith("Usage:"):
        typer.echo(text, err=True)
        return
    for line in text.splitlines():
        typer.echo(f"syncd: {line}", err=True)
