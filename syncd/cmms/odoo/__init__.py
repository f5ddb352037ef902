"""The adapter for Odoo's Maintenance app, Odoo 16 to 19 (docs/reference/odoo.md).

adapter   OdooAdapter: the port
options   its settings
start     makes the connection from the options
rpc       Odoo's two protocols, JSON-RPC and JSON-2
model     the fields and stages of this database, checked against the options
mapping   a maintenance request in our words, and our values in Odoo's
lookup    the Scan2Evolve id, people and equipment, which a request only refers to
write     the calls of one create or update, in their order
errors    the error class of an exception in Odoo or of an HTTP status
"""
