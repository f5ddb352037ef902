"""A Scan2Evolve that runs on this machine, honest by default and hostile by switches.

It keeps to tests/contract/scan2evolve.openapi.yaml and knows nothing of syncd's own code:
what both sides of a test get wrong together, no test finds. Where the documentation is
silent it does what a client has to fear, not what would be convenient: null is refused, and
so is an unknown field, and a limit counts UTF-16 units.

    server    the twin itself, and one request from its arrival to its ledger entry
    connections, sending    the sockets, and how an answer goes out, or does not
    routes    which call it is, who may make it, what it answers
    gate      credentials and the rate limit
    model     the organisation's orders, what people do to them, what a sync does
    checks    what the API takes      stamps    the times of changes
    orders    made-up orders      seed      the documented one
    faults    what goes wrong, on purpose      ledger    every request as it was met
    serve, control, __main__    the same as a process of its own
"""
