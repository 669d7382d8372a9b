"""Values that others beside them name, as in `{"name": "X-Token", "value": "..."}` and in keys as JSON (RFC 7517).

Owns which keys say such names, and whose they are: those of the value beside, the nearest one before it or else the
first one after; which members of a key are secret; and what is in a Secret of Kubernetes or of a key vault.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.leaf import Found, Leaf, Path, object_of

NAMING = frozenset(
    (
        *("name", "key", "k", "header", "headername", "field", "param", "parameter", "attribute", "property", "label"),
        "keyname",
        "path",  # of JSON Patch (RFC 6902) and SCIM
        "system",  # of FHIR's identifiers
    )
)
VALUED = frozenset({"value", "val", "v", "values", "attributevalue"})
KEY_TYPE = "kty"
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of an object with a `KEY_TYPE`: all others are public."""
KIND, SECRET_KINDS = "kind", frozenset({"Secret", "SecretList"})
DATA = frozenset({"data", "stringData"})
"""Members of a Secret: what is in them is secret, whatever it is called."""
STORED, OF_SECRETS = "id", "/secrets/"
"""A key vault's answer names the secret by its address."""


class Pairs:
    """Of one document, whose values are asked for in their order."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._first: dict[Path, str] = {}
        self._current: dict[Path, str] = {}
        self._keys: set[Path] = set()
        self._secrets: set[Path] = set()
        self._vaults: set[Path] = set()
        for each in found:
            if each.name.lower() in NAMING and type(each) is Leaf:
                self._first.setdefault(object_of(each.path), each.text)
            elif each.name == KEY_TYPE:
                self._keys.add(each.path[:-1])
            elif each.name == KIND and type(each) is Leaf and each.text in SECRET_KINDS:
                self._secrets.add(each.path[:-1])
            elif each.name == STORED and type(each) is Leaf and OF_SECRETS in each.text:
                self._vaults.add(each.path[:-1])

    def __bool__(self) -> bool:
        return bool(self._first or self._keys or self._secrets or self._vaults)

    def name(self, found: Found) -> str:
        """Empty: none stands beside it."""
        called = found.name.lower()
        if called in PRIVATE and found.path[:-1] in self._keys:
            return "private key"
        if self._secrets and self._is_in_secret(found.path):
            return "secret"
        if called in VALUED and found.path[:-1] in self._vaults:
            return "secret"
        if called in NAMING and type(found) is Leaf:
            self._current[object_of(found.path)] = found.text
        elif called in VALUED:
            beside = object_of(found.path)
            return self._current.get(beside) or self._first.get(beside, "")
        elif found.path in self._first and not str(found.path[-1]).startswith("@"):
            return self._current.get(found.path, "")
        return ""

    def _is_in_secret(self, path: Path) -> bool:
        return any(path[:at] in self._secrets and not DATA.isdisjoint(path[at:-1]) for at in range(len(path) - 1))
