"""Mapping files: how a record of a CMMS reads in our words, and is written back.

values/     what single values become; pure, without files
file        loads a mapping file, checks it, tries its laws
tree        the YAML with the files that it extends and the values of the environment; presets
nodes       YAML that remembers its lines
problems    what is wrong with a file, line by line
document    the file while it is checked: its blocks, and each problem at its line
validation  pydantic's errors in our words
blocks      what the blocks of all kinds of mapping are made of
schema      the keys that every mapping has
fields      these keys made into a RecordMap
places      of one field: where it is read and written
convert     of one field: how its values are spelled
maps        the tables of values
records     what every adapter with a mapping does with a record
"""
