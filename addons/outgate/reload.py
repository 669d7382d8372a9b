"""A running gate's policy, kept in step with its files and its cluster: looked at, compiled, then swapped as a whole.

Owns when to look and what counts as a change. What a policy is, and who is told of a new one, is `policy`'s. A load
that fails leaves the policy in force where it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from outgate.policy import documents
from outgate.policy.compile import Policy, load
from outgate.policy.current import Snapshot
from outgate.policy.documents import Document
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError, Problem, Where

log = logging.getLogger(__name__)

RACY = 2.0
"""Seconds after its last change in which a file may change again without its times showing it."""
LOOKS = 20
"""How often files that keep changing are looked at again before the change is left to the next poll."""

type Stat = tuple[int, int, int, int, int]


class Beneath(Protocol):
    """Whole sets of documents from elsewhere, over which the files are laid. Asked from any thread."""

    def look(self) -> str:
        """The digest of the set of now."""

    def documents(self) -> list[Document]:
        """Its documents. Raises `PolicyError`."""


class Digests:
    """The content of the policy files in one digest. Files whose `stat` has not changed are not read again."""

    def __init__(self, paths: Sequence[Path], beneath: Beneath | None = None) -> None:
        self.paths = tuple(paths)
        self.beneath = beneath
        self._known: dict[Path, tuple[Stat, float, bytes]] = {}

    def look(self) -> str:
        """The digest of every name and content. What cannot be read has a digest too: of why it cannot."""
        whole, known = hashlib.sha256(), self._known
        self._known = {}
        for path in self.paths:
            for file, digest in self._below(path, known):
                whole.update(os.fsencode(file) + b"\0" + digest)
        if self.beneath is not None:
            whole.update(self.beneath.look().encode())
        return whole.hexdigest()

    def _below(self, path: Path, known: dict[Path, tuple[Stat, float, bytes]]) -> list[tuple[Path, bytes]]:
        try:
            return [(file, self._content(file, known.get(file))) for file in documents.files(path)]
        except (PolicyError, OSError) as error:
            return [(path, repr(error).encode())]

    def _content(self, file: Path, before: tuple[Stat, float, bytes] | None) -> bytes:
        # Read before the file is: what changes in between is noticed at the next look.
        looked, found = time.time(), file.stat()
        stat = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if before is not None and before[0] == stat and before[1] - max(found.st_mtime, found.st_ctime) > RACY:
            self._known[file] = before
            return before[2]
        digest = hashlib.sha256(file.read_bytes()).digest()
        self._known[file] = (stat, looked, digest)
        return digest


class PolicyWatcher:
    """Looks every `interval` seconds. A change must have stood still for `settle` seconds before it is loaded, so that
    neither a half-written file nor half of a ConfigMap becomes a policy."""

    def __init__(
        self,
        paths: Sequence[Path],
        setting: Setting,
        snapshot: Snapshot,
        *,
        loaded: str = "",
        beneath: Beneath | None = None,
        interval: float = 1.0,
        settle: float = 0.1,
    ) -> None:
        self.paths = tuple(paths)
        self.setting = setting
        self.snapshot = snapshot
        self.interval = interval
        self.settle = settle
        self.judged: list[Callable[[Sequence[Problem], bool], None]] = []
        """Told of every load: what was wrong or doubtful, and whether what was loaded is in force."""
        self._digests = Digests(self.paths, beneath)
        self._loaded = loaded
        """Digest of what was last loaded or refused, as it was before that was read. Empty: the first look loads."""
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Watch until cancelled. Nothing that fails ends it."""
        while True:
            await asyncio.sleep(self.interval)
            try:
                await self.check_once()
            except Exception:
                log.exception("the policy files could not be looked at")

    async def check_once(self) -> bool:
        """Look now, and load what has changed. True if another policy is in force than before."""
        async with self._lock:
            digest = await asyncio.to_thread(self._digests.look)
            return digest != self._loaded and await self._load(digest, forced=False)

    async def reload(self) -> bool:
        """Load now, changed or not: for SIGHUP and the admin endpoint. True if it was loaded; else the policy in force
        stays, and `snapshot.last_error` says why."""
        async with self._lock:
            return await self._load(await asyncio.to_thread(self._digests.look), forced=True)

    async def _load(self, digest: str, *, forced: bool) -> bool:
        for _ in range(LOOKS):
            await asyncio.sleep(self.settle)
            found = await asyncio.to_thread(self._compiled)
            again = await asyncio.to_thread(self._digests.look)
            if again == digest:
                self._loaded = digest
                return self._take(found, forced=forced)
            digest = again
        if forced:
            self._refuse((Problem(Where("policy"), "the documents keep changing while they are read"),))
        return False

    def _compiled(self) -> Policy | tuple[Problem, ...]:
        """The policy that the documents make, or what is wrong with them."""
        try:
            beneath = self._digests.beneath
            return load(self.paths, self.setting, beneath.documents() if beneath is not None else None)
        except PolicyError as error:
            return error.problems
        except Exception as error:
            log.exception("the policy could not be compiled")
            return (Problem(Where("policy"), f"could not be compiled: {type(error).__name__}: {error}"),)

    def _take(self, found: Policy | tuple[Problem, ...], *, forced: bool) -> bool:
        if not isinstance(found, Policy):
            self._refuse(found)
            return False
        self._tell(found.problems, in_force=True)
        if not forced and found.generation == self.snapshot.policy.generation:
            self._recover()
            return False
        for problem in found.problems:
            log.warning("policy: %s", problem)
        self.snapshot.swap(found)
        log.info("policy %s is in force", found.generation)
        return True

    def _tell(self, problems: Sequence[Problem], *, in_force: bool) -> None:
        for told in self.judged:
            told(problems, in_force)

    def _recover(self) -> None:
        """The files are again what is in force: a refusal that is past is none."""
        if self.snapshot.last_error:
            self.snapshot.last_error = ""
            log.info("policy %s is in force, as the files say again", self.snapshot.policy.generation)

    def _refuse(self, problems: tuple[Problem, ...]) -> None:
        self._tell(problems, in_force=False)
        self.snapshot.refuse("\n".join(map(str, problems)))
        log.error("the policy documents are not used, %s stays in force", self.snapshot.policy.generation)
        for problem in problems:
            log.error("policy: %s", problem)
