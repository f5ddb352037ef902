"""The mirror: what each side was last seen to hold, what the two last agreed on, what we sent.

db/            the database: tables, transactions, schema, lease
decided/       links, bases, verdicts, holds, conflicts, drift, guards: written by engine/keep.py
queries/       what people ask
observations   what each side was last seen to hold
encoding       an observation as a row of the database, and its digest
links          which order is which record, as far as it is read
intents        writes, each kept before it is sent, with what became of it
journal        the timeline of what was seen, decided and done
attention      which orders have to be decided about, and why
cases          all that is known of one order, for a decision
guard_counts   the counts that the guards judge a plan by
answers        a person's answers to holds, conflicts and guards
link_answers   a person's answers about links
lanes          what the lanes of a tick ask of the observations
natives        records in the CMMS's own words, for a mapping that has changed
state          single values of a connection, cycles and sweeps
clock_jumps    what becomes of stored times when this machine's clock was set
"""
