"""What redacts for a capture: the pipeline under its policy, with the keys and the vault of its own.

Owns which key makes the replacements of a capture, and the digest by which a record names what it was redacted by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from outgate.capture.vaults import Vaults
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, unplaced
from outgate.redact.exchange import Exchange
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Redacted
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from outgate.redact.replace.vaulted import Vaulted

type Redact = Callable[[Exchange], Redacted]
type Redactors = Callable[[KeepingPolicy, CapturePolicy], Redact]


def keyed(master: bytes, vaults: Vaults | None = None) -> Redactors:
    """Redactors under one key: equal values of one capture join, and those of two captures do not."""

    def made(keeping: KeepingPolicy, capture: CapturePolicy) -> Redact:
        digest = digest_of(keeping)
        keys, vault = Keys(master, capture.name, digest), vaults.of(capture) if vaults is not None else None
        return Redactor(keeping, Vaulted(keys, vault.keep) if vault is not None else Replacer(keys), digest).redact

    return made


def digest_of(keeping: KeepingPolicy) -> str:
    """Of what is said about redaction, wherever it is written."""
    return hashlib.sha256(repr([*map(unplaced, keeping.redactions)]).encode()).hexdigest()[:12]
