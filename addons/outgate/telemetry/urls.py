"""What of a URL may be shown: one set of rules for the access log, spans and everything else that shows one.

Owns the names of parameters that carry secrets and the shapes of values that are some, beside those of detectors that
need no name. User information is never shown; values are replaced, names stay. Knows no output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote_plus

from outgate.redact.detect import telling

REDACTED = "REDACTED"

WHOLE = frozenset(
    {
        "assertion", "auth", "awsaccesskeyid", "bearer", "code", "googleaccessid", "hmac", "key", "otp", "pass",
        "pat", "pin", "pwd", "samlart", "samlrequest", "samlresponse", "sas", "sid", "sig", "ticket",
    }
)  # fmt: skip
"""Names that are secret as a whole, in lower case, without `-`, `_` and `.`."""
PARTS = ("token", "secret", "passw", "signature", "credential", "authorization", "apikey", "session", "cookie", "jwt")
"""What makes a name secret wherever it stands in it. With these, `WHOLE` and `ENDS` the list holds everything that
OpenTelemetry's conventions list, from `X-Amz-Signature` to `sig`."""
ENDS = ("key", "auth", "pwd", "passphrase")
SHAPES = re.compile(
    r"eyJ[\w-]{8}"  # JSON in base64, as web tokens begin
    r"|\b(?:Bearer|Basic)\s+\S"
    r"|//[^/?#\s]*@",  # a URL with user information
    re.IGNORECASE | re.ASCII,
)
"""Each in linear time: a workload chooses the text."""
USER = re.compile(r"//[^/?#\s]*@")
TELLING = re.compile(r"[;%=]|eyJ")
"""Without any of these no path has a secret that is known as one."""
USER_SHOWN = f"//{REDACTED}:{REDACTED}@"
PAIR = re.compile(r"([?&;,{\s\"']|^)([\w.\[\]-]{1,64})[\"']?\s*[=:]", re.ASCII)
"""A name inside a value: of a URL, a form, JSON."""
LONGEST_NAME = 256
KEPT, LONGEST_KEPT = 512, 1024
"""Paths whose shown form is kept, for spans and lines of the log show the same; then it is begun anew. Characters of
such a path."""


class Query(StrEnum):
    """What becomes of a query."""

    REDACT = "redact"
    """Values of parameters that carry secrets are replaced."""
    DROP = "drop"
    """Nothing of it is shown."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """How URLs are shown. `secrets`: more names of parameters that carry some, as `name_key` makes them."""

    query: Query = Query.REDACT
    secrets: frozenset[str] = frozenset()
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was found out of `parts`."""

    def url(self, text: str) -> str:
        """An absolute URL, or path and query, as it may be shown."""
        path, query = self.parts(text)
        return f"{path}?{query}" if query else path

    def parts(self, text: str) -> tuple[str, str]:
        """Path and query as they may be shown, from what a request was for. An absolute URL keeps what is before."""
        known = self._kept.get(text)
        return known if known is not None else self._found(text)

    def _found(self, text: str) -> tuple[str, str]:
        path, mark, query = text.partition("?")
        found = self._path(path), self._query(query) if mark and self.query is Query.REDACT else ""
        if len(text) <= LONGEST_KEPT:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[text] = found
        return found

    def path(self, text: str) -> str:
        """The same without the query."""
        return self._path(text.partition("?")[0])

    def value(self, name: str, text: str) -> str:
        """The value of a header or parameter of this name."""
        return REDACTED if self.is_secret(name) or self.holds_secret(text) else text

    def is_secret(self, name: str) -> bool:
        """Whether what stands under this name is not shown. Names may be percent-encoded."""
        if len(name) > LONGEST_NAME:
            return True
        key = name_key(name)
        return key in self.secrets or _known(key)

    def _path(self, path: str) -> str:
        if "@" in path:
            path = USER.sub(USER_SHOWN, path)
        if not TELLING.search(path) and not telling.holds_secret(path):
            return path
        return "/".join(map(self._segment, path.split("/")))

    def _segment(self, segment: str) -> str:
        """One between slashes. It may carry parameters of its own, such as `;jsessionid=`."""
        return ";".join(map(self._parameter, segment.split(";", 1)))

    def _query(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&")))

    def _parameter(self, text: str) -> str:
        """A name and its value, which ends where the whole ends: a password may have a `;` in it."""
        name, equals, value = text.partition("=")
        if self.holds_secret(name):
            name = REDACTED
        if not value:
            return name + equals
        return f"{name}={REDACTED if self.is_secret(name) or self.holds_secret(value) else value}"

    def holds_secret(self, text: str) -> bool:
        """Whether it is a secret by its shape, or has one inside: another URL, a form, JSON, encoded or not."""
        for _ in range(4):
            if SHAPES.search(text) or any(self.is_secret(found[2]) for found in PAIR.finditer(text)):
                return True
            if telling.holds_secret(text):
                return True
            if (further := unquote_plus(text)) == text:
                return False
            text = further
        return True  # encoded over and over: nobody writes that to be read


def name_key(name: str) -> str:
    """A name as names are compared: `X-Amz-Signature`, `x_amz_signature` and `xAmz%53ignature` are one."""
    if "%" in name or "+" in name:
        name = unquote_plus(unquote_plus(name))
    return _BETWEEN.sub("", name).lower()


_BETWEEN = re.compile(r"[\W_]")


@lru_cache(maxsize=4096)
def _known(key: str) -> bool:
    return key in WHOLE or key.endswith(ENDS) or any(part in key for part in PARTS)
