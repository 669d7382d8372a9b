"""What looks like a card, an account, a token can be one or not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.detect import validators
from outgate.redact.detect.validators import ACCOUNTS

YES = {
    validators.card: [
        *("4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "30569309025904"),
        *("6011111111111117", "3530111333300000", "6200000000000005", "2223003122003222", "6759649826438453"),
        *("2200000000000053", "9792030394440796"),
    ],
    validators.iban: ["DE89 3704 0044 0532 0130 00", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"],
    validators.imei: ["490154203237518", "49-015420-323751-8"],
    validators.international: ["+49 30 901820", "0049 30 901820", "+1 (415) 555-2671", "+861380013800", "+97143213456"],
    validators.telephone: ["030 901820", "555-1234"],
    validators.national: ["030 9018200", "01 23 45 67 89"],
    validators.payable: ["630412345674", "4111111111119"],
    validators.person: ["Jane Q. Doe", "Madonna", "李雷", "d'Arc, J."],
    validators.email: ["a@b.io", "jane.doe+tag@mail.example.co.uk", "a@bücher.example"],
    validators.social_security: ["219-09-9999", "078 05 1120"],
    validators.address: ["192.0.2.1", "2001:db8::1", "[::1]", "fe80::1%eth0"],
    validators.json_web_token: [
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "eyJ0eXAiOiJKV1QifQ..",
        "eyJlbmMiOiJBMjU2R0NNIn0.a.b.c.d",
    ],
    validators.basic_credentials: ["dXNlcjpwYXNz", "dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA", "Og=="],
    validators.wallet: ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"],
    validators.wallet_key: ["5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"],
}
NO = {
    validators.card: [
        "4111111111111112",
        "676147040917790724",
        "1111111111111117",
        "41111111",
        "",
        "0000000000000000",
        "4111111111111",
    ],
    validators.iban: ["DE88 3704 0044 0532 0130 00", "DE8937040044053201300", "XX89370400440532013000", ""],
    validators.imei: ["490154203237519", "49015420323751"],
    validators.international: [
        "+1 234",
        "+1 415 155 2671",
        "+999 123 456 78",
        "+49 30",
        "+49301234567890123",
        "+2101234567",
    ],
    validators.telephone: ["12", "0000000", "1234567890123456"],
    validators.national: ["0123 45", "0123 4567 89012"],
    validators.payable: ["630412345675", "000000000000"],
    validators.person: ["jane", "os.path.join", "acme.shop Module"],
    validators.email: ["logo@2x.png", "a..b@c.example", f"a@{'b' * 64}.example"],
    validators.social_security: ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"],
    validators.address: ["1.2.3", "999.1.1.1", ":::", "12:34:56"],
    validators.json_web_token: ["eyJhbGciOiJ.e30.x", "e30.e30.x", "W10.e30.x", "", "ü.e30", "a.b"],
    validators.basic_credentials: ["dXNlcg==", "user:pass", "a", "ü", "/////w=="],
    validators.wallet: [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "",
        "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
    ],
    validators.wallet_key: ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
}


@pytest.mark.parametrize(("check", "text"), [(check, text) for check, texts in YES.items() for text in texts])
def test_it_is_one(check, text):
    assert check(text)


@pytest.mark.parametrize(("check", "text"), [(check, text) for check, texts in NO.items() for text in texts])
def test_it_is_none(check, text):
    assert not check(text)


@given(st.sampled_from(sorted(YES, key=lambda check: check.__name__)), st.text(max_size=60))
def test_no_check_raises(check, text):
    assert check(text) in (True, False)


def test_accounts_are_known_by_country():
    assert len(ACCOUNTS) > 80
    assert all(re.fullmatch("[A-Z]{2}", country) and 15 <= length <= 34 for country, length in ACCOUNTS.items())
