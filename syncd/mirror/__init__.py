"""The mirror: what each side was last seen to hold, and what the two last agreed on.

`database.py` opens it and hands out transactions; `tables.py` is its shape, `schema.py` brings
it to that shape. All other modules are plain functions that take a `Tx` first. Every row
belongs to a connection, and every function sees the rows of its `Tx.connection` alone.

Only `lease.py` holds something open between transactions.
"""
