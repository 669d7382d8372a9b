"""Check digits and checksums that numbers, accounts and addresses carry.

Owns the arithmetic. Knows nothing of what the numbers are for, nor of separators: callers take these out.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_RESIDUES = (1, 0x2BC830A3)
"""Of BIP 173, and of BIP 350."""
_DIHEDRAL = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_SHUFFLED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: payment cards, IMEI, and more."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += _DOUBLED[int(digit)] if place % 2 else int(digit)
    return total % 10 == 0


def mod97(text: str) -> bool:
    """ISO 7064 as IBAN has it: country and check digits are at the front, letters count from 10."""
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def weighted(digits: Iterable[str], weights: Sequence[int]) -> int:
    """The sum of each digit times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def verhoeff(digits: str) -> bool:
    """Verhoeff's check, in the dihedral group of the pentagon: Aadhaar."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = int(_DIHEDRAL[state][int(_SHUFFLED[place % 8][int(digit)])])
    return state == 0


def crc32_base62(body: str, checksum: str) -> bool:
    """CRC-32 of the body, written in base 62: how GitHub ends its tokens."""
    value, written = zlib.crc32(body.encode()), ""
    while value:
        value, digit = divmod(value, 62)
        written = BASE62[digit] + written
    return written.rjust(len(checksum), "0") == checksum


def base58check(text: str) -> bytes:
    """What an address or key in Base58Check says, without its checksum; empty where that is not right."""
    number = 0
    for character in text:
        digit = BASE58.find(character)
        if digit < 0:
            return b""
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    said = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    body, checksum = said[:-4], said[-4:]
    right = hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] == checksum
    return body if right else b""


def bech32(text: str) -> bool:
    """BIP 173 and 350: SegWit addresses, keys of Nostr and age."""
    if text not in (text.lower(), text.upper()):
        return False
    prefix, _, data = text.lower().rpartition("1")
    values = [BECH32.find(character) for character in data]
    if not prefix or len(values) < 6 or min(values) < 0:
        return False
    codes = [ord(character) for character in prefix]
    return _polymod([*(code >> 5 for code in codes), 0, *(code & 31 for code in codes), *values]) in _BECH32_RESIDUES


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_BECH32_GENERATOR):
            checksum ^= generator if top >> place & 1 else 0
    return checksum
