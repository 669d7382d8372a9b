"""Signatures of messages: what of one cannot change without breaking the one that it carries.

Owns which fields and parameters sign, and what each of them covers. Verifies none: what looks signed is taken to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from outgate.redact.exchange import Fields

HASHED = re.compile(r"[0-9a-f]{64}|STREAMING-AWS4-.*", re.IGNORECASE | re.DOTALL)
"""`x-amz-content-sha256`, where the body is signed."""
PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s]*))')
LIST = re.compile(r"\(([^)]*)\)")
COMPONENT = re.compile(r'(?:^|\s)"([^"]+)"')
DIGESTS = frozenset({"content-md5", "digest", "content-digest", "repr-digest"})
SIGNED_QUERY = re.compile(
    r"[?&](?:x-amz-signature|x-goog-signature|x-oss-signature|signature|sig|hmac)=", re.IGNORECASE
)
AWS_QUERY = re.compile(r"[?&]X-Amz-SignedHeaders=([^&]*)", re.IGNORECASE)
OF_BODIES = """
x-hub-signature x-hub-signature-256 x-signature x-signature-256 x-slack-signature x-line-signature stripe-signature
webhook-signature svix-signature x-shopify-hmac-sha256 x-gitea-signature x-gogs-signature x-square-hmacsha256-signature
paypal-transmission-sig x-twilio-email-event-webhook-signature x-jws-signature x-request-signature x-body-signature
x-zm-signature x-pagerduty-signature x-webhook-signature x-content-signature intuit-signature x-mailgun-signature
"""
"""Of webhooks and banks: made of the body, whatever else they are made of."""
OF_EVERYTHING = """
x-twilio-signature x-amz-sns-signature x-ca-signature x-api-signature x-bapi-sign ok-access-sign cb-access-sign
x-coinbase-signature api-sign x-mbx-signature
"""


@dataclass(frozen=True, slots=True)
class Covered:
    """What signatures cover. `by`: what signs, for people; empty where nothing does."""

    by: str = ""
    target: bool = False
    body: bool = False
    headers: frozenset[str] = field(default=frozenset())
    """By lower-case name; `*`: all."""

    def __or__(self, other: Covered) -> Covered:
        return Covered(
            self.by or other.by, self.target or other.target, self.body or other.body, self.headers | other.headers
        )

    def has(self, name: str) -> bool:
        """Whether a header is covered."""
        return name in self.headers or "*" in self.headers


EVERYTHING = Covered(target=True, body=True, headers=frozenset("*"))


def covered(fields: Fields, target: str = "") -> Covered:
    """What the signatures in a head cover. `target`: of a request."""
    said: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        said[key] = f"{said[key]}, {text}" if key in said else text
    found = Covered()
    for each in _found(said, target):
        found |= each
    return found


def _found(said: dict[str, str], target: str) -> Iterator[Covered]:
    scheme, _, rest = said.get("authorization", "").partition(" ")
    if (read := _SCHEMES.get(scheme.lower())) is not None:
        yield _by(f"authorization ({scheme})", read(rest, said))
    if "signature-input" in said:
        yield _by("signature-input", _components(said["signature-input"]))
    elif "signature" in said:
        yield _by("signature", _listed(said["signature"], said))
    for name in said:
        if name in _BODIES:
            yield Covered(name, body=True)
        elif name in _ALL:
            yield _by(name, EVERYTHING)
    if "dpop" in said:
        yield Covered("dpop", target=True)
    if SIGNED_QUERY.search(target):
        names = AWS_QUERY.search(target)
        signed = re.split("%3b|;", names[1].lower()) if names else []
        yield Covered("the query", True, _hashed(said, unsaid=False), frozenset(signed))


def _by(name: str, found: Covered) -> Covered:
    return Covered(name, found.target, found.body, found.headers)


def _aws(rest: str, said: dict[str, str]) -> Covered:
    """Signature Version 4: the target, the headers that it names, and the body unless it says that it does not."""
    names = dict(_parameters(rest)).get("signedheaders", "")
    return Covered("", True, _hashed(said, unsaid=True), frozenset(names.lower().split(";")))


def _hashed(said: dict[str, str], *, unsaid: bool) -> bool:
    """Whether the body is signed. `unsaid`: what holds where nothing is said of it."""
    value = said.get("x-amz-content-sha256", "").strip()
    return HASHED.fullmatch(value) is not None if value else unsaid


def _components(text: str) -> Covered:
    """RFC 9421: what it lists, and the body where it lists a digest of it."""
    names = {found[1].lower() for listed in LIST.finditer(text) for found in COMPONENT.finditer(listed[1])}
    target = any(name.startswith("@") and name not in ("@method", "@authority", "@status", "@scheme") for name in names)
    return Covered("", target, not names.isdisjoint(DIGESTS), frozenset(name for name in names if name[0] != "@"))


def _listed(text: str, _said: dict[str, str]) -> Covered:
    """The draft before RFC 9421. What lists nothing may be anybody's own, and cover anything."""
    names = set(dict(_parameters(text)).get("headers", "").lower().split())
    if not names:
        return EVERYTHING
    return Covered("", "(request-target)" in names, not names.isdisjoint(DIGESTS), frozenset(names))


def _digest(rest: str, _said: dict[str, str]) -> Covered:
    """RFC 7616: the target, and with `auth-int` the body."""
    return Covered("", target=True, body=dict(_parameters(rest)).get("qop", "").lower() == "auth-int")


def _hawk(rest: str, _said: dict[str, str]) -> Covered:
    return Covered("", target=True, body="hash" in dict(_parameters(rest)))


def _everything(_rest: str, _said: dict[str, str]) -> Covered:
    return EVERYTHING


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    return ((found[1].lower(), found[2] if found[2] is not None else found[3]) for found in PARAMETER.finditer(text))


_BODIES, _ALL = frozenset(OF_BODIES.split()), frozenset(OF_EVERYTHING.split())
_SCHEMES: dict[str, Callable[[str, dict[str, str]], Covered]] = {
    "aws4-hmac-sha256": _aws,
    "aws4-ecdsa-p256-sha256": _aws,
    "signature": _listed,
    "digest": _digest,
    "hawk": _hawk,
    **dict.fromkeys(
        ("oauth", "aws", "sharedkey", "sharedkeylite", "hmac", "hmac-sha256", "acs3-hmac-sha256"), _everything
    ),
    **dict.fromkeys(("eg1-hmac-sha256", "tc3-hmac-sha256", "goog4-rsa-sha256", "goog4-hmac-sha256"), _everything),
}
