"""Whether what looks like the number of a person or a firm can be one: the check digits of states.

Owns a check for each such number, text to yes or no. Each is given what its pattern matched.
"""

from __future__ import annotations

from collections.abc import Sequence

from outgate.redact.detect.checksums import luhn, verhoeff, weighted
from outgate.redact.detect.validators import digits

DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
"""The letters for what is left of the number modulo 23."""
_FISCAL_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
"""Letters for the numbers from 10 on."""
_SINGAPORE = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT", "M": "JLKXWUTRQPN"}
_VEHICLE = str.maketrans("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789")


def cpf(text: str) -> bool:
    """Brazil: two check digits."""
    number = digits(text)
    return len(set(number)) > 1 and all(
        weighted(number[:length], range(length + 1, 1, -1)) * 10 % 11 % 10 == int(number[length]) for length in (9, 10)
    )


def dni(text: str) -> bool:
    """Spain: a letter that is the number modulo 23. Foreigners have X, Y or Z for the first digit."""
    number = text.replace("-", "").replace(" ", "").upper()
    return DNI[int(number[:-1].translate(str.maketrans("XYZ", "012"))) % 23] == number[-1]


def codice_fiscale(text: str) -> bool:
    """Italy: digits and letters count alike, odd places by a table."""
    places = [int(each) if each.isdigit() else ord(each) - ord("A") for each in text[:15]]
    total = sum(_FISCAL_ODD[value] if place % 2 == 0 else value for place, value in enumerate(places))
    return chr(ord("A") + total % 26) == text[15]


def nir(text: str) -> bool:
    """France: the key is 97 less the number modulo 97; Corsica counts as 19 and 18."""
    number = text.replace(" ", "").upper().replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number[:13]) % 97 == int(number[13:])


def resident(text: str) -> bool:
    """China: ISO 7064, modulo 11."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(text[:17], weights) % 11] == text[17].upper()


def curp(text: str) -> bool:
    """Mexico."""
    total = sum(_CURP.index(each) * (18 - place) for place, each in enumerate(text[:17]))
    return (10 - total % 10) % 10 == int(text[17])


def hetu(text: str) -> bool:
    """Finland: the date and the number modulo 31."""
    return _HETU[int(text[:6] + text[7:10]) % 31] == text[10]


def aadhaar(text: str) -> bool:
    return verhoeff(digits(text))


def personnummer(text: str) -> bool:
    """Sweden: Luhn, without the century."""
    return luhn(digits(text)[-10:])


def social_insurance(text: str) -> bool:
    """Canada."""
    return luhn(digits(text))


def nhs(text: str) -> bool:
    """England: modulo 11."""
    number = digits(text)
    return len(set(number)) > 1 and _modulo_11(number, range(10, 1, -1))


def _modulo_11(number: str, weights: Sequence[int]) -> bool:
    return (11 - weighted(number[:-1], weights) % 11) % 11 == int(number[-1])


def cnpj(text: str) -> bool:
    """Brazil, firms."""
    number = digits(text)
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return all(
        (11 - weighted(number[:length], weights[13 - length :]) % 11) % 11 % 10 == int(number[length])
        for length in (12, 13)
    )


def belgian(text: str) -> bool:
    """97 less the number modulo 97; from 2000 on with a 2 in front."""
    number = digits(text)
    return any(97 - int(century + number[:9]) % 97 == int(number[9:]) for century in ("", "2"))


def swiss(text: str) -> bool:
    """As EAN-13 has it."""
    return weighted(digits(text), (1, 3) * 6 + (1,)) % 10 == 0


def singaporean(text: str) -> bool:
    return _SINGAPORE[text[0]][weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2)) % 11] == text[8]


def hong_kong(text: str) -> bool:
    """Letters count from 10, none as 36, the check digit A as 10."""
    number = text.replace("(", "").replace(")", "")
    places = [36] * (9 - len(number)) + [int(each, 36) for each in number]
    return sum(value * weight for value, weight in zip(places, range(9, 0, -1), strict=True)) % 11 == 0


def taiwanese(text: str) -> bool:
    letter = _TAIWAN.index(text[0]) + 10
    return weighted(f"{letter}{text[1:]}", (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0


def south_african(text: str) -> bool:
    return luhn(text)


def vehicle(text: str) -> bool:
    """North America: the ninth is the rest modulo 11. Digits alone are a time or a count."""
    if text.isdigit():
        return False
    values = text.translate(_VEHICLE)[:8] + "0" + text.translate(_VEHICLE)[9:]
    return "0123456789X"[weighted(values, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)) % 11] == text[8]


def insured(text: str) -> bool:
    """Germany, pensions: the letter counts as two digits, and of products the digits are added up."""
    number = f"{text[:8]}{ord(text[8]) - ord('A') + 1:02}{text[9:]}"
    products = (
        int(digit) * weight for digit, weight in zip(number, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=False)
    )
    return sum(product // 10 + product % 10 for product in products) % 10 == int(number[12])


def turkish(text: str) -> bool:
    """Turkey: two check digits, of the odd and the even places, and of all."""
    number = [int(digit) for digit in text]
    odd, even = sum(number[0:9:2]), sum(number[1:8:2])
    return (odd * 7 - even) % 10 == number[9] and sum(number[:10]) % 10 == number[10]


def routing(text: str) -> bool:
    """Banks of the USA."""
    return weighted(digits(text), (3, 7, 1) * 3) % 10 == 0


def tax_file(text: str) -> bool:
    """Australia."""
    return weighted(digits(text), (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def citizen_service(text: str) -> bool:
    """Netherlands."""
    return weighted(digits(text), (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pesel(text: str) -> bool:
    """Poland."""
    return weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def nif(text: str) -> bool:
    """Portugal."""
    number = digits(text)
    return (11 - weighted(number[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(number[8])


def tax_id(text: str) -> bool:
    """Germany: ISO 7064, modulo 11 and 10."""
    product = 10
    for digit in digits(text)[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits(text)[10])
