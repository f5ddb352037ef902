"""The mirror's database: SQLite or PostgreSQL, one schema.

database  opening, transactions, and running statements in them
tables    every table and column
view      the view in which people read orders
columns   column types, and values that both databases take
bulk      many rows at once
schema    revision, upgrade, backup
lease     one writer for a connection, with fencing
failures  a driver's errors translated into ours
"""
