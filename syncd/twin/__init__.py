"""A Scan2Evolve that runs on this machine, honest by default and hostile by switches.

It keeps to tests/contract/scan2evolve.openapi.yaml and knows nothing of syncd's own code.
"""
