"""A worker's seat: its number, and the descriptors that its supervisor hands down to it.

Owns the text that stands for it on the command line. What is done with the descriptors is `worker`'s and `app`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

TEXT = re.compile(r"(\d+)/(\d+):(\d+):(\d+):(\d+):(\d+(?:,\d+)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seat:
    """Number `index` of `of` workers, counted from 1."""

    index: int
    of: int
    control: int
    """A socket to the supervisor; its end is the supervisor's end."""
    turn: int
    """A file that says whose turn it is to write to standard output."""
    policy: int
    """A file with the policy in force, for when the policy files are not usable any more."""
    listeners: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError`."""
        if (found := TEXT.fullmatch(text)) is None:
            raise ValueError(f'"{text}" is not a seat; workers are started by `outgate run --workers`')
        index, of, control, turn, policy = map(int, found.groups()[:5])
        return cls(index, of, control, turn, policy, tuple(map(int, found[6].split(","))))

    def __str__(self) -> str:
        return f"{self.index}/{self.of}:{self.control}:{self.turn}:{self.policy}:{','.join(map(str, self.listeners))}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.control, self.turn, self.policy, *self.listeners)
