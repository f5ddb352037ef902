"""Bugs that programs of this kind have, for the judge to find.

    bug.py       what a bug is, how it is planted, and how it is taken out again
    answers.py   bugs of the ways out of what is parked
    core.py      bugs of the planner
    engine.py    bugs of the cycle
    late.py      bugs about writes that arrive when nobody waits for them any more
    edges.py     bugs of the mirror and of the client of Scan2Evolve

python -m tests.simulation.planted NAME                                 its own judge looks for it
python -m tests.simulation.planted NAME -- tests.simulation --seed 5    another judge does

A bug is written as what runs in place of a function of syncd. It names the function itself, so
that mypy finds a bug whose function was renamed, or takes other arguments now.
"""

from tests.simulation.planted import answers, core, edges, engine, late
from tests.simulation.planted.bug import BUGS, Bug, places_of, planted

__all__ = ["BUGS", "Bug", "answers", "core", "edges", "engine", "late", "places_of", "planted"]
