"""What may stand beside a match."""

import pytest

from outgate.redact.detect.detector import apart, apart_as_number, whole


@pytest.mark.parametrize(
    ("text", "word"),
    [
        *(("key", "key"), ("a key.", "key"), ("a_key_b", "key"), ("clé:key»", "key"), ("请key谢", "key")),
        *((r"\nkey", "key"), ("x=key=y", "=key="), ("-key-", "key")),
    ],
)
def test_it_stands_apart(text, word):
    start = text.index(word)
    assert apart(text, start, start + len(word))


@pytest.mark.parametrize(("text", "word"), [("akey", "key"), ("key1", "key"), ("nkey", "key"), (r"\xkey", "key")])
def test_it_is_a_part_of_a_word(text, word):
    start = text.index(word)
    assert not apart(text, start, start + len(word))


@pytest.mark.parametrize("text", ["4111", " 4111.", "4111, 5", "(4111)", "4111-", "no.4111?", "card-4111", "/a/4111/b"])
def test_it_is_a_number_by_itself(text):
    start = text.index("4111")
    assert apart_as_number(text, start, start + 4)


@pytest.mark.parametrize("text", ["0.4111", "4111.5", "12-4111", "4111-1111", "a4111", "4111/2"])
def test_it_is_a_part_of_a_longer_number(text):
    start = text.index("4111")
    assert not apart_as_number(text, start, start + 4)


def test_it_is_everything():
    assert whole("key", 0, 3)
    assert not whole("key ", 0, 3)
