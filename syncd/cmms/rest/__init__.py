"""A CMMS with an HTTP and JSON API, read and written as a mapping file describes it.

What the file may say: docs/reference/mapping-rest.md.

adapter        the port: fetch, find, create, update, probe
probe          learn by reading whether a mapping is right

the mapping file
schema         all that a mapping can hold        blocks        its smaller blocks
file           read it, with the line of each problem
check          what cannot work, reported when the mapping is loaded
reference      every key with its meaning, for docs/reference/mapping-rest.md
placeholders   fill in {id} and the like

one request and its answer
request        a call of the mapping, ready to be sent
auth           sign it, with credentials or a token
limits         how fast we may ask
client         send it; wait, renew the token, repeat
meaning        what an answer means: the mapping's rules, then `syncd.http.status`
reply          a success, and what expressions find in it
mask           our credentials, taken out of what a server says

reading
list_and_find  what `list` and `find` ask for     read_list     a list whole, or an error
paging         the ways a list comes in pages     read_record   one record by its id
get_more       further requests for each record

writing
create         make a record, only once           update        one update, step by step
steps          the kinds of a step                moves         the legal moves of a status
write_body     what goes into a body              locking       the CMMS's own guard
"""
