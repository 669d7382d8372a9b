"""Numbers of states: published examples are right, and what is one digit off mostly is not."""

import pytest

from outgate.redact.detect import national
from outgate.redact.detect.patterns import BY_NAME

NUMBERS = {
    national.cpf: ["529.982.247-25", "111.444.777-35"],
    national.dni: ["12345678Z", "X1234567L", "Z-1234567-R"],
    national.codice_fiscale: ["RSSMRA85T10A562S", "MRTMTT91D08F205J"],
    national.nir: ["1 85 05 78 006 084 91", "255081416802538"],
    national.resident: ["11010519491231002X", "440524188001010014"],
    national.curp: ["BOXW310820HNERXN09"],
    national.hetu: ["131052-308T"],
    national.aadhaar: ["2341 2341 2346"],
    national.personnummer: ["811228-9874", "19811228-9874"],
    national.social_insurance: ["130 692 544", "046 454 286"],
    national.nhs: ["943 476 5919"],
}
RIGHT = [(check, number) for check, numbers in NUMBERS.items() for number in numbers]


@pytest.mark.parametrize(("check", "number"), RIGHT)
def test_it_is_one(check, number):
    assert check(number)


@pytest.mark.parametrize(("check", "number"), RIGHT)
def test_with_a_wrong_digit_it_is_none(check, number):
    wrong = [
        f"{number[:place]}{digit}{number[place + 1 :]}"
        for place, right in enumerate(number)
        for digit in "0123456789"
        if right.isdigit() and digit != right and not (check is national.personnummer and place < len(number) - 11)
    ]
    assert sum(map(check, wrong)) <= len(wrong) // 5


@pytest.mark.parametrize("number", ["111.111.111-11", "000.000.000-00"])
def test_one_digit_for_all_is_nobody(number):
    assert not national.cpf(number)


def test_a_number_without_check_digits_is_told_by_its_form_alone():
    assert BY_NAME["kr-resident-number"].check is BY_NAME["uk-nino"].check is None
