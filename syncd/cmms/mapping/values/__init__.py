"""The mapping: how one CMMS's records and our work orders are said in each other's words. Pure.

paths.py        where a value is put: dotted paths into a body
source.py       where a value is taken from: JMESPath expressions, columns
template.py     text with {placeholders}: links for people, requests
value_map.py    their values and ours, in one table for both directions
converters.py   one value in both directions; hours.py and times.py: their spellings
marker.py       the Scan2Evolve id as a line of a text
record_map.py   a whole record, read and written
laws.py         what a mapping has to keep, tried before it is used
"""
