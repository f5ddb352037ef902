"""The mirror's database: SQLite or PostgreSQL, one schema.

database  opening, transactions, what runs in them
tables    every table and column
view      the view in which people read orders
columns   column types
bulk      many rows at once
schema    migrations, versions, backups
lease     one writer a connection, with fencing
failures  what a driver's error means
"""
