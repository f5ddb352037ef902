"""All commands in one application, and the exit code for each kind of error."""

import structlog
import typer

from syncd.cli import adapter, check, config, db, demo, links, plan, run, status, support, waiting
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
for module in (run, check, plan, status, waiting, links, support, demo, config, db, adapter):
    module.register(app)


def run_command() -> int:
    """Run the command of this process's arguments; return its exit code."""
    try:
        code = app(standalone_mode=False)
    except SyncdError as error:
        _print_error(str(error))
        code = error.exit_code
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except typer.Exit as end:
        code = end.exit_code
    except typer.TyperException as error:
        text = str(error)
        _print_error(text if "\n" in text else f"{text} (`syncd COMMAND --help` tells more)")
        code = EXIT_USAGE
    except BrokenPipeError:
        code = 0
    except Exception:  # noqa: BLE001 - the last line of defence: a bug is logged and is exit 70
        structlog.get_logger().exception("command.failed")
        code = EXIT_BUG
    return code if isinstance(code, int) else 0


def _print_error(text: str) -> None:
    """Print a message for the operator on stderr; a help text as it stands."""
    if text.startswith("Usage:"):
        typer.echo(text, err=True)
        return
    for line in text.splitlines():
        typer.echo(f"syncd: {line}", err=True)
