"""An injected value does not come back, in whatever spelling and however the body is cut."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.upstream.masking import Mask, MaskedStream, forms_of
from outgate.upstream.secret import Secret

VALUE = b"Bearer s3cret/to+ken=1234"
TOKEN = b"s3cret/to+ken=1234"


@pytest.fixture(scope="module")
def mask() -> Mask:
    return Mask([Secret(VALUE)])


@pytest.mark.parametrize(
    "echo",
    [
        VALUE,
        TOKEN,
        quote(VALUE).encode(),
        quote(TOKEN, safe="").encode(),
        quote(TOKEN, safe="").lower().encode(),
        json.dumps({"a": TOKEN.decode()}).encode(),
        b'{"a": "s3cret\\/to+ken=1234"}',
        TOKEN.hex().encode(),
        TOKEN.hex().upper().encode(),
        base64.b64encode(VALUE),
        base64.b64encode(TOKEN),
        base64.urlsafe_b64encode(TOKEN),
    ],
)
def test_every_spelling_is_masked_and_the_length_stays(mask, echo):
    masked = mask.mask(b"before " + echo + b" after")
    assert len(masked) == len(echo) + 13
    assert masked.startswith(b"before ")
    assert masked.endswith(b" after")
    assert b"***" in masked
    for form in forms_of(VALUE):
        assert form not in masked


@given(st.binary(max_size=5), st.binary(max_size=5))
def test_base64_of_something_around_it_gives_it_away_no_more(before, after):
    masked = Mask([Secret(VALUE)]).mask(base64.b64encode(before + TOKEN + after))
    readable = masked.replace(b"*", b"A")
    assert TOKEN[2:-2] not in base64.b64decode(readable + b"=" * (-len(readable) % 4))
    assert b"*" in masked


@given(st.lists(st.integers(0, 120), max_size=10), st.sampled_from(sorted(forms_of(VALUE))))
def test_cuts_make_no_difference(cuts, form):
    body = b"x" * 20 + form + b"Bearer s3" + form + b"tail s3cret"
    mask, stream, pieces, begin = Mask([Secret(VALUE)]), None, [], 0
    for end in [*sorted(cut for cut in cuts if cut < len(body)), len(body)]:
        pieces.append(body[begin:end])
        begin = end
    stream = MaskedStream(mask)
    passed = b"".join(stream.feed(piece) for piece in pieces) + stream.finish()
    assert len(passed) == len(body)
    assert not any(form in passed for form in forms_of(VALUE))


def test_nothing_is_held_back_that_cannot_be_part_of_it(mask):
    stream = MaskedStream(mask)
    assert stream.feed(b"data: hello\n\n") == b"data: hello\n\n"
    assert stream.feed(b"data: Bear") == b"data: "
    assert stream.feed(b"ings\n") == b"Bearings\n"
    assert stream.feed(b"data: Bea") == b"data: "
    assert stream.finish() == b"Bea"


def test_short_words_are_left_alone():
    assert Mask([Secret(b"Basic abc")]).mask(b"abc Basic abc") == b"abc *********"
    assert not Mask([Secret(b"abc")])
    assert Mask([]).mask(b"anything") == b"anything"
    assert MaskedStream(Mask([])).feed(b"anything") == b"anything"


def test_a_value_is_no_pattern():
    assert Mask([Secret(b"a.b.c.d.e")]).mask(b"axbxcxdxe a.b.c.d.e") == b"axbxcxdxe *********"


LOGIN = b'user:pass"word/1234'


@pytest.mark.parametrize("scheme", [b"Basic ", b"basic  "])
@pytest.mark.parametrize(
    "echo",
    [
        LOGIN,
        LOGIN.partition(b":")[2],
        base64.b64encode(LOGIN),
        json.dumps({"p": 'pass"word/1234'}).encode(),
        quote('pass"word/1234', safe="").encode(),
        b"pass&quot;word/1234",
    ],
)
def test_who_knows_a_login_tells_neither_it_nor_its_password(scheme, echo):
    masked = Mask([Secret(scheme + base64.b64encode(LOGIN))]).mask(b"you are " + echo)
    assert len(masked) == len(echo) + 8
    assert b"word" not in masked
    assert b"1234" not in masked
    assert base64.b64encode(LOGIN) not in masked


@pytest.mark.parametrize("value", [b"Basic", b"Basic ***", b"Basic dXNlcg", b"Basic dXNlcjp4"])
def test_what_is_no_login_or_has_a_short_password_is_a_value_like_others(value):
    assert Mask([Secret(value)]).mask(b"user x " + value) == b"user x " + (
        value if len(value) < 8 else b"*" * len(value)
    )
