"""The memory that a gate and the process that redacts for it have in common. It outlives either of them.

Owns its parts: the ring, the words in which each side tells the other how things are, and the counts of rules. It is
memory of no file, never at rest, nor in a core dump. Each word has one writer, `ASLEEP` apart, which is a hint.
"""

from __future__ import annotations

import marshal
import mmap
import os
import struct
from collections import Counter
from typing import Self

from outgate.capture.ring import TAIL, WORDS, Ring

# Words of the gate, beside the ring's.
PUT, UNTIL, SKIP = 1, 2, 3
"""Exchanges that were handed over; when all has to be over, by the monotonic clock; what is not to be tried again."""
# Words of the process, beside the ring's.
TAKEN, WRITTEN, FAILED, REDACTION, VAULT = TAIL + 1, TAIL + 2, TAIL + 3, TAIL + 4, TAIL + 5
"""Exchanges that are dealt with, and how; replacements that no vault holds."""
COUNTS = (TAIL, TAKEN, WRITTEN, FAILED, REDACTION, VAULT)
"""What moves when exchanges were dealt with."""
AT, ASLEEP = TAIL + 6, TAIL + 7
"""The position, and one, of what is worked on; whether it has to be woken."""
NOTED = WORDS
"""Where the note of what is being written begins; see `journal`."""
HEAD_BYTES, NOTE_BYTES, RULE_BYTES = 4096, 8192, 64 * 1024
"""Words; the note with a path in it; counts of rules, in two copies."""
LARGEST = RULE_BYTES // 2 - 8
OTHERS = "others"
"""Counts rules for whose names there is no room."""
DATA = 32 * 1024 * 1024
"""Bytes of exchanges that wait, about."""
PAGES = HEAD_BYTES + NOTE_BYTES + RULE_BYTES


class Shared:
    """Map it by `make`, or by its descriptor in another process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        mapped = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        mapped.madvise(mmap.MADV_DONTDUMP)
        memory = memoryview(mapped)
        self.words = memory[:HEAD_BYTES].cast("Q")
        self.moment = memory[:HEAD_BYTES].cast("d")
        self.note = memory[HEAD_BYTES : HEAD_BYTES + NOTE_BYTES]
        self._rules = memory[HEAD_BYTES + NOTE_BYTES : PAGES]
        self.ring = Ring(self.words, memory[PAGES:])

    @classmethod
    def make(cls, size: int = DATA) -> Self:
        """Raises `OSError`."""
        descriptor = os.memfd_create("outgate-captures")
        os.ftruncate(descriptor, PAGES + size)
        return cls(descriptor)

    @property
    def waiting(self) -> int:
        """Exchanges that were handed over, and not dealt with."""
        return max(0, self.words[PUT] - self.words[TAKEN])

    # Counts of rules: the copy that is not in use is written, and then is.

    def tell_rules(self, rules: Counter[str]) -> None:
        """Names for which there is no room count together."""
        told = marshal.dumps(dict(rules), 2)
        while len(told) > LARGEST:
            rarest = sorted(rules, key=rules.__getitem__)[: len(rules) // 2 + 1]
            rules[OTHERS] = sum(rules.pop(name) for name in rarest)
            told = marshal.dumps(dict(rules), 2)
        number = int(not self._rules[0])
        start = number * RULE_BYTES // 2
        LENGTH.pack_into(self._rules, start + 4, len(told))
        self._rules[start + 8 : start + 8 + len(told)] = told
        self._rules[0] = number

    def rules(self) -> Counter[str]:
        """Values that were replaced, by what found them. One that is read as it is written is empty for once."""
        start = self._rules[0] * RULE_BYTES // 2
        (length,) = LENGTH.unpack_from(self._rules, start + 4)
        try:
            return Counter(marshal.loads(self._rules[start + 8 : start + 8 + length])) if length else Counter()
        except (EOFError, TypeError, ValueError):
            return Counter()


LENGTH = struct.Struct("=I")
