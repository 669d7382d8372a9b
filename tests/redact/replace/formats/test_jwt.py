"""Web tokens keep the form of their header, and nothing of their claims and signatures but what is said."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import jwt


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part):
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def token(claims, header=None, signature=b"signature"):
    return ".".join([encoded({"alg": "RS256"} if header is None else header), encoded(claims), encoded(signature)])


def rewritten(text):
    return jwt.rewritten(text, lambda name, value: f"{name}!", lambda part: "x" * len(part))


def test_claims_are_asked_for_by_name_and_what_is_no_value_stays():
    made = rewritten(token({"sub": "ann", "n": 1, "ok": True, "no": None, "roles": ["a", "b"], "in": {"deep": 2.5}}))
    header, claims, signature = made.split(".")
    assert decoded(header) == {"alg": "RS256"}
    told = {"sub": "sub!", "n": "n!", "ok": True, "no": None, "roles": ["roles!", "roles!"], "in": {"deep": "deep!"}}
    assert decoded(claims) == told
    assert signature == "x" * len(encoded(b"signature"))


def test_of_a_header_the_form_stays():
    header = {"alg": "ES256", "typ": "JWT", "kid": "1", "x5c": ["cert"], "jwk": {"kty": "EC", "x": "abc"}}
    made = decoded(rewritten(token({}, header)).split(".")[0])
    assert made == {"alg": "ES256", "typ": "JWT", "kid": "1", "x5c": ["x5c!"], "jwk": {"kty": "kty!", "x": "x!"}}


def test_what_is_encrypted_is_replaced_whole():
    text = ".".join([encoded({"alg": "RSA-OAEP", "enc": "A256GCM"}), *map(encoded, (b"key", b"iv", b"text", b"tag"))])
    made = rewritten(text).split(".")
    assert decoded(made[0])["enc"] == "A256GCM"
    assert made[1:] == ["x" * len(part) for part in text.split(".")[1:]]


def test_a_payload_that_is_no_json_is_replaced_whole():
    made = rewritten(f"{encoded({'alg': 'none'})}.{encoded(b'not json')}.")
    assert made.split(".")[1:] == ["x" * 11, ""]


@pytest.mark.parametrize(
    "text", ["", "eyJ", "a.b.c", "eyJhIjoxfQ.e30", "eyJhIjoxfQ.e30.a.b", "eyJ!.e30.a", "eyJxx.e30.a"]
)
def test_what_is_none_is_not_read(text):
    assert jwt.read(text) is None
    assert rewritten(text) is None


@pytest.mark.parametrize("levels", [33, 900, 5000, 100_000])
def test_what_is_deeper_than_anybody_writes_is_replaced_whole(levels):
    deep = encoded(("[" * levels + "]" * levels).encode())
    assert rewritten(f"{encoded({'alg': 'x'})}.{deep}.a").split(".")[1] == "x" * len(deep)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans(), max_size=4))
def test_any_claims_survive_the_way(claims):
    made = jwt.rewritten(token(claims), lambda name, value: value, str)
    assert decoded(made.split(".")[1]) == claims
