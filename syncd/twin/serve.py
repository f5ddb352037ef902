"""The twin as a process of its own."""

import signal
import sys
from collections.abc import Iterable
from typing import TextIO

from syncd.twin.model import TwinConfig
from syncd.twin.server import Twin

_USAGE = 64
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    config: TwinConfig,
    port: int,
    faults: Iterable[str] = (),
    *,
    control: bool = False,
    out: TextIO,
) -> int:
    """Run a twin until SIGTERM or SIGINT; return the exit code: 0, or 64 for a wrong argument.

    When it is ready, it prints one line to `out`: `ready URL`, then the settings that reach it,
    as NAME=value. To be called in the main thread.

    Args:
        faults: as `Faults.add_text` reads them.
    """
    # The signals are blocked in every thread from here on, and sigwait takes them. A handler that
    # sets an event could run while the main thread holds that event's lock, and block for good.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        try:
            twin = Twin(config, port, control=control)
            for text in faults:
                twin.faults.add_text(text)
        except (ValueError, OSError, OverflowError) as error:
            sys.stderr.write(f"simulate: {error}\n")
            return _USAGE
        with twin:
            out.write(f"ready {twin.url} {_settings(twin)}\n")
            out.flush()
            signal.sigwait(_SIGNALS)
        return 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settings(twin: Twin) -> str:
    config = twin.config
    settings = {
        "SYNCD_S2E_URL": twin.url,
        "SYNCD_S2E_TOKEN": config.v1_token,
        "SYNCD_S2E_CLIENT_ID": config.client_id,
        "SYNCD_S2E_CLIENT_SECRET": config.client_secret,
        "SYNCD_S2E_SYNC_TOKEN": config.downstream_token,
        "SYNCD_S2E_SYNC_API_KEY": config.downstream_key,
    }
    return " ".join(f"{name}={value}" for name, value in settings.items())
