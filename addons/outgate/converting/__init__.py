"""A policy, whatever mesh its documents are of, written in outgate's own kinds."""
