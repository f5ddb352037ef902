"""What people ask of the mirror.

report   status, lists of what waits, one order with its timeline
support  the lines of a support case
"""
