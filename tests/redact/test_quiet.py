"""What is remembered: so much and no more, and nothing long."""

from outgate.redact.quiet import LONGEST, MOST, Quiet


def test_what_was_added_is_known_by_its_kind_and_name():
    quiet = Quiet()
    quiet.add("header", "accept", b"*/*")
    assert quiet.has("header", "accept", b"*/*")
    assert not quiet.has("header", "x-accept", b"*/*")
    assert not quiet.has("trailer", "accept", b"*/*")
    assert not quiet.has("header", "accept", b"*")


def test_what_is_long_is_not_remembered():
    quiet = Quiet()
    for value in (b"a" * LONGEST, b"a" * (LONGEST + 1)):
        quiet.add("body", "", value)
    assert [quiet.has("body", "", b"a" * size) for size in (LONGEST, LONGEST + 1)] == [True, False]


def test_there_are_never_more_than_so_many():
    quiet = Quiet()
    for number in range(MOST + 1):
        quiet.add("name", "", str(number))
    assert sum(quiet.has("name", "", str(number)) for number in range(MOST + 1)) == 1
    assert quiet.has("name", "", str(MOST))
