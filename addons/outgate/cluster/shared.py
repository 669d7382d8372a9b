"""A set of documents in a file in memory: one process follows the cluster, and its workers load what it gives out.

Owns the bytes. They begin with their digest, so that a set that is being written is not taken for one.
"""

from __future__ import annotations

import hashlib
import json
import os

from outgate.cluster.objects import documents
from outgate.cluster.store import Set, contents
from outgate.policy.documents import Document
from outgate.problems import PolicyError, Problem, Where

SIZE = hashlib.sha256().digest_size


def write(file: int, found: Set) -> None:
    content = json.dumps(contents(found)).encode()
    whole = hashlib.sha256(content).digest() + content
    os.pwrite(file, whole, 0)
    os.ftruncate(file, len(whole))


class SharedSet:
    """The reader's side of such a file."""

    def __init__(self, file: int) -> None:
        self._file = file

    def look(self) -> str:
        """The digest of what is there."""
        return hashlib.sha256(self._read()).hexdigest()

    def documents(self) -> list[Document]:
        """Raises `PolicyError`."""
        whole = self._read()
        digest, content = whole[:SIZE], whole[SIZE:]
        if hashlib.sha256(content).digest() != digest:
            raise PolicyError([Problem(Where("cluster"), "the documents are just being written", "look again")])
        return documents(json.loads(content))

    def _read(self) -> bytes:
        found, size = bytearray(), os.fstat(self._file).st_size
        while len(found) < size and (piece := os.pread(self._file, size - len(found), len(found))):
            found += piece
        return bytes(found)
