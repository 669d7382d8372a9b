"""Requests compared by what they mean. Pure: no clock, no file, no socket."""
