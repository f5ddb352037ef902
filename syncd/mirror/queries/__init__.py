"""What people ask of the mirror.

status    how it stands: counts, freshness, how the list is read
waiting   what waits for a person: parked writes, conflicts, guards
order     everything about one order, with its timeline
links     the links, and what a person has to know before answering about one
support   the lines of a support case
rows      rows as JSON-ready values
"""
