"""A judge of the whole engine: histories on a virtual clock, with both sides' own ledgers.

`history.py` draws what happens, `play.py` makes it happen in a `world.py`, `oracles.py` judges
from the ledgers alone, `shrink.py` makes a failing history small. `crashes.py` kills a scenario
at each of its effects; `small_scope.py` goes through every order of few events; `teeth.py`
plants the bugs of `planted/`, one at a time, and asks whether the judge sees them.
"""
