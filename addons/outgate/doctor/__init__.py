"""`outgate doctor`: what is wrong here, and what to do about it.

`machine`, `network` and `gate` each hold checks of one kind, functions of what they are given; `checkup` gives it to
them. Nothing is changed.
"""
