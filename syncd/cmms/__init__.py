"""The CMMS side: the port every adapter keeps to, and the adapters that ship."""
