"""Secrets that are none, made while tests run: no file of the repository holds one that a scanner would take for real.

`AKIA{u16}` is 16 characters drawn after `AKIA`; `detect.detector.Detector.example` says what may stand in braces.
"""

from __future__ import annotations

import random
import re
import string

ALPHABETS = {
    "w": string.ascii_letters + string.digits,
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "b": string.ascii_letters + string.digits + "-_",
}
DRAWN = re.compile(r"\{([wulhdb])([0-9]+)\}")


def sample(template: str, seed: object = 0) -> str:
    """The same for the same template and seed. What is drawn neither begins nor ends with a sign."""
    draw = random.Random(f"{template}/{seed}")

    def drawn(match: re.Match[str]) -> str:
        alphabet, length = ALPHABETS[match[1]], int(match[2])
        body = [draw.choice(alphabet) for _ in range(length)]
        for place in (0, -1):
            body[place] = draw.choice(alphabet.rstrip("-_"))
        return "".join(body)

    return DRAWN.sub(drawn, template)
