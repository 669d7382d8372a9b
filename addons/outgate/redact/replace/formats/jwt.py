"""Signed and encrypted web tokens: what the header says of its form stays, claims are replaced one by one.

Owns the parts of a token. What becomes of a claim, and of bytes that nobody reads, whoever asks says.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

WRITTEN = re.compile(r"(eyJ[\w-]*)((?:\.[\w-]*){2}|(?:\.[\w-]*){4})", re.ASCII)
FORM = frozenset({"alg", "b64", "crit", "cty", "enc", "kid", "typ", "zip"})
"""Fields of a header by which a token is read."""
TIMES = frozenset({"auth_time", "exp", "iat", "nbf", "updated_at"})
"""Claims that are seconds since 1970."""
DEEPEST = 32
"""Levels of claims."""

type Claim = Callable[[str, str | int | float], Any]
"""What stands in the place of a value, by its name."""


def read(text: str) -> str | None:
    """The text, where it is a token."""
    return text if _parts(text) is not None else None


def rewritten(text: str, claim: Claim, opaque: Callable[[str], str]) -> str | None:
    """The token with other claims, and other bytes for what is signature or ciphertext. None: it is no token."""
    parts = _parts(text)
    if parts is None:
        return None
    header, rest = parts
    kept = {name: value if name in FORM else _claims(name, value, claim) for name, value in header.items()}
    claims = _json(rest[0]) if len(rest) == 2 else None
    payload = _encoded(_claims("", claims, claim)) if claims is not None else opaque(rest[0])
    return ".".join([_encoded(kept), payload, *map(opaque, rest[1:])])


def _parts(text: str) -> tuple[dict[str, Any], list[str]] | None:
    """The header and the other parts."""
    found = WRITTEN.fullmatch(text)
    header = _json(found[1]) if found is not None else None
    return (header, text.split(".")[1:]) if isinstance(header, dict) else None


def _json(part: str) -> Any:
    try:
        made = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return made if _depth(made) <= DEEPEST else None
    except (ValueError, RecursionError):
        return None


def _depth(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def _encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _claims(name: str, value: Any, claim: Claim) -> Any:
    """What a list or an object holds has its name; booleans and nothing stay."""
    if isinstance(value, dict):
        return {each: _claims(each, inner, claim) for each, inner in value.items()}
    if isinstance(value, list):
        return [_claims(name, inner, claim) for inner in value]
    return value if value is None or isinstance(value, bool) else claim(name, value)
