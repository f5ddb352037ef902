"""One cycle: read both sides, decide, keep what was found out, send. Start at `cycle.py`.

cycle         the sentence: read, decide, keep, send
request       what a cycle is asked for, and what it is asked to read
results       what a cycle did: the document of `once --json`
read_s2e      the lanes of one tick, look-ups by id, absence
read_sweep    the cold lane: the whole list, slice by slice
read_cmms     the CMMS's changes, and its whole reads
decide        the mirror becomes a plan
keep          what was found out is written to the mirror
intents       the record of one write, from before it is sent to what became of it
send          the plan's changes, with what each answer means
outage        when a side that is down is tried again
"""
