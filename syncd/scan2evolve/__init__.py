"""The Scan2Evolve side.

client      Scan2EvolveClient: list, get and sync, within the request budget
auth        its two pairs of credentials
wire        pages of the list, and the body of a sync call
refusals    the error class of an answer
"""
