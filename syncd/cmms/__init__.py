"""The CMMS side: the port that every adapter keeps to, and the adapters that ship.

port          what an adapter has to have, and defaults for what it may leave out
load          find an adapter's class by name, and make the adapter
http          JSON over HTTP, for adapters in Python
catalogue     the list of adapters and presets
scaffold      the first files of a new adapter, from templates/
mapping/      mapping files: how they are read, and what values they map
rest/         the adapter for HTTP APIs, by a mapping
sql/          the adapter for databases: the embedded table, or by a mapping
odoo/         the adapter for Odoo
conformance/  the tests that an adapter has to pass
"""
