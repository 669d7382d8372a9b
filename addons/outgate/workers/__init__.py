"""Several processes behind one port: a supervisor that holds the sockets, and workers that accept from them.

Knows no traffic and loads no data plane: a worker is the same program, started again with a seat.
"""
