"""Sweeps of a list that moves, against the twin: real requests, a real mirror."""
