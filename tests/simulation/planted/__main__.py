"""Let a judge look for one bug. See the package."""

import argparse
import runpy
import sys

from tests.simulation.planted import BUGS, planted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("name", help="the bug's")
    parser.add_argument("judge", nargs="*", help="a module, with its arguments, after `--`")
    options = parser.parse_args()
    if options.name not in BUGS:
        parser.error(f"there is no bug {options.name!r}; there are: {'; '.join(sorted(BUGS))}")
    chosen = BUGS[options.name]
    sys.argv = list(options.judge or chosen.judge)
    with planted(chosen):
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
