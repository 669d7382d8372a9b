"""Paths are compared in a normal form, and what could be read in two ways is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.paths import NORMALIZATIONS, ambiguous, bare, normalise

FORMS = [
    ("/", "/", "/", "/"),
    ("/a/b", "/a/b", "/a/b", "/a/b"),
    ("/a/../b", "/b", "/b", "/b"),
    ("/a/./b/.", "/a/b/", "/a/b/", "/a/b/"),
    ("/a/..", "/", "/", "/"),
    ("/../../a", "/a", "/a", "/a"),
    ("/a/%2e%2E/b", "/b", "/b", "/b"),
    ("/%61%7Eb", "/a~b", "/a~b", "/a~b"),
    ("/a%20b", "/a%20b", "/a%20b", "/a%20b"),
    ("/a%zz", "/a%zz", "/a%zz", "/a%zz"),
    ("/a\\b", "/a/b", "/a/b", "/a/b"),
    ("//a///b", "//a///b", "/a/b", "/a/b"),
    ("/a%2Fb", "/a%2Fb", "/a%2Fb", "/a/b"),
    ("/a%2f%5C../b", "/a%2f%5C../b", "/a%2f%5C../b", "/a/b"),
    ("/a%252fb", "/a%252fb", "/a%252fb", "/a%252fb"),
    ("*", "*", "*", "*"),
    ("", "", "", ""),
]


@pytest.mark.parametrize(("path", "base", "merged", "decoded"), FORMS)
def test_each_way_of_normalising(path, base, merged, decoded):
    assert normalise(path, "BASE") == base
    assert normalise(path, "MERGE_SLASHES") == merged
    assert normalise(path, "DECODE_AND_MERGE_SLASHES") == decoded
    assert normalise(path, "NONE") == path


@pytest.mark.parametrize("path", ["/a?b=/../c", "/a#b", "/a?b#c", "/a#b?c"])
@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_query_and_fragment_are_left_out(path, how):
    assert normalise(path, how) == bare(path) == "/a"


def test_an_unknown_way_raises():
    with pytest.raises(KeyError):
        normalise("/", "SOMEHOW")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/a/../b", "dot segment"),
        ("/a/..", "dot segment"),
        ("/./a", "dot segment"),
        ("/a/%2e%2e/b", "dot segment"),
        ("/a/.%2E/b", "dot segment"),
        ("/a/..;x=1/b", "dot segment"),
        ("//a", "empty segment"),
        ("/a\\b", "backslash"),
        ("/a%2Fb", "encoded slash"),
        ("/a%5cb", "encoded backslash"),
        ("/a%2e.txt", "encoded dot"),
        ("/a%00b", "encoded control"),
        ("/a%0d%0ab", "encoded control"),
        ("/a%252fb", "encoding of an encoding"),
        ("/a%b", "encodes nothing"),
        ("/a%", "encodes nothing"),
        ("/a b", "control byte or a space"),
        ("/a\0b", "control byte"),
        ("/a#b", "fragment"),
        ("/é", "outside ASCII"),
    ],
)
def test_what_has_two_readings_is_named(path, what):
    assert what in ambiguous(path)


@pytest.mark.parametrize(
    "path", ["/", "/a/b.c/d", "/a...b", "/.well-known/x", "/a%20b", "/a;v=1/b", "/a?q=/../%2f//", "*", "/~a"]
)
def test_plain_paths_are_unambiguous(path):
    assert ambiguous(path) == ""


SEGMENTS = st.lists(st.sampled_from(["a", ".", "..", "", "%2e", "%2F", "b\\c", "%41", "%25"]), max_size=6)


@given(SEGMENTS, st.sampled_from(NORMALIZATIONS))
def test_an_unambiguous_path_is_read_alike_by_every_way(segments, how):
    path = "/" + "/".join(segments)
    if not ambiguous(path):
        assert normalise(path, how) in (path, path.replace("%41", "A"))


@given(SEGMENTS)
def test_a_normalised_path_has_no_dot_segment_left(segments):
    made = normalise("/" + "/".join(segments), "DECODE_AND_MERGE_SLASHES")
    assert not {".", ".."} & set(made.split("/"))
