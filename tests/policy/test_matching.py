"""Patterns of rules: what they match, what they nearly match, and what cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.matching import Template, globs, is_template, strings, template_problem


@pytest.mark.parametrize(
    ("values", "matching", "missing"),
    [
        (["exact"], ["exact"], ["exac", "exactly", "Exact", ""]),
        (["pre*"], ["pre", "prefix"], ["pr", "a-prefix", ""]),
        (["*fix"], ["fix", "suffix"], ["fixed", "fi", ""]),
        (["*"], ["a", "*"], [""]),
        (["a", "b*", "*c"], ["a", "b", "bx", "c", "xc"], ["ab", "x", "cx", ""]),
        (["a*b"], ["a*b"], ["ab", "axb"]),
        (["*a*"], ["a*", "xa*"], ["a", "xax"]),
        ([], [], ["", "a"]),
    ],
)
def test_strings_match_exactly_by_prefix_by_suffix_or_at_all(values, matching, missing):
    match = strings(values)
    assert [text for text in matching if not match(text)] == []
    assert [text for text in missing if match(text)] == []


@pytest.mark.parametrize(
    ("value", "matching", "missing"),
    [
        ("prod", ["prod"], ["prod1", "a-prod"]),
        ("prod-*", ["prod-", "prod-eu"], ["prod", "a-prod-eu"]),
        ("*-prod", ["-prod", "eu-prod"], ["prod", "eu-prod-1"]),
        ("*", ["", "prod"], []),
        ("a*b", ["ab", "axb", "axbb"], ["a", "ba", "abx"]),
        ("a*b*c", ["abc", "axbxc", "abbc"], ["ac", "acb", "abxcx"]),
        ("aa*aa", ["aaaa", "aaxaa"], ["aa", "aaa"]),
    ],
)
def test_globs_take_every_star_for_any_text(value, matching, missing):
    match = globs([value])
    assert [text for text in matching if not match(text)] == []
    assert [text for text in missing if match(text)] == []


@given(st.text("ab*", min_size=1, max_size=6), st.text("ab", max_size=8))
def test_a_glob_agrees_with_a_walk_over_all_splits(value, text):
    def walk(pattern, rest):
        if not pattern:
            return not rest
        if pattern[0] == "*":
            return any(walk(pattern[1:], rest[at:]) for at in range(len(rest) + 1))
        return bool(rest) and rest[0] == pattern[0] and walk(pattern[1:], rest[1:])

    assert globs([value])(text) is walk(value, text)


@pytest.mark.parametrize(
    ("template", "matching", "missing"),
    [
        ("/a/{*}", ["/a/b"], ["/a", "/a/", "/a/b/", "/a/b/c", "/b/b"]),
        ("/{*}/{*}", ["/a/b"], ["/a", "/a/b/c", "//b"]),
        ("/a/{*}.json", ["/a/b.json"], ["/a/.json", "/a/b.jso", "/a/b/c.json"]),
        ("/a/{**}", ["/a/", "/a/b", "/a/b/c"], ["/a", "/ab"]),
        ("/{**}/end", ["/a/end", "/a/b/end", "//end"], ["/end", "/a/ends"]),
        ("/{*}/x/{**}", ["/a/x/", "/a/x/b/c"], ["/a/y/b", "//x/b", "/a/x"]),
        ("/a{**}", ["/a", "/ab/c"], ["/", "/b"]),
    ],
)
def test_templates_fill_segments_and_the_rest(template, matching, missing):
    parsed = Template.parse(template)
    assert [path for path in matching if parsed.match(path) is not True] == []
    assert [path for path in missing if parsed.match(path) is not False] == []


@pytest.mark.parametrize("path", ["/a/b|c", '/a/"', "/a/b c", "/a/é"])
def test_a_template_leaves_open_what_a_wildcard_does_not_plainly_cover(path):
    assert Template.parse("/a/{*}").match(path) is None
    assert Template.parse("/b/{*}").match(path) is False


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ("a/{*}", "starts with /"),
        ("/{*}/*", "no other wildcard"),
        ("/{*}/{name}", "no other wildcard"),
        ("/{**}/{*}", "fixed text"),
        ("/{**}/{**}", "fixed text"),
        ("/{*}{*}", "one wildcard"),
        ("/{*}{**}", "one wildcard"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(template, word):
    assert is_template(template)
    assert word in template_problem(template)
    with pytest.raises(ValueError, match=word):
        Template.parse(template)


def test_a_path_without_wildcards_in_braces_is_no_template():
    assert not is_template("/a/*")
    assert not is_template("/a/{name}")
