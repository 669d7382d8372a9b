"""Certificate and key files: bounded reads, the modes of keys, atomic writes. Knows nothing of what they say."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from outgate.pki.problem import CertificateProblem, Exists, Unreadable
from outgate.problems import Problem, Severity, Where

KEY_MODE = 0o600
PUBLIC_MODE = 0o644
_SIZE_LIMIT = 16 * 1024 * 1024  # a whole system trust store is under 1 MiB


@dataclass(frozen=True, slots=True)
class Held:
    """A file as it was when read. `status` belongs to the same open file as `data`."""

    path: str
    data: bytes
    status: os.stat_result | None = None


def read(path: Path) -> Held:
    """Read a regular file, whole. Raises Unreadable."""
    try:
        # Without O_NONBLOCK a named pipe with no writer would hold the caller for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(path, "is not a regular file", "name a PEM file")
            data = file.read(_SIZE_LIMIT + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise Unreadable(path, f"cannot be read ({reason})", "check the path and its mode") from error
    if len(data) > _SIZE_LIMIT:
        raise Unreadable(path, f"is larger than {_SIZE_LIMIT} bytes", "name a PEM file")
    return Held(str(path), data, status)


def mode_problem(held: Held) -> Problem | None:
    """What is wrong with the mode of a key file: an error if everyone has access, a warning if a group has."""
    if held.status is None:
        return None
    mode = stat.S_IMODE(held.status.st_mode)
    hint = f"run chmod {KEY_MODE:o} {held.path}"
    if mode & stat.S_IRWXO:
        return Problem(Where(held.path), f"the private key is open to every user (mode {mode:04o})", hint)
    if mode & stat.S_IRWXG and not _granted_by_group(held.status, mode):
        what = f"the private key is open to group {held.status.st_gid} (mode {mode:04o})"
        return Problem(Where(held.path), what, hint, Severity.WARNING)
    return None


def directory_problem(path: Path) -> Problem | None:
    """A warning if every user may write to the directory of `path`, and so put other files in the place of ours."""
    mode = stat.S_IMODE(os.stat(path.parent).st_mode)
    if not mode & stat.S_IWOTH or mode & stat.S_ISVTX:
        return None
    hint = "share no writable directory with a workload; where it is not shared, this is harmless"
    return Problem(Where(str(path.parent)), f"every user may write here (mode {mode:04o})", hint, Severity.WARNING)


def write(path: Path, data: bytes, mode: int, *, overwrite: bool) -> None:
    """Put `data` at `path` in one step, with exactly `mode` whatever the umask.

    Raises CertificateProblem where it cannot be written, Exists where it stands already and is not to be overwritten.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _fill(draft, data, mode)
        if overwrite:
            os.replace(draft, path)
        else:
            os.link(draft, path)  # unlike a rename, never replaces
    except FileExistsError as error:
        raise Exists(path, "exists already", "move it away, or overwrite it with --force") from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CertificateProblem(path, f"cannot be written ({reason})", "name a directory you may write to") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def vacant(*paths: Path) -> None:
    """Raise Exists if anything stands at one of `paths`, a dangling link included."""
    for path in paths:
        if os.path.lexists(path):
            raise Exists(path, "exists already", "move it away, or overwrite it with --force")


def make_directory(path: Path) -> None:
    """Make `path` and what is above it. Raises CertificateProblem."""
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CertificateProblem(path, f"cannot be made ({reason})", "name a directory you may write to") from error


def _fill(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEY_MODE)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _granted_by_group(status: os.stat_result, mode: int) -> bool:
    """A mounted secret belongs to root and reaches another user by its group's right to read: that is no fault."""
    ours = status.st_gid in {os.getegid(), *os.getgroups()}
    return ours and status.st_uid != os.geteuid() and mode & stat.S_IRWXG == stat.S_IRGRP
