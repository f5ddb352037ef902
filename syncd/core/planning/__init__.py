"""What is to be done about each work order. `plan.decide` is the way in.

plan         one decision a work order, and the guards that refuse to send
merge        a linked order, field by field
unlinked     an order without a record: adopt, create, leave alone
created      the bases of a record that our own create has made
readback     what the reads say about the writes whose outcome is open
verdict      the same for one field
oscillation  a field that goes to and fro
selection    the lines of a plan, chosen and checked again
remap        what a changed mapping would write
undo         what takes back the writes of a cycle
"""
