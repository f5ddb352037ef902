"""What is to be done about each work order. `plan.decide` is the way in.

plan           one decision a work order, and the plan of them all
merge          a linked order: `decide_field` is the table of the three-way merge
pair           one field as both sides hold it
difference     a difference becomes a write, a conflict, drift, or a hold
first_meeting  a field without a base
unlinked       an order without a record: adopt, create, leave alone
identity       which CMMS record belongs to an order
created        the bases of a record that our own create has made
readback       what evidence says about the writes whose outcome is open
failure        what a failed write means, and when it is tried again
oscillation    a field that goes to and fro
guards         what looks like an accident is not sent
selection      the lines of a plan, chosen and checked again
remap          what a changed mapping would write
undo           what takes back the writes of a cycle
"""
