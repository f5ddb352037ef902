"""Odoo's Maintenance module, 16 to 19 (docs/odoo.md).

adapter   the port
options   its settings
start     finds out which Odoo answers, and signs in
rpc       the two protocols
model     what this database's model holds
mapping   a record in our words, and back
lookup    people, equipment and stages by name
write     one update or create
errors    what Odoo's own error texts mean
"""
