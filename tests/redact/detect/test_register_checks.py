"""Numbers of registers: published examples are right, and what is one digit off mostly is not."""

import pytest

from outgate.redact.detect import register_checks as registers

NUMBERS = {
    registers.norwegian: ["15108695088", "151086 95088"],
    registers.danish: ["211062-5629"],
    registers.icelandic: ["450401-3150", "120174-3399"],
    registers.nordic: ["211062-5629", "120174-3399"],
    registers.baltic: ["36805280109", "33309240064"],
    registers.latvian: ["161175-19997"],
    registers.czech: ["710319/2745"],
    registers.romanian: ["1630615123457"],
    registers.bulgarian: ["7523169263"],
    registers.yugoslav: ["0101006500006"],
    registers.greek_tax: ["094259216"],
    registers.hungarian: ["111 111 127"],
    registers.hungarian_tax: ["8071592153"],
    registers.polish_tax: ["856-734-62-15"],
    registers.austrian: ["1237 010180"],
    registers.irish: ["6433435F", "6433435FT", "1234567FA"],
    registers.russian_insurance: ["112-233-445 95"],
    registers.russian_tax: ["500100732259"],
    registers.ukrainian: ["1759013776"],
    registers.kazakh: ["801010300103"],
    registers.argentine: ["20-05536168-2"],
    registers.chilean: ["12.531.909-2"],
    registers.mexican_tax: ["GODE561231GR8"],
    registers.uruguayan: ["1.234.567-2"],
    registers.peruvian_tax: ["20512333797"],
    registers.colombian_tax: ["213.123.432-1"],
    registers.new_zealand: ["49-091-850", "136-410-132"],
    registers.australian_business: ["51 824 753 556"],
    registers.thai: ["1-2345-45678-78-1"],
    registers.japanese: ["6285 4720 1867"],
    registers.luhn_number: ["1000000008", "07643520567"],
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
        if right.isdigit() and digit != right
    ]
    assert sum(map(check, wrong)) <= len(wrong) // 5


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (registers.norwegian, "00000000000"),
        (registers.nordic, "991399-0000"),
        (registers.baltic, "99999999999"),
        (registers.czech, "202413/0006"),
        (registers.mexican_tax, "ABCD991399AB0"),
    ],
)
def test_a_day_that_no_calendar_has_is_nobodys(check, number):
    assert not check(number)


@pytest.mark.parametrize(
    ("number", "right"), [("850923-14-5678", True), ("850923-00-5678", False), ("851323-14-5678", False)]
)
def test_where_there_is_no_check_digit_the_date_and_the_place_count(number, right):
    assert registers.malaysian(number) is right


def test_one_digit_for_all_is_nobody():
    assert not registers.luhn_number("00000000000")
