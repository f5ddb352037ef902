"""What a command does around cycles, besides asking for one.

takeover       what a holder of the lease does before its first cycle
status         where things stand, and whether that is well
heartbeat      the daemon's word for `syncd health`
plan_file      the lines of a plan, in a file
apply_plan     chosen lines of a plan, applied, and what became of each
undo           a cycle taken back
remap          a mapping that has changed: what records read as now
rebuild_links  links from either side, for a mirror that was lost
support        what a support case needs, without secrets and names
bundle         these documents as one file
"""
