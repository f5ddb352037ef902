"""Mapping files: how a record of a CMMS reads in our words, and is written back.

values/   what single values become; pure, without files
file      loads a mapping file, checks it, tries its laws
tree      the YAML with the files that it extends and the environment's values; where presets are
nodes     YAML that remembers its lines
section   one section of the file, each problem with its line
fields    the fields of the file
maps      the value maps of the file
records   what every adapter with a mapping does with a record
"""
