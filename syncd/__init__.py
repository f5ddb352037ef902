"""syncd keeps Scan2Evolve work orders and a CMMS in step."""

__version__ = "0.1.0"
