"""The mirror: what each side was last seen to hold, what the two last agreed on, what we sent.

db/            the database: tables, transactions, schema, lease
queries/       what people ask
observations   what each side was last seen to hold
encoding       an observation as a row of the database, and its digest
links          which order is which record, and the bases of both
link_answers   a person's answers about links
intents        writes, each kept before it is sent, with what became of it
journal        the timeline of what was seen, decided and done
attention      which orders have to be decided about, and why
cases          all that is known of one order, for a decision
holds          writes that are not tried now, and a person's answers to them
conflicts      fields that both sides changed, and a person's choices
drift          changes that cannot be written to the other side
guards         plans that are refused until a person lets them through
lanes          what the lanes of a tick ask of the observations
natives        records in the CMMS's own words, for a mapping that has changed
state          single values of a connection, cycles and sweeps
clock_jumps    what becomes of stored times when this machine's clock was set
"""
