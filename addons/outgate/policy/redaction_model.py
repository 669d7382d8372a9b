"""What documents say about redaction and capture, compiled: frozen values, each with where it came from.

Owns the vocabulary that front-ends emit and `redact`, `capture` and the data plane carry out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from outgate.policy.hosts import matches
from outgate.policy.model import Source


class Direction(StrEnum):
    """Of what is looked at."""

    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"
    BOTH = "BOTH"


class Carrier(StrEnum):
    """Where a value stands."""

    HEADER = "header"
    """By name; trailers too."""
    COOKIE = "cookie"
    """By name, in `cookie` and `set-cookie`."""
    QUERY = "query"
    PATH = "path"
    """A template such as `/users/{id}/*`; what stands in braces is taken."""
    FIELD = "field"
    """Of a form."""
    PART = "part"
    """Of a multipart body, by name."""
    KEY = "key"
    """By the words of a name, wherever names are: headers, query, forms, JSON, XML, CSV. `card number` fits
    `card_number`, `cardNumber` and `X-Card-Number`."""
    JSON_PATH = "jsonPath"
    """RFC 9535."""
    XPATH = "xpath"
    PROTOBUF = "protobuf"
    """Field numbers with dots: `3.1`."""
    BODY = "body"
    """All of it. The expression is empty."""


class Strategy(StrEnum):
    """What becomes of a value."""

    REMOVE = "remove"
    """It goes, with its name where the format allows that."""
    CONSTANT = "constant"
    MASK = "mask"
    """Each character becomes `*` but for the last `keep`."""
    TOKEN = "token"
    """The same token for the same value, within one export."""
    FORMAT = "format"
    """Another value of the same format, the same for the same value, within one export."""
    HASH = "hash"
    KEEP = "keep"
    """It stays, whatever other rules say."""


class Format(StrEnum):
    """What FORMAT makes; EMPTY: what the value looks like."""

    EMPTY = ""
    CARD = "card"
    IBAN = "iban"
    PHONE = "phone"
    EMAIL = "email"
    UUID = "uuid"
    DATE = "date"
    HEX = "hex"


class Mode(StrEnum):
    """What becomes of what no rule speaks of."""

    DETECT = "detect"
    """It stays where no detector knows it."""
    ALLOW = "allow"
    """Strings become tokens; numbers, booleans and what a rule keeps stay."""


@dataclass(frozen=True, slots=True)
class Replacement:
    strategy: Strategy = Strategy.TOKEN
    text: str = "REDACTED"
    """Of CONSTANT."""
    keep: int = 0
    """Of MASK."""
    format: Format = Format.EMPTY


@dataclass(frozen=True, slots=True)
class Selector:
    carrier: Carrier
    expression: str = ""
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RedactionRule:
    """What its selectors, detectors or patterns find is replaced. With selectors, what the others find where those
    are."""

    name: str
    selectors: tuple[Selector, ...] = ()
    detectors: tuple[str, ...] = ()
    """Names of detectors, or of classes of them: `card`, `aws-access-key`, `secrets`, `pii`."""
    patterns: tuple[str, ...] = ()
    """In RE2: what they match is found, as by a detector of the rule's own."""
    replacement: Replacement = field(default_factory=Replacement)
    direction: Direction = Direction.BOTH
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """Which exchanges. Empty: all; of each kind any one has to fit."""

    hosts: tuple[str, ...] = ()
    """As destinations write them: `api.example`, `*.example`."""
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Exact, or a prefix with `*` at its end."""
    media_types: tuple[str, ...] = ()
    """Of either body: `application/json`, `text/*`."""

    def fits(self, host: str, method: str, path: str, media_types: Collection[str] | None = None) -> bool:
        """Whether an exchange is one of them: a canonical host, a path without its query, the media types of both
        bodies in lower case and without parameters. None: of bodies nothing is known yet, and any could come."""
        return (
            (not self.hosts or any(matches(each, host) for each in self.hosts))
            and (not self.methods or method in self.methods)
            and (not self.paths or any(_begins(path, each) for each in self.paths))
            and (media_types is None or self.has(media_types))
        )

    def has(self, media_types: Collection[str]) -> bool:
        """Whether the bodies are of a kind that is looked for."""
        return not self.media_types or any(_begins(given, each) for given in media_types for each in self.media_types)


class Action(StrEnum):
    """What becomes of a live message in which a rule finds something."""

    MASK = "mask"
    """It goes on with what the rule makes of the value."""
    BLOCK = "block"
    """It does not go on."""


class Opaque(StrEnum):
    """What becomes of a live body in no format that is known, such as a picture or an archive."""

    BLOCK = "block"
    SCAN = "scan"
    """It is looked through for texts."""


class Split(StrEnum):
    """What becomes of a stream in which something goes on from event to event, or message to message, that a rule
    finds in what they say together."""

    BLOCK = "block"
    """It ends before all of that has left."""
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Inline:
    """The rules of a document are about live messages, too. The default rules never are."""

    action: Action
    direction: Direction = Direction.BOTH
    max_body: int = 1024 * 1024
    """Bytes, decoded, that are held back to be looked at; of a stream, of each event, line or message in it."""
    opaque: Opaque = Opaque.BLOCK
    split: Split = Split.BLOCK
    force_signed: bool = False
    """Masked also where a signature covers it, which breaks the signature."""


@dataclass(frozen=True, slots=True)
class RedactionPolicy:
    """One `EgressRedaction`. The rules of all that match an exchange hold together, the first one that speaks of a
    value decides."""

    name: str
    matching: Matching = field(default_factory=Matching)
    rules: tuple[RedactionRule, ...] = ()
    defaults: bool = True
    """The default rules hold after these."""
    mode: Mode = Mode.DETECT
    max_body: int = 1024 * 1024
    """Bytes, decoded; a larger body is dropped from captures."""
    inline: Inline | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class VaultPolicy:
    """Where what replacements stand for is kept, sealed to whoever has a private key. Both are absolute paths."""

    key: str
    """A file with the public key, in PEM."""
    folder: str


@dataclass(frozen=True, slots=True)
class CapturePolicy:
    """One `EgressCapture`."""

    name: str
    matching: Matching = field(default_factory=Matching)
    folder: str = ""
    """Absolute."""
    sampling: float = 1.0
    """0 to 1, of the exchanges that match."""
    max_body: int = 1024 * 1024
    """Bytes of a body that are kept, decoded; a larger one is left out and said to be."""
    denied: bool = True
    """Denied attempts, too."""
    rotate_bytes: int = 64 * 1024 * 1024
    """Of one file."""
    rotate_seconds: float = 3600.0
    retention: float = 7 * 24 * 3600.0
    """Seconds after which a file is deleted; 0: never."""
    max_bytes: int = 1024 * 1024 * 1024
    """Of all files in the folder; the oldest go."""
    vault: VaultPolicy | None = None
    """Turned over and deleted as the capture is."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class KeepingPolicy:
    """Everything that documents say. Of captures the first that matches an exchange takes it."""

    redactions: tuple[RedactionPolicy, ...] = ()
    captures: tuple[CapturePolicy, ...] = ()


def unplaced(redaction: RedactionPolicy) -> RedactionPolicy:
    """The same wherever it is written."""
    rules = tuple(
        replace(rule, source=None, selectors=tuple(replace(each, source=None) for each in rule.selectors))
        for rule in redaction.rules
    )
    return replace(redaction, source=None, rules=rules)


def _begins(text: str, pattern: str) -> bool:
    """Whether a text is the pattern, or begins with what stands before its `*`."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
