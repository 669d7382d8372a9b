"""File descriptors: as many as the process may have, and how many connections fit into them.

Owns the process's own limit and what a connection costs. Changes no setting; whoever asks does.
"""

from __future__ import annotations

import contextlib
import resource

EACH = 4
"""A client connection (its socket, and a copy for the streams on it), its origin's, and one that idles for the next."""
OWN = 256
"""For listeners, logs, files that are read, lookups under way and the admin endpoint."""


def raised() -> int:
    """How many this process may have, after it asked for all that it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # more than the kernel gives anybody
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return most if most != resource.RLIM_INFINITY else 1 << 30


def fitting(descriptors: int) -> int:
    """Client connections for which there are descriptors; one at least."""
    return max(1, (descriptors - OWN) // EACH)
