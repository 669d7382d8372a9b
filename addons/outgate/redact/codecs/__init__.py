"""Reads the formats that bodies have: values and bodies inside them, each with where it lies."""
