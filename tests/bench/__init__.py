"""`make bench`: syncd beside the least work that any program could do. See `__main__.py`."""
