"""Numbers of states: published examples are right, and what is one digit off mostly is not."""

import pytest

from outgate.redact.detect import national_checks as national
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
    national.cnpj: ["11.222.333/0001-81"],
    national.belgian: ["85.07.30-033.28", "17.07.30-033.84"],
    national.swiss: ["756.9217.0769.85"],
    national.singaporean: ["S1234567D", "T1234567J", "F1234567N", "G1234567X"],
    national.hong_kong: ["A123456(3)", "AB987654(3)"],
    national.taiwanese: ["A123456789"],
    national.south_african: ["8001015009087"],
    national.vehicle: ["1HGCM82633A004352", "1M8GDM9AXKP042788"],
    national.routing: ["021000021", "011401533"],
    national.tax_file: ["123 456 782"],
    national.citizen_service: ["111222333"],
    national.pesel: ["44051401359"],
    national.nif: ["123456789"],
    national.insured: ["15070649C103", "65070803A019"],
    national.turkish: ["10000000146", "36493665440"],
    national.tax_id: ["86095742719", "65 929 970 489"],
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


def test_seventeen_digits_are_no_vehicle():
    assert not national.vehicle("85872290979354091")
    assert not national.vehicle("11111111111111111")


def test_a_number_without_check_digits_is_told_by_its_form_alone():
    assert BY_NAME["kr-resident-number"].check is BY_NAME["uk-nino"].check is None
