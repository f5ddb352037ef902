"""The real process, killed and given bad disks, with both sides watched from outside.

`python -m tests.kills --kills 1000 --seed 0`; see docs/explanation/judging.md.
"""
