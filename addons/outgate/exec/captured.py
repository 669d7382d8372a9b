"""What a command did, as a capture in one file.

Owns the folder that is written to meanwhile, and that nothing is at the file's place before all of it is there.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from outgate.capture.files import found
from outgate.capture.keeper import Keeper
from outgate.policy.redaction_model import CapturePolicy
from outgate.policy.snapshot import Policy

NAME = "exec"
MASTER = 32
"""Bytes of the key that replacements are made with."""
ENDING = 10.0
"""Seconds in which what waits is redacted and written at the end."""


class Unwritten(Exception):
    """What the command did is in no file."""


@contextmanager
def capturing(policy: Policy, file: Path | None, folder: Path) -> Iterator[tuple[Policy, Keeper]]:
    """The policy with a capture of everything before its own, where that is wanted, and what keeps it. Raises
    `Unwritten` at the end where the file cannot be written."""
    inside = folder / "capture"
    if file is not None:
        captures = (CapturePolicy(NAME, folder=str(inside), retention=0.0), *policy.keeping.captures)
        policy = replace(policy, keeping=replace(policy.keeping, captures=captures))
    keeper = Keeper(secrets.token_bytes(MASTER))
    keeper.follow(policy.keeping)
    try:
        yield policy, keeper
    finally:
        keeper.close(ENDING)
        keeper.join()
    if file is not None:
        try:
            joined(inside, file)
        except OSError as error:
            raise Unwritten(f"the capture {file} cannot be written: {error.strerror}") from error


def joined(folder: Path, file: Path) -> None:
    """The files of a capture as one, which replaces what was there. Raises `OSError`."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("xb") as whole:
            for path in found(folder) if folder.is_dir() else ():
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
