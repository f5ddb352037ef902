"""What syncd decides: pure functions over plain values. Nothing here reads or writes.

work_order  the words: fields, statuses, sides, an order, a record
values      single values: parsed, formatted, encoded, shown
order_json  a work order as Scan2Evolve sends it
case        all that is known of one work order
decision    what is to be done about it
policy      the settings and the adapter's capabilities, as decisions need them
equality    when two values are the same, and whether a side holds what was sent
database_url  an @ where none may stand in a URL of a database
fitting     the form in which a value can be written to a side
planning/   a case becomes a decision, decisions become a plan
paging/     reading a list whose rows move while it is read
budget      how many requests may be spent
backoff     how long to wait before the next try
"""
