"""Which format a text has.

Owns the order in which formats are tried, and which of them a text can hardly have by chance.
"""

from __future__ import annotations

from outgate.redact.replace.formats import (
    Maker,
    address,
    base64,
    card,
    email,
    hexadecimal,
    iban,
    jwt,
    letters,
    number,
    phone,
    uuid,
)

MAKERS: dict[str, Maker] = {
    "address": address,
    "base64": base64,
    "card": card,
    "email": email,
    "hex": hexadecimal,
    "iban": iban,
    "letters": letters,
    "number": number,
    "phone": phone,
    "uuid": uuid,
}
"""By the name that a document, a class or a look gives."""
PUNCTUATED = frozenset({"card", "email", "hex", "iban", "phone", "uuid"})
"""Those in which one value can be written in several ways."""


def certain(text: str) -> str:
    """The name of the format that a text hardly has by chance; empty: of none."""
    if uuid.read(text) is not None:
        return "uuid"
    if "@" in text and email.read(text) is not None:
        return "email"
    if iban.read(text) is not None:
        return "iban"
    digits = card.read(text)
    if digits is not None and card.network(digits):
        return "card"
    if phone.certain(text) and phone.read(text) is not None:
        return "phone"
    return "jwt" if text.startswith("eyJ") and jwt.read(text) is not None else ""


def likely(text: str) -> str:
    """The name of the format that it most likely has: any text has letters."""
    if address.read(text) is not None:
        return "address"
    if hexadecimal.certain(text):
        return "hex"
    if base64.certain(text):
        return "base64"
    return "number" if number.read(text) is not None else "letters"
