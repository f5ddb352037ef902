"""`python -m syncd.twin`: the twin without the rest of syncd, standard library only."""

import argparse
import sys
from collections.abc import Sequence

from syncd.twin.faults import KINDS
from syncd.twin.model import ORDERS, TwinConfig
from syncd.twin.serve import serve

_USAGE = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and serve; return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        config = TwinConfig(
            orders=arguments.orders,
            seed=arguments.seed,
            order=arguments.order,
            page_max=arguments.page_max,
            rate_limit=arguments.rate_limit,
            rate_window_s=arguments.rate_window_s,
            shared_budget=not arguments.two_budgets,
            read_lag_s=arguments.read_lag_s,
            normalise=arguments.normalise,
            ignore_fields=frozenset(name for name in arguments.ignore.split(",") if name),
        )
    except ValueError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return _USAGE
    return serve(config, arguments.port, arguments.fault, control=arguments.control, out=sys.stdout)


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {name:15} {kind.text}" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m syncd.twin",
        description="A Scan2Evolve on this machine, honest or hostile.",
        epilog=f"faults, as kind[:METHOD[:times[:arg]]], for example drop_after:POST:3\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0: any")
    parser.add_argument("--orders", type=int, default=28)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same orders")
    parser.add_argument("--order", choices=ORDERS, default="hidden", help="the list's order")
    parser.add_argument("--page-max", type=int, default=200, help="the largest page it serves")
    parser.add_argument("--rate-limit", type=int, default=None, help="requests a window")
    parser.add_argument("--rate-window-s", type=float, default=60.0)
    parser.add_argument("--two-budgets", action="store_true", help="sync calls have their own")
    parser.add_argument("--read-lag-s", type=float, default=0.0, help="reads lag syncs by so much")
    parser.add_argument("--normalise", action="store_true", help="trim and round what is synced")
    parser.add_argument("--ignore", default="", help="fields it takes and does not keep: a,b")
    parser.add_argument("--fault", action="append", default=[], help="see below; may be repeated")
    parser.add_argument("--control", action="store_true", help="edits and ledger: /__twin/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
