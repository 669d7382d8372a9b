"""Names are compared word by word, in every spelling, and what only speaks of a secret is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.detect.names import LONGEST, Names, classify, words
from outgate.redact.detect.vocabulary import CLASSES


@pytest.mark.parametrize(
    "name",
    [
        *("card_number", "card-number", "card.number", "card number", "cardNumber", "CardNumber", "CARD_NUMBER"),
        *(
            "X-Card-Number",
            "cardnumber",
            "card_number_2",
            "card__number",
            "user.cardNumber",
            "cárd_nümber",
            "cardNumbers",
        ),
    ],
)
def test_every_spelling_of_a_name_fits(name):
    assert Names([("card number", 1)]).find(name) == (1,)


@pytest.mark.parametrize(
    "name", ["discard_number", "cardnumberless", "number_card", "card", "numbers", "", "_", "card_x_number"]
)
def test_what_is_not_these_words_does_not_fit(name):
    assert Names([("card number", 1)]).find(name) == ()


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("APIKey", ("api", "key")),
        ("getHTTPResponse", ("get", "http", "response")),
        ("sha256Sum", ("sha", "256", "sum")),
        ("dbPassword1", ("db", "password", "1")),
        ("dbpassword", ("db", "password")),
        ("Straße", ("strasse",)),
        ("contraseña", ("contrasena",)),
        ("身份证号", ("身份证号",)),
        ("пароль_2", ("пароль", "2")),
        ("--", ()),
    ],
)
def test_names_are_split_into_words(name, split):
    assert words(name) == split


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("password", "password"),
        ("userPassword", "password"),
        ("password_confirmation", "password"),
        ("password_hint", ""),
        ("passwordExpired", ""),
        ("passwordless", ""),
        ("has_password", ""),
        ("token", "token"),
        ("refresh_token", "token"),
        ("token_type", ""),
        ("Token-Expiry", ""),
        ("max_tokens", ""),
        ("next_page_token", ""),
        ("expires_in", ""),
        ("secret_id", "secret"),
        ("secret_id_ttl", ""),
        ("client_secret_expires_at", ""),
        ("private_key", "private-key"),
        ("private_key_id", ""),
        ("public_key", ""),
        ("card_holder_email", "email"),
        ("card_last4", ""),
        ("iPhoneModel", ""),
        ("name", ""),
        ("hostname", ""),
        ("first_name", "name"),
        ("ip_address", "client-address"),
        ("server_ip", ""),
        ("phone_retry_seconds", ""),
        ("email_address", "email"),
    ],
)
def test_the_shipped_vocabulary(name, meaning):
    assert classify(name) == meaning


def test_who_asks_for_an_exception_by_its_words_gets_it():
    names = Names([("password hint", 1), ("max tokens", 2), ("page token", 3), ("token", 4)])
    assert names.find("user_password_hint") == (1,)
    assert names.find("maxTokens") == (2,)
    assert names.find("next_page_token") == (3,)
    assert names.find("token_type") == ()


def test_the_last_noun_says_what_it_is_and_the_longest_sequence_is_first():
    names = Names([("card", 1), ("card holder", 2), ("holder", 3), ("email", 4)])
    assert names.find("card_holder_email") == (4, 2, 3, 1)


def test_several_meanings_of_the_same_words_are_all_there_in_order():
    assert Names([("email", 2), ("email", 1), ("e mail", 3)]).find("email") == (2, 1, 3)


def test_every_word_of_the_vocabulary_is_found_as_what_it_is():
    for meaning, listed in CLASSES.items():
        for expression in listed:
            assert classify(expression.replace(" ", "_")) == meaning, expression


@given(st.text(max_size=80))
def test_any_text_is_a_name(name):
    assert classify(name) in {"", *CLASSES}
    assert classify(name + "_") == classify(name)


def test_only_the_beginning_of_an_endless_name_is_looked_at():
    assert classify("password" + "-" * LONGEST + "hint") == "password"
