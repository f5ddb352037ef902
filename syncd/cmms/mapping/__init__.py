"""Mapping files: how a record of a CMMS reads in our words, and is written back.

values/   what values become: pure, without files
file      a mapping file, read and checked
tree      the YAML with its `extends`, and where presets lie
section   one section of it, each error with its line
fields    the fields' own entries
maps      the value maps
nodes     YAML that remembers its lines
mapped    what every adapter with a mapping does with a record
"""
