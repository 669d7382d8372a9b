"""Names in bodies that may be values: an e-mail address as a key, a token as the name of a parameter.

Owns which names are plain words, and how deep things may lie in each other.
"""

from __future__ import annotations

import re

from outgate.redact.detect.randomness import SHORTEST, random

DEEPEST = 100
"""Objects in objects, elements in elements: each value's path is as long as it lies deep."""
PLAIN = re.compile(
    r"[$@#_]?+(?:[^\W\d](?:[^\W\d]|[:-]){0,31}+[0-9]{0,4}+[\[\]. :-]{0,2}+){1,4}(?:[0-9]{1,4}\]?)?|[0-9]{0,4}"
)
"""Words with at most a few digits each, as schemas have them."""


def telling(name: str) -> bool:
    """Whether a name may say something about somebody."""
    return PLAIN.fullmatch(name) is None or (len(name) >= SHORTEST and random(name))
