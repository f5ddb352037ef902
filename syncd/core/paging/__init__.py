"""Reading a list while its rows move, and proving that no order was missed.

list_order  the orders a list may be in, as far as its rows show
pages       one page as it was seen; how many pages a quiet list takes
overlap     whether a page begins where the one before it ended
lane        the next request of a list whose rows move
sweep       a lane over the whole list that proves that it has missed no order
"""
