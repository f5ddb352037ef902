"""What the planner has decided. Only engine/keep.py, and a person's answers, write these tables.

links      which order is which record
bases      what each side held when the two last agreed
verdicts   what became of each written field
holds      writes that are not tried now
conflicts  fields that both sides changed, with both values
drift      changes that cannot be written back
guards     plans that wait for a person
"""
