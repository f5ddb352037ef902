"""Any HTTP and JSON CMMS, read and written as a mapping file says (docs/rest.md).

schema        what a mapping can say          checks       what cannot work, said at load
placeholders  {id} and the like               calls        one request, prepared
auth          who we are                      limits       how fast we may ask
replies       what an answer means            client       sends, waits, renews, sorts errors
paging        the ways lists come in pages    lists        read whole, or an error
listing       what list and find ask for      more         what another resource holds of a record
locking       nothing overwritten unseen      steps        legal moves of a status
writes        one update, op by op            adapter      the port

"""
