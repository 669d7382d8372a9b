"""Reads what documents select, and tells what of an exchange that is. Selects by where a value stands, never by it."""
