"""What in a mapping for an HTTP API cannot work. It is reported when the mapping is loaded.

mapping  all of it, section by section
auth     signing in
bodies   what goes into the bodies of calls
updates  the steps of an update
"""
