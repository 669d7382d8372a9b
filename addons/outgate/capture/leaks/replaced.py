"""How what redaction leaves looks: nothing of this is a secret, wherever it stands.

Owns the looks. What a rule of somebody's own writes may look like anything, and is told by the marks of the record.
"""

from __future__ import annotations

import base64
import binascii
import re

from outgate.policy.redaction_model import Replacement

TOKEN = re.compile(rb"tok_[a-z0-9-]{1,32}_[a-z2-7]{16}")
SHORTEST = 6
"""Characters of what is looked for."""
NOTHING = re.compile(rb"[*]+.{0,8}|[0-9a-f]{64}|" + re.escape(Replacement().text.encode()))
RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
STANDARD = bytes.maketrans(b"-_", b"+/")


def is_replaced(value: bytes) -> bool:
    """Whether a value is too short for a secret, stands for one, or holds what does, also in base64."""
    if len(value) < SHORTEST or NOTHING.fullmatch(value) or TOKEN.search(value):
        return True
    return any(TOKEN.search(_said(found[0])) for found in RUN.finditer(value))


def _said(run: bytes) -> bytes:
    bare = run.rstrip(b"=").translate(STANDARD)
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4))
    except binascii.Error:
        return b""
