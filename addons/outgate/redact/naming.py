"""What the keys of a document mean under the rules, remembered: an API's answers have the same ones each time.

Owns which of them matter to a glance, and its bounds. Sees no value, and remembers no keys that may be somebody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from outgate.policy.redaction_model import Carrier
from outgate.redact.codecs import names
from outgate.redact.codecs.json_cut import said
from outgate.redact.detect.names import classify
from outgate.redact.detect.search import beside
from outgate.redact.meanings import GENERAL, together
from outgate.redact.pairs import DATA, KEY_TYPE, KIND, NAMING, PRIVATE, STORED, VALUED
from outgate.redact.persons import ALONE, TELLING

QUERY = "query"
"""What may be a document of GraphQL."""
MOST, LONGEST = 256, 4096
"""Sets of keys, and the characters of one."""

telling = lru_cache(8192)(names.telling)


class Naming(NamedTuple):
    """Of the keys of a document, as they are written."""

    names: frozenset[str]
    """What they say."""
    ruled: frozenset[str]
    """Those whose values matter, whatever they are."""
    telling: frozenset[str]
    """Those that may be values themselves."""
    beside: Mapping[str, str]
    """Those whose values some detectors look at, and what they say."""


class Namings:
    """Under one book. `called`: which rule is for a name."""

    def __init__(self, called: Callable[[Carrier, str], int | None]) -> None:
        self._called = called
        self._known: dict[frozenset[str], Naming] = {}

    def of(self, keys: frozenset[str]) -> Naming:
        if (known := self._known.get(keys)) is not None:
            return known
        made = self._made({key: said(key) for key in keys})
        if not made.telling and sum(map(len, keys)) <= LONGEST:
            if len(self._known) >= MOST:
                self._known = {}
            self._known[keys] = made
        return made

    def _made(self, names: Mapping[str, str]) -> Naming:
        ruled = {key for key, name in names.items() if name == QUERY or self._called(Carrier.KEY, name) is not None}
        naming = {key for key, name in names.items() if name.lower() in NAMING}
        valued = {key for key, name in names.items() if name.lower() in VALUED}
        if naming and valued:
            ruled |= naming | valued
        ruled |= self._together(names)
        alone = {key for key, name in names.items() if name.lower() in ALONE}
        if alone and any(classify(name) in TELLING for name in names.values()):
            ruled |= alone
        if KEY_TYPE in names.values():
            ruled |= {key for key, name in names.items() if name == KEY_TYPE or name in PRIVATE}
        if KIND in names.values() and not DATA.isdisjoint(names.values()):
            ruled |= names.keys()
        if valued and STORED in names.values():
            ruled |= valued | {key for key, name in names.items() if name == STORED}
        odd = frozenset(key for key, name in names.items() if telling(name))
        aside = {key: name for key, name in names.items() if beside(name)}
        return Naming(frozenset(names.values()), frozenset(ruled), odd, aside)

    def _together(self, names: Mapping[str, str]) -> set[str]:
        """Those that matter inside of another one."""
        general = {key: name for key, name in names.items() if name.lower() in GENERAL}
        pairs = product(general.items(), names.values()) if general else ()
        found = ((key, together(name, (around, name))) for (key, name), around in pairs)
        return {key for key, said in found if said and self._called(Carrier.KEY, said) is not None}
