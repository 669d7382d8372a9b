"""`outgate exec`: a gate around one command. `run` puts it together; the rest says what is allowed, trusted and told.

The command's network is `outgate.sandbox`'s, its traffic `outgate.proxy`'s.
"""
