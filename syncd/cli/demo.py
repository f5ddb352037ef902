"""demo, simulate: syncd and a Scan2Evolve on this machine, to try and to test."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from syncd.errors import InputError


def register(app: typer.Typer) -> None:
    app.command()(simulate)
    app.command()(demo)


def simulate(
    port: Annotated[int, typer.Option(help="Listen here on loopback; 0: any.")] = 0,
    orders: Annotated[int, typer.Option(help="How many work orders it has.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed, the same orders.")] = 1,
    order: Annotated[
        str, typer.Option(help="hidden, id, createdAt, -createdAt, updatedAt, -updatedAt, unstable")
    ] = "hidden",
    page_max: Annotated[int, typer.Option(help="The largest page it serves.")] = 200,
    rate_limit: Annotated[int, typer.Option(help="Requests a minute.")] = 6000,
    read_lag_s: Annotated[float, typer.Option(help="Reads lag writes by so much.")] = 0,
    normalise: Annotated[bool, typer.Option(help="Trim and round what is synced.")] = False,
    ignore: Annotated[str, typer.Option(help="Fields it accepts and does not keep.")] = "",
    fault: Annotated[
        list[str] | None, typer.Option(help="kind:METHOD:times, for example lost:POST:3")
    ] = None,
    control: Annotated[bool, typer.Option(help="Edits and the ledger under /__twin/.")] = False,
) -> None:
    """A Scan2Evolve on this machine, honest or hostile, for trying and testing.

    Example: syncd simulate --orders 300 --rate-limit 60 --fault lost:POST:2
    """
    from syncd.twin.model import TwinConfig
    from syncd.twin.serve import serve

    try:
        config = TwinConfig(
            orders=orders,
            seed=seed,
            order=order,
            page_max=page_max,
            rate_limit=rate_limit,
            read_lag_s=read_lag_s,
            normalise=normalise,
            ignore_fields=frozenset(name for name in ignore.split(",") if name),
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    raise typer.Exit(serve(config, port, fault or [], control=control, out=sys.stdout))


def demo(
    folder: Annotated[Path | None, typer.Option(help="Where its files go.")] = None,
) -> None:
    """A working day in half a minute, offline: a Scan2Evolve, a CMMS, and syncd between them.

    Example: syncd demo
    """
    from syncd.demo import play

    raise typer.Exit(play(folder, sys.stdout))
