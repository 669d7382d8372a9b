"""Whether what looks like a number out of a population, social or tax register can be one: their check digits.

Owns a check for each such number that `national_checks` has not, text to yes or no. Each is given what its pattern
matched: as many digits as it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from outgate.redact.detect.checksums import luhn, weighted
from outgate.redact.detect.validators import digits

_RFC = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"
_PPS = "WABCDEFGHIJKLMNOPQRSTUV"
_BALTIC = (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)
_BALTIC_AGAIN = (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)
_KAZAKH = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_KAZAKH_AGAIN = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_TAX_RUSSIAN = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def _rest(number: str, weights: Sequence[int], modulus: int = 11) -> int:
    """Of the weighted sum of the first digits."""
    return weighted(number[: len(weights)], weights) % modulus


def _less(number: str, weights: Sequence[int]) -> int:
    """What is missing from it to the next multiple of 11: up to 11."""
    return 11 - _rest(number, weights)


def _twice(number: str, weights: Sequence[int], again: Sequence[int]) -> bool:
    """The rest, or that of other weights where it is no digit."""
    rest = _rest(number, weights)
    rest = _rest(number, again) if rest == 10 else rest
    return rest % 10 == int(number[len(weights)])


def dated(number: str, day: int, month: int, more: tuple[int, ...] = (0,)) -> bool:
    """A day and a month of the calendar stand there. `more`: what may be added to the month."""
    return "01" <= number[day : day + 2] <= "31" and any(
        1 <= int(number[month : month + 2]) - each <= 12 for each in more
    )


def norwegian(text: str) -> bool:
    """Two check digits; 40 is added to the day of who stays for a while."""
    number = digits(text)
    if not dated(f"{int(number[0]) % 4}{number[1:]}", 0, 2):
        return False
    first, second = _less(number, (3, 7, 6, 1, 8, 9, 4, 5, 2)), _less(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return first % 11 == int(number[9]) and second % 11 == int(number[10])


def danish(text: str) -> bool:
    """Modulo 11, as nearly all have that were given out before 2007."""
    return weighted(digits(text), (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def icelandic(text: str) -> bool:
    """The ninth digit is the check, the tenth the century."""
    number = digits(text)
    return _less(number, (3, 2, 7, 6, 5, 4, 3, 2)) % 11 == int(number[8]) and number[9] in "089"


def nordic(text: str) -> bool:
    """Denmark and Iceland write theirs alike."""
    return dated(text, 0, 2) and (danish(text) or icelandic(text))


def baltic(text: str) -> bool:
    """Estonia and Lithuania: sex and century, and the date of birth."""
    return text[0] in "123456" and dated(text, 5, 3) and _twice(digits(text), _BALTIC, _BALTIC_AGAIN)


def latvian(text: str) -> bool:
    number = digits(text)
    return (1101 - weighted(number[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10 == int(number[10])


def czech(text: str) -> bool:
    """Czechia and Slovakia: a multiple of 11; those of before 1954 have no check digit. Women have 50 more months."""
    number = digits(text)
    return dated(number, 4, 2, (0, 50)) and (
        len(number) == 9 or int(number) % 11 == 0 or (int(number[:9]) % 11 == 10 and number[9] == "0")
    )


def romanian(text: str) -> bool:
    rest = _rest(text, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9))
    return (1 if rest == 10 else rest) == int(text[12])


def bulgarian(text: str) -> bool:
    return _rest(text, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 10 == int(text[9])


def yugoslav(text: str) -> bool:
    """The states that Yugoslavia was: JMBG and EMŠO."""
    less = _less(text, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return (0 if less > 9 else less) == int(text[12])


def greek_tax(text: str) -> bool:
    return _rest(text, (256, 128, 64, 32, 16, 8, 4, 2)) % 10 == int(text[8])


def hungarian(text: str) -> bool:
    """Social insurance."""
    number = digits(text)
    return _rest(number, (3, 7) * 4, 10) == int(number[8])


def hungarian_tax(text: str) -> bool:
    return _rest(text, range(1, 10)) == int(text[9])


def polish_tax(text: str) -> bool:
    number = digits(text)
    return _rest(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) == int(number[9])


def austrian(text: str) -> bool:
    """The fourth digit is the check; the date of birth follows."""
    number = digits(text)
    return dated(number, 4, 6) and weighted(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(number[3])


def irish(text: str) -> bool:
    """A letter modulo 23; a second one counts."""
    more = text[8:9].upper().translate(str.maketrans("TWXABCDEFGHI", "000123456789"))
    return _PPS[(weighted(text[:7], range(8, 1, -1)) + 9 * int(more or 0)) % 23] == text[7].upper()


def russian_insurance(text: str) -> bool:
    number = digits(text)
    return _rest(number, range(9, 0, -1), 101) % 100 == int(number[9:])


def russian_tax(text: str) -> bool:
    """Of people, with two check digits."""
    first, second = _rest(text, _TAX_RUSSIAN[1:]), _rest(text, _TAX_RUSSIAN)
    return first % 10 == int(text[10]) and second % 10 == int(text[11])


def ukrainian(text: str) -> bool:
    return _rest(text, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 10 == int(text[9])


def kazakh(text: str) -> bool:
    return _twice(text, _KAZAKH, _KAZAKH_AGAIN)


def argentine(text: str) -> bool:
    """10 is written as 9."""
    number = digits(text)
    less = _less(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return min(less, 9) == int(number[10])


def chilean(text: str) -> bool:
    """K is 10."""
    number, check = digits(text[:-1]), text[-1].upper()
    total = sum(int(digit) * (place % 6 + 2) for place, digit in enumerate(reversed(number)))
    return "0123456789K0"[11 - total % 11] == check


def mexican_tax(text: str) -> bool:
    """Firms have three letters, people four."""
    places = text.upper().rjust(13)
    if not dated(places, 8, 6):
        return False
    total = sum(_RFC.index(each) * (13 - place) for place, each in enumerate(places[:12]))
    return "0123456789A"[-total % 11] == places[12]


def uruguayan(text: str) -> bool:
    number = digits(text).rjust(8, "0")
    return -weighted(number[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(number[7])


def peruvian_tax(text: str) -> bool:
    return _less(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 10 == int(text[10])


def colombian_tax(text: str) -> bool:
    number = digits(text)
    rest = weighted(reversed(number[:-1]), (3, 7, 13, 17, 19, 23, 29, 37, 41)[: len(number) - 1]) % 11
    return (rest if rest < 2 else 11 - rest) == int(number[-1])


def new_zealand(text: str) -> bool:
    """Other weights where the first say 10."""
    number = digits(text).rjust(9, "0")
    less = _less(number, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    less = _less(number, (7, 4, 3, 2, 5, 2, 7, 6)) % 11 if less == 10 else less
    return less == int(number[8])


def australian_business(text: str) -> bool:
    number = digits(text)
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return (weighted(number, weights) - weights[0]) % 89 == 0


def malaysian(text: str) -> bool:
    """No check digit: a date of birth, and the number of a place."""
    number = digits(text)
    return dated(number, 4, 2) and number[6:8] not in ("00", "17", "18", "19", "20", "69", "70")


def thai(text: str) -> bool:
    number = digits(text)
    return _less(number, range(13, 1, -1)) % 10 == int(number[12])


def japanese(text: str) -> bool:
    number = digits(text)
    rest = _rest(number, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return (0 if rest < 2 else 11 - rest) == int(number[11])


def luhn_number(text: str) -> bool:
    """Many states: Luhn's check, and not one digit for all."""
    number = digits(text)
    return luhn(number) and len(set(number)) > 1
