"""A table or view of a database: one that syncd makes, or a customer's own, by a mapping.

adapter   the port, for the table that syncd makes; with a mapping it hands over to `mapped`
embedded  the table that syncd makes: its columns, its rows
given_ids ids of that table that are never given twice
mapped    the port, for a customer's own table
file      the part of a mapping file that only sql/1 has
table     the customer's table: its columns, its statements, its values
database  the connections: drivers, deadlines, transactions
loaders   PostgreSQL's values that Python has none for
errors    what a driver's error means
"""
