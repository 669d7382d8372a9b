"""Files whose content may change while the gate runs: noticed by a stat, believed by their bytes.

Owns stamps (what a stat says) and reading a set of files at once. Knows nothing of what is in them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping

from outgate.policy.tls_model import Inline

RECHECK = 1.0
"""Seconds between two looks at the same files."""
MAX_BYTES = 4 * 1024 * 1024
"""Of one file; the system's whole bundle of roots is a quarter of a megabyte."""

type Stamp = tuple[int, ...]


def stamps(paths: Iterable[str]) -> tuple[Stamp, ...]:
    """What a stat says of each file; empty for one that is not there. Equal stamps mean the same content.

    The change time is part of it: a file rewritten within one tick of its modification time, with the same length, is
    noticed all the same. Links are followed, so the swap of a mounted directory is noticed too.
    """
    return tuple(() if isinstance(path, Inline) else _stamp(path) for path in paths)


def contents(paths: Iterable[str]) -> dict[str, bytes]:
    """The bytes of each file. Raises `OSError`, or `ValueError` for one that is too large, or that is none."""
    return {path: path.content if isinstance(path, Inline) else _bytes(path) for path in paths}


def digest(parts: Mapping[str, bytes]) -> str:
    """SHA-256 over labelled parts, unambiguous however they are cut."""
    whole = hashlib.sha256()
    for label, data in parts.items():
        whole.update(f"{label}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _bytes(path: str) -> bytes:
    # Without O_NONBLOCK, to open a pipe that nobody writes to would never return.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path} is no regular file; name one")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES} bytes; it is not a certificate, key or header value")
    return data
