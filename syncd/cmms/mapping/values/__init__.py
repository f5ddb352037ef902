"""What the values of a CMMS's record are in our words, and the way back. Pure.

paths        where a value is written: dotted paths into a body
source       where a value is read from: JMESPath expressions, columns
template     text with {placeholders}: links for people, requests
value_map    their values and ours, one table for both directions
converters   one value in both directions: text, hours, times, mapped values
hours        how working time is spelled
times        how times are spelled
html_text    text as HTML, and back
marker       the Scan2Evolve id as a line of a text
record_map   a whole record, read and written
laws         what a mapping has to keep, tried before it is used
"""
