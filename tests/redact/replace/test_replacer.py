"""Every strategy, and what holds for all of them: joins inside an export, none between two."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.redaction_model import Format, Replacement, Strategy
from outgate.redact.replace.formats.card import checksum
from outgate.redact.replace.formats.look import MAKERS, certain
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import TOKEN, Replacer
from redact.replace.making import shape

MASTER = bytes(range(32))
OURS = Replacer(Keys(MASTER, "ours", "policy"))
OTHERS = Replacer(Keys(MASTER, "others", "policy"))
FORMAT = Replacement(Strategy.FORMAT)
CARD = "4242 4242 4242 4242"
VALUES = {
    "card": CARD,
    "iban": "DE89 3704 0044 0532 0130 00",
    "phone": "+49 30 901820123",
    "email": "Ann.Lee@corp.example",
    "uuid": "0b1c6b2e-8a3f-4b60-9c53-0e8d1f6f7a10",
    "date": "2024-02-29T10:11:12Z",
    "hex": "9f86d081884c7d65",
}


def made(strategy, text="Ann Lee", class_="name", **more):
    return OURS.replace(Replacement(strategy, **more), class_, text)


def faked(text, class_="value", wanted=Format.EMPTY, by=OURS, subject=""):
    return by.replace(Replacement(Strategy.FORMAT, format=wanted), class_, text, subject)


class TestStrategies:
    def test_it_goes(self):
        assert made(Strategy.REMOVE) is None

    def test_it_stays(self):
        assert made(Strategy.KEEP) == "Ann Lee"

    def test_a_constant(self):
        assert made(Strategy.CONSTANT) == "REDACTED"
        assert OURS.replace(Replacement(Strategy.CONSTANT, text=""), "name", "Ann Lee") == ""

    @pytest.mark.parametrize(
        ("text", "keep", "masked"),
        [
            ("secret", 0, "******"),
            ("secret", 2, "****et"),
            ("secret", 3, "***ret"),
            ("secret", 4, "******"),
            ("", 4, ""),
        ],
    )
    def test_a_mask_never_leaves_more_than_half(self, text, keep, masked):
        assert made(Strategy.MASK, text, keep=keep) == masked

    def test_a_token_tells_its_class(self):
        assert re.fullmatch(r"tok_name_[a-z2-7]{16}", made(Strategy.TOKEN))
        assert re.fullmatch(r"tok_aws-key_[a-z2-7]{16}", made(Strategy.TOKEN, class_="AWS key!"))
        assert made(Strategy.TOKEN, class_="é").startswith("tok_value_")

    def test_a_hash_is_keyed(self):
        assert re.fullmatch(r"[0-9a-f]{64}", made(Strategy.HASH))
        assert made(Strategy.HASH) != OTHERS.replace(Replacement(Strategy.HASH), "name", "Ann Lee")

    @pytest.mark.parametrize("strategy", [Strategy.TOKEN, Strategy.HASH, Strategy.FORMAT, Strategy.MASK])
    def test_nothing_stays_nothing(self, strategy):
        assert made(strategy, "") == ""


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_a_token_survives_everywhere(text, class_):
    token = OURS.token(class_, text)
    assert TOKEN.fullmatch(token)
    assert quote(token, safe="") == token == json.dumps(token)[1:-1]
    assert token == OURS.token(class_, text) != OTHERS.token(class_, text)


@given(st.text(min_size=1, max_size=40) | st.sampled_from(list(VALUES.values())), st.sampled_from(Format))
def test_a_fake_is_never_the_value_and_the_same_in_one_export_alone(text, wanted):
    found = faked(text, wanted=wanted)
    assert found != text
    assert found == faked(text, wanted=wanted)


@pytest.mark.parametrize("name", VALUES)
def test_another_export_has_other_fakes(name):
    exports = {faked(VALUES[name], by=Replacer(Keys(MASTER, str(each), "p"))) for each in range(8)}
    assert len(exports) > 4


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("told", ["by its look", "by its class", "by the rule"])
def test_a_fake_has_the_format_that_was_there(name, told):
    wanted = Format(name) if told == "by the rule" else Format.EMPTY
    found = faked(VALUES[name], name if told == "by its class" else "value", wanted)
    assert name == "date" or MAKERS[name].read(found) is not None
    assert name in ("email", "hex", "uuid") or shape(found) == shape(VALUES[name])


def test_what_has_not_the_wanted_format_keeps_the_one_it_has():
    assert certain(faked("ann@corp.example", wanted=Format.CARD)) == "email"
    assert shape(faked("Ann Lee 12", wanted=Format.IBAN)) == "Aaa Aaa 00"


def test_what_has_no_letter_and_no_digit_becomes_a_token():
    assert TOKEN.fullmatch(faked("--"))


def test_a_text_that_is_too_long_becomes_a_token():
    assert shape(faked("a b" * 1000)) == "a a" * 1000
    assert TOKEN.fullmatch(faked("a b" * 30_000))


class TestJoins:
    def test_equal_values_join_however_they_are_punctuated_and_keep_their_own(self):
        plain, hyphens = faked(CARD.replace(" ", "")), faked(CARD.replace(" ", "-"))
        assert hyphens.replace("-", "") == plain == faked(CARD).replace(" ", "")
        assert hyphens[4] == "-"

    @pytest.mark.parametrize("strategy", [Strategy.TOKEN, Strategy.HASH, Strategy.FORMAT])
    def test_equal_values_join_whatever_found_them(self, strategy):
        found = {OURS.replace(Replacement(strategy), class_, "Ann@Corp.example") for class_ in ("email", "user", "pii")}
        found.add(OURS.replace(Replacement(strategy), "login", "ann@corp.EXAMPLE"))
        assert len(found) == 1

    def test_what_is_certain_of_no_format_joins_by_its_class(self):
        assert made(Strategy.TOKEN, "030/901820", "phone") == made(Strategy.TOKEN, "030 90 18 20", "phone")
        assert made(Strategy.TOKEN, "42", "age") != made(Strategy.TOKEN, "42", "count")

    def test_composed_and_decomposed_letters_are_the_same(self):
        assert made(Strategy.TOKEN, "Jos\u00e9") == made(Strategy.TOKEN, "Jose\u0301")

    def test_many_cards_have_as_many_fakes(self):
        cards = [body + checksum(body) for body in (f"424242{each:09}" for each in range(3000))]
        assert len({faked(card) for card in cards}) == 3000


class TestDates:
    def test_all_of_one_subject_move_alike_and_back(self):
        first, second = faked("2024-03-10", subject="ann"), faked("2024-03-12T01:02:03Z", subject="ann")
        assert first < "2024-03-10"
        assert int(second[8:10]) - int(first[8:10]) in (2, 2 - 28, 2 - 29, 2 - 30, 2 - 31)
        assert second.endswith("T01:02:03Z")

    def test_another_subject_and_another_export_move_otherwise(self):
        assert len({faked("2024-03-10", subject=str(each)) for each in range(20)}) > 10
        assert len({faked("2024-03-10", by=Replacer(Keys(MASTER, str(each), "p"))) for each in range(20)}) > 10

    def test_seconds_are_a_date_where_a_rule_says_so(self):
        assert (int(faked("1709251200", wanted=Format.DATE)) - 1709251200) % 86400 == 0
        assert int(faked("1709251200")) % 86400 != 0

    def test_digits_alone_are_a_date_where_a_rule_says_so(self):
        assert faked("20240310", wanted=Format.DATE)[:4] in ("2023", "2024")
        assert len(faked("20240310")) == 8


class TestWebTokens:
    @staticmethod
    def encoded(value):
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def token(self, claims):
        return f"{self.encoded({'alg': 'RS256', 'kid': 'k'})}.{self.encoded(claims)}.{'c2ln' * 10}"

    @staticmethod
    def claims(token):
        part = token.split(".")[1]
        return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    def test_header_and_shape_stay_and_claims_join_with_everything_else(self):
        text = self.token({"sub": "ann", "email": "ann@corp.example", "exp": 1709251200, "admin": True, "level": 42})
        found = faked(text)
        claims = self.claims(found)
        assert json.loads(urlsafe_b64decode(found.split(".")[0] + "==")) == {"alg": "RS256", "kid": "k"}
        assert claims["email"] == faked("ann@corp.example")
        assert claims["sub"] == OURS.token("sub", "ann")
        assert (claims["exp"] - 1709251200) % 86400 == 0 > claims["exp"] - 1709251200
        assert claims["admin"] is True
        assert claims["level"] in range(10, 100)
        assert claims["level"] != 42
        signatures = text.split(".")[2], found.split(".")[2]
        assert signatures[0] != signatures[1]
        assert len(signatures[0]) == len(signatures[1])

    def test_one_that_says_nothing_is_another_all_the_same(self):
        text = self.encoded({"alg": "none"}).replace("ICJ", "IiI") + ".e30."
        assert faked(text) != text

    def test_numbers_of_any_size_stay_numbers(self):
        claims = self.claims(faked(self.token({"big": 10**40, "small": 1e-7, "not": float("nan")})))
        assert (len(str(claims["big"])), claims["small"] < 1e-6) == (41, True)
