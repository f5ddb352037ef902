"""A table or view of a database: a customer's own, by mapping, or one that syncd makes.

adapter   the port, for the table that syncd makes; hands over to `mapped` where there is a mapping
mapped    the port, for a customer's own table
mapping   what the mapping file says of tables and columns
table     the statements that it leads to
database  connections, dialects, deadlines
errors    what a driver's error means
"""
