"""When each destination was last used, across restarts where there is a directory for it.

Owns the record, its bound and its file. Whoever judges stores a time under a key, and pays for nothing else: reading,
writing and merging are done away from the event loop. Several processes may share a directory: each adds what it knows
to one file, under a lock, and the newest time counts.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

log = logging.getLogger(__name__)

FILE, LOCK = "last-use.json", "last-use.lock"
INTERVAL = 10.0
"""Seconds between two writings, where anything was used."""
MOST = 50_000
"""Destinations that are kept, those that were used last: a registry may be exchanged any number of times."""
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What is known. Times in seconds since the epoch."""

    since: float
    """When the record began: what was used before that is not known."""
    used: dict[str, float]
    persisted: bool = False
    """It outlives this process."""
    problem: str = ""
    """Why it does not, though it should."""


@dataclass(slots=True)
class LastUse:
    """The record of a process. `used` is written to by whoever judges; `folder` None: nothing outlives the process."""

    used: dict[str, float]
    folder: Path | None = None
    under_way: Callable[[], Iterable[str]] = tuple
    """What is in use at this moment, although it began long ago."""
    clock: Callable[[], float] = time.time
    interval: float = INTERVAL
    problem: str = ""
    since: float = 0.0
    _written: dict[str, float] = field(default_factory=dict)
    """What the file held when it was last written."""

    def __post_init__(self) -> None:
        self.since = self.clock()

    def usage(self) -> Usage:
        """What is known now."""
        self._look()
        persisted = self.folder is not None and not self.problem
        return Usage(self.since, merged(self._written, self.used), persisted, self.problem)

    async def run(self) -> None:
        """Keep the file and the bound until cancelled. Nothing that fails ends it."""
        while True:
            try:
                await self.flush()
            except Exception:
                log.exception("when destinations were last used cannot be written")
            await asyncio.sleep(self.interval)

    async def flush(self) -> None:
        """Add what is known to the file, and what the file knows to this."""
        self._look()
        if self.folder is not None:
            await self._exchange(self.folder, dict(self.used))
        if len(self.used) > MOST:
            kept = bounded(self.used)
            self.used.clear()  # the same object: others store into it
            self.used.update(kept)

    async def _exchange(self, folder: Path, known: dict[str, float]) -> None:
        try:
            self.since, self._written = await asyncio.to_thread(_write, folder, self.since, known)
        except OSError as error:
            self._complain(f"{error.filename or folder}: {error.strerror or error}")
            return
        self.problem = ""
        for key, when in known.items():  # these are in the file now; what came in the meantime is not
            if self.used.get(key) == when:
                del self.used[key]

    def _look(self) -> None:
        now = self.clock()
        for key in self.under_way():
            self.used[key] = now

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.error("when destinations were last used cannot be written: %s", problem)
        self.problem = problem


def combined(usages: Iterable[Usage]) -> Usage:
    """What several processes know together: it is known since the first began, and kept if all of them keep it."""
    known = list(usages)
    problem = next((each.problem for each in known if each.problem), "")
    since = min((each.since for each in known), default=0.0)
    kept = bool(known) and all(each.persisted for each in known)
    return Usage(since, merged(*(each.used for each in known)), kept, problem)


def merged(*records: dict[str, float]) -> dict[str, float]:
    """The newest time of each key."""
    found: dict[str, float] = {}
    for record in records:
        for key, when in record.items():
            if when > found.get(key, 0.0):
                found[key] = when
    return found


def bounded(used: dict[str, float]) -> dict[str, float]:
    """The keys that were used last."""
    if len(used) <= MOST:
        return used
    return dict(sorted(used.items(), key=lambda entry: entry[1], reverse=True)[:MOST])


def _write(folder: Path, since: float, used: dict[str, float]) -> tuple[float, dict[str, float]]:
    """The file's record together with ours, written whole. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder / LOCK):
        begun, known = recorded(folder / FILE)
        since = min(since, begun)
        made = bounded(merged(known, used))
        if made != known or begun != since:
            # orjson, for whoever writes JSON keeps every other thread waiting, and it is done in a tenth of the time.
            _replace(folder / FILE, orjson.dumps({"version": 1, "since": since, "used": made}))
    return since, made


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among the processes that share the directory."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def recorded(path: Path) -> tuple[float, dict[str, float]]:
    """What a file holds. One that is not there, or is none of ours, holds nothing, and is begun anew."""
    never = float("inf")
    try:
        with path.open("rb") as file:
            content: Any = orjson.loads(file.read(MAX_BYTES))
        used = {str(key): _time(when) for key, when in content["used"].items()}
        return _time(content["since"]), bounded(used)
    except FileNotFoundError:
        return never, {}
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("%s is not a record of last use, and is begun anew", path)
        return never, {}


def _time(value: object) -> float:
    """A text would be read as a number too, and "nan" is before and after every other."""
    if not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} is no time")
    return float(value)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by nobody else."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
