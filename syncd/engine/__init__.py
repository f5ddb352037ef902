"""One cycle: read both sides, decide, keep what was decided, send. Start at `cycle.py`.

cycle        the sentence: read, decide, keep, send
request      what a cycle is asked for, and what it is asked to read
results      what each stage returns, and the document of `once --json`
opening      what is done before anything is read: clocks, cut-off writes, link answers
read_s2e     READ: the lanes of one tick, in their order
read_hot     the hot lanes: open orders, and the totals of PENDING and FAILED
read_sweep   the cold lane: the whole list, slice by slice
fetch_some   some orders, by pages that show several of them at once
absence      orders that no list showed: which are asked for by id; what a 404 means
s2e_pages    pages and single orders, read into the mirror and counted
read_cmms    READ: the CMMS's changes, its whole reads, records by id
decide       DECIDE: the mirror becomes a plan
keep         KEEP: what was decided and answered is written to the mirror, here alone
facts        the journal's row and the log's event of each fact
send         SEND: the plan's changes, and what each answer means
intents      the record of one write, from before it is sent to how it was answered
ends         how the cycle ends for each order
closing      how it ends as a whole
outage       when a side that is down is tried again
"""
