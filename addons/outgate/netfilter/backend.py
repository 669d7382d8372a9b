"""The iptables programs of this machine: which there are, which work here, and how they are run.

A kernel keeps two rule sets, reached through `iptables-nft` and `iptables-legacy`; a program sees only its own.
Owns finding, running and reading them. Knows nothing of what the rules mean.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from outgate.netfilter.options import Family

WAIT = ("-w", "5")  # seconds to wait for another program that holds the lock
PATIENCE = 30.0  # seconds until a program that hangs is given up
SEARCH = os.pathsep.join((os.defpath, "/usr/local/sbin", "/usr/sbin", "/sbin"))
PROGRAM = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}
LEGACY_TABLES = {Family.IPV4: "ip_tables_names", Family.IPV6: "ip6_tables_names"}


class Unable(Exception):
    """This machine or namespace cannot do it. The text says what is missing and what helps."""


class Kind(StrEnum):
    """Which of the kernel's two rule sets."""

    NFT = "nft"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Backend:
    """One program for one family and rule set. `path` is the program, `<path>-restore` its batch form."""

    family: Family
    kind: Kind
    path: str

    @property
    def name(self) -> str:
        return Path(self.path).name

    def listing(self, table: str) -> list[str]:
        """The table's chains and rules, a line each, as `-S` prints them. Raises Unable."""
        return run([self.path, *WAIT, "-t", table, "-S"]).splitlines()

    def has(self, table: str) -> bool:
        """Whether there is such a table to look into. Asking a legacy program for a missing table creates it."""
        if self.kind is Kind.NFT:
            return True
        names = Path("/proc/thread-self/net", LEGACY_TABLES[self.family])
        return names.exists() and table in names.read_text(encoding="ascii").split()

    def complaint(self) -> str:
        """Why the kernel does not answer this program, in its own words; empty when it does."""
        try:
            for table in ("filter", "nat"):
                self.listing(table)
        except Unable as error:
            return str(error)
        return ""

    def restore_command(self) -> list[str]:
        """The program that takes several rules as one change, in which a table is swapped whole or not at all."""
        return [f"{self.path}-restore", *WAIT, "--noflush"]

    def restore(self, batch: str) -> None:
        """Apply a batch. Raises Unable."""
        run(self.restore_command(), batch)


def run(argv: list[str], text: str = "") -> str:
    """Run a program with `text` as its input and give its output. Raises Unable with the program's own words."""
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={"PATH": SEARCH, "LC_ALL": "C"},
            check=False,  # the exit code is read below, with what was said
        )
    except OSError as error:
        raise Unable(f"{argv[0]} does not run: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise Unable(f"{shlex.join(argv)} gave no answer in {PATIENCE:g} seconds") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or "no reason given"
        raise Unable(f"{shlex.join(argv)} failed with exit code {done.returncode}: {said}")
    return done.stdout


def installed(family: Family) -> list[Backend]:
    """The programs on this machine for a family, nft first."""
    found = ((kind, _find(family, kind)) for kind in Kind)
    return [Backend(family, kind, path) for kind, path in found if path]


def _find(family: Family, kind: Kind) -> str | None:
    """The program that names its kind; else the plain one, if it says that it is of this kind."""
    named = shutil.which(f"{PROGRAM[family]}-{kind}", path=SEARCH)
    plain = shutil.which(PROGRAM[family], path=SEARCH)
    return named or (plain if plain and _kind(plain) is kind else None)


def _kind(path: str) -> Kind | None:
    """Releases before there were two kinds print none, and are legacy. A program that does not run has no kind."""
    try:
        version = run([path, "--version"])
    except Unable:
        return None
    return Kind.NFT if "nf_tables" in version else Kind.LEGACY
