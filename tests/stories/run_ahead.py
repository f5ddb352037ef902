"""`syncd run` on a monotonic clock that is moved from outside.

python -m tests.stories.run_ahead FILE    the file holds the seconds by which it runs ahead

The wall clock stands where it was, as if it had been set back by as much as that.
"""

import os
import sys
import time
from pathlib import Path

from syncd.app import opened
from syncd.cli.common import WRITING
from syncd.daemon import StopFlag, stop_on_signals
from syncd.jobs.run import make_daemon


def main() -> int:
    path, stop = Path(sys.argv[1]), StopFlag()
    stop_on_signals(stop)

    def monotonic() -> float:
        return time.monotonic() + float(path.read_text(encoding="utf-8") or 0)

    with opened(os.environ, WRITING, stderr=sys.stderr, stop=stop, may_write=True) as app:
        app.monotonic = monotonic
        return make_daemon(app).run()


if __name__ == "__main__":
    sys.exit(main())
