"""What syncd decides: pure functions over plain values. Nothing here reads or writes."""
