"""A place for one command in which the gate is the only way out: namespaces, their network, what is laid over files.

`confinement` puts the pieces together in a process of its own, `launch` is the gate's side of it, `names` has the
addresses that stand for names. Linux only; needs root or user namespaces. Knows no policy and no traffic.
"""
