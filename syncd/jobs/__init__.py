"""What a command does around cycles, besides running one.

takeover       what a holder of the lease does before its first cycle
run            the daemon, put together
status         where things stand, and whether the daemon is healthy
heartbeat      the daemon's health, in a file that `syncd health` reads
check          whether everything is set and reachable
preview        what the next cycle would write
plan_file      the lines of a plan, in a file
apply_plan     a plan's file, applied
lines          chosen lines of a plan, written, and what became of each
undo           the writes of a cycle, undone
remap          what records read as with a changed mapping
answers        a person's answers to conflicts, parked writes and guards
relink         a person's answer about one order's link
rebuild_links  links made from what both sides hold, for a mirror that was lost
support        what a support case needs, without secrets, people and texts
bundle         these documents as one file
"""
