"""Captures in the formats of other programs, written one exchange at a time and read one entry at a time."""
