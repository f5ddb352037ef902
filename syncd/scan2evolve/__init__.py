"""The Scan2Evolve side: its JSON, its credentials, its three calls."""
