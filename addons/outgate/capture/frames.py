"""Where a file of zstd ends: after a block, as whoever writes a line at a time leaves it, or in the middle of one.

Owns the walk over frames and blocks, by their heads alone. A decoder says nothing of a block that is not all there.
"""

from __future__ import annotations

import os
from typing import IO

import zstandard

HEAD, BLOCK = 18, 3
"""Bytes of the longest head of a frame, and of a block's."""
CHECKSUM = 4
RLE = 1
"""A block that is one byte, however long it says that it is."""


def ends_whole(file: IO[bytes]) -> bool:
    """Whether the last block is all there. Frames need not have an end."""
    size, place = os.fstat(file.fileno()).st_size, 0
    while place < size:
        file.seek(place)
        head = file.read(HEAD)
        try:
            length, checked = zstandard.frame_header_size(head), zstandard.get_frame_parameters(head).has_checksum
        except zstandard.ZstdError:
            return False
        place = _after_blocks(file, place + length, size)
        if place < size and checked:  # where it is torn, nothing is lost
            place = min(place + CHECKSUM, size)
    return place == size


def _after_blocks(file: IO[bytes], place: int, size: int) -> int:
    """Where the last block of a frame ends, which is behind the end of the file where it is torn. One of which not
    even the head is there is none: it may be the end that a frame need not have."""
    last = False
    while not last and place < size:
        if size - place < BLOCK:
            return size
        file.seek(place)
        head = int.from_bytes(file.read(BLOCK), "little")
        last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        place += BLOCK + (1 if kind == RLE else length)
    return place
