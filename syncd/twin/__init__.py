"""A Scan2Evolve that runs on this machine: honest by default, hostile by switches.

It keeps to tests/contract/scan2evolve.openapi.yaml. It imports nothing of syncd, because no test
would find a mistake that both made. Where the documentation is silent, it does what a client has
to fear: it refuses null and unknown fields, and it counts a text's limit in UTF-16 units.

    server       the twin, and one request from its arrival to its ledger entry
    connections  the sockets
    sending      how an answer is sent: whole, cut, slowed, or not at all
    routes       which call a request is, who may make it, what the answer is
    gate         credentials and the rate limit
    model        the organisation: its orders, what people do to them, what a sync does
    sorted_ids   the list's order
    checks       what the API accepts, what it refuses, how it spells times
    stamps       the times of changes
    orders       made-up orders
    seed         the order that Scan2Evolve's documentation shows
    faults       what goes wrong, as a test has scripted it
    lies         lists that contradict themselves
    ledger       every request, for those who judge a client
    control      edits, faults and the ledger over HTTP
    serve        the twin as a process of its own; `python -m syncd.twin` and `syncd simulate`
"""
