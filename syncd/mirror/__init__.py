"""The mirror: what each side was last seen to hold, what the two last agreed on, what we sent.

db/                   the database: tables, transactions, schema, lease
queries/              what people ask
observations          what each side was last seen to hold
links                 which order is which record, and the bases of both
journal               the timeline, and the intents
attention             which orders have to be decided about
without_counterpart   the many of which there is nothing to decide
waiting               holds, conflicts, drift and guards, and a person's answers
link_answers          a person's answers about links
lanes                 what the lanes of a tick ask
cases                 all that is known of one order
natives               records as the CMMS spells them, for a mapping that has changed
state                 single values, cycles, sweeps
clock_jumps           times from a clock that was wrong
"""
