"""How much, how often, where to, and when again: the maths behind what policy says of traffic.

Owns state and arithmetic and nothing else: time, chance and outcomes are passed in, and nothing here waits, dials or
logs. Times are seconds of a clock that only goes forward.
"""
