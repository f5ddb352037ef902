"""Reading a list that moves while it is read, and proving that nobody was missed.

list_order  the orders a list may be in, and what its rows rule out
pages       one page as it was seen; how many pages a quiet list takes
overlap     whether a page begins where the one before it ended
lane        the next request of a list that moves
sweep       a lane over the whole list that proves that it has missed nobody
"""
