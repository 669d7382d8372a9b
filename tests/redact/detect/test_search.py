"""Many texts are searched at once, and every hit is where it was found, whatever stands around it."""

import time

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.redact.detect import search as module
from outgate.redact.detect.patterns import DETECTORS, chosen
from outgate.redact.detect.search import Detectors
from redact.samples import sample

EVERYTHING = Detectors(["secrets", "pii", "network"])
MAIL, CARD, KEY = "ann@example.com", "4111 1111 1111 1111", sample("ghp_{w36}")


def found(texts, names=None, detectors=EVERYTHING):
    hits = detectors.search(texts, names or [""] * len(texts))
    return [(hit.index, texts[hit.index][hit.start : hit.end], hit.detector.name) for hit in hits]


def test_each_hit_is_in_its_text_and_they_are_in_order():
    texts = [f"to {MAIL} and {CARD}", "", "nothing", KEY, f"{CARD}, {MAIL}"]
    assert found(texts) == [
        (0, MAIL, "email"),
        (0, CARD, "card"),
        (3, KEY, "github-token"),
        (4, CARD, "card"),
        (4, MAIL, "email"),
    ]


def test_nothing_is_found_in_nothing():
    assert found([]) == found([""]) == found(["", ""]) == []


def test_only_what_was_asked_for_is_found():
    texts = [f"{MAIL} {CARD} {KEY}"]
    assert found(texts, detectors=Detectors(["card"])) == [(0, CARD, "card")]
    assert found(texts, detectors=Detectors(["pii"])) == [(0, MAIL, "email"), (0, CARD, "card")]
    assert found(texts, detectors=Detectors([])) == []


@given(st.lists(st.text(max_size=12), min_size=2, max_size=6), st.data())
def test_places_are_counted_in_characters(around, data):
    """Whatever alphabets, surrogates or NULs stand in front."""
    at = data.draw(st.integers(0, len(around) - 1))
    texts = [*around]
    texts[at] = f"{around[at]} {CARD} "
    assert (at, CARD, "card") in found(texts, detectors=Detectors(["card"]))


def test_places_are_right_where_a_text_holds_what_stands_between_texts():
    assert found(["a\0b", "\0", f"{MAIL} and {CARD}", CARD]) == [
        (2, MAIL, "email"),
        (2, CARD, "card"),
        (3, CARD, "card"),
    ]


def test_places_are_right_in_a_long_text_of_many_bytes():
    text = " ".join(f"жизнь {MAIL} 人生 {CARD}" for _ in range(50))
    assert found([text]) == [(0, MAIL, "email"), (0, CARD, "card")] * 50


def test_what_is_spread_over_two_texts_is_not_found():
    assert found([KEY[:20], KEY[20:]]) == []


def test_a_value_is_the_group_that_took_part():
    assert found(['password="hunter2"', "password=hunter2", "password='hunter2'"]) == [
        (index, "hunter2", "assignment") for index in range(3)
    ]


def test_some_values_are_looked_at_for_their_name_alone():
    random = sample("{w40}")
    assert found([random, random], ["title", "signing_key"]) == [(1, random, "random-secret")]
    assert found(["30 901820", "30 901820"], ["contact", "order"]) == [(0, "30 901820", "phone-by-name")]
    assert found(["Jory Doe", "acme/shop", "Jory Doe"], ["full_name", "full_name", "title"]) == [
        (0, "Jory Doe", "person-name")
    ]
    assert found(["Jory Doe", "Jory", "Jory Team", "Jory Doe"], ["assignee"] * 3 + ["title"]) == [
        (0, "Jory Doe", "name-in-a-role")
    ]
    assert found(["12 Main Hall"] * 2, ["address", "title"]) == [(0, "12 Main Hall", "street-address")]


def test_of_two_that_find_the_same_the_more_specific_stays():
    token = sample("sk-ant-api03-{b93}AA")
    assert found([f"Bearer {token}"]) == [(0, token, "anthropic-key")]


def test_what_lies_inside_is_left_to_what_is_around_it():
    assert found(["postgres://ann:pw@db.example.com/x"]) == [(0, "ann:pw", "url-credentials")]
    assert found([f"cookie: mail={MAIL}; key={KEY}"]) == [(0, f"mail={MAIL}; key={KEY}", "cookie-line")]


def test_where_one_runs_into_the_next_nothing_of_either_is_left():
    hits = found([f"password={MAIL}"])
    assert "".join(text for _, text, _ in hits) == MAIL


def test_the_longest_match_says_how_much_has_to_be_seen_at_once():
    assert Detectors(["card"]).longest == 512
    assert Detectors(["secrets"]).longest == max(each.longest for each in DETECTORS) == 16 * 1024
    assert Detectors([]).longest == 0


def test_where_the_set_tells_nothing_every_detector_is_asked():
    """As RE2 does where its memory is not enough: that is not to be taken for nothing found."""
    silent = re2.Set.SearchSet()
    silent.Add("this is in no text")
    silent.Compile()
    search = module._Search(chosen(["card", "email"]))
    search._set = silent
    hits = search.hits(module._Buffer([f"{CARD} {MAIL}"]))
    assert [hit.detector.name for hit in hits] == ["email", "card"]


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no detector"):
        Detectors(["everything"])


PIECES = st.sampled_from(
    [sample(each.example) for each in DETECTORS]
    + [KEY[:30], "password=", "://", "@", "eyJ", "-----", "+1", "\0", "ü", "\ud800"]
)


@settings(max_examples=60)
@given(
    st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=12).map("".join), st.sampled_from(["", "key", "address"])
)
def test_no_text_makes_it_raise_and_hits_lie_in_it(text, name):
    at = 0
    for hit in EVERYTHING.search([text], [name]):
        assert at <= hit.start < hit.end <= len(text)
        at = hit.end


JOINTS = ["", "_", "-", ".", " ", "x", "9", "é", "\\n", "\\x", "/", "=", "\0", "\n"]
ANYTHING = [each for each in DETECTORS if not each.beside]
PATTERNS = [re2.compile(each.pattern.encode(), module._options(module.MEMORY_OF_ONE)) for each in ANYTHING]


def plainly(texts):
    """Every pattern over every text, without anything that could be quicker."""
    buffer = module._Buffer(texts)
    for detector, pattern in zip(ANYTHING, PATTERNS, strict=True):
        for match in pattern.finditer(buffer.data):
            if (hit := module._judged(detector, buffer, match, range(pattern.groups, 0, -1))) is not None:
                yield hit


def as_found(hits):
    return sorted((hit.index, hit.start, hit.end, hit.detector.name) for hit in hits)


@pytest.mark.parametrize("before", JOINTS)
def test_whatever_stands_in_front_what_patterns_find_is_found(before):
    """Hints are looked for at the beginning of words: where else a match may begin is not left out."""
    texts = [f"{word}{before}{sample(each.example)}" for each in DETECTORS for word in ("", "see")]
    assert as_found(EVERYTHING.hits(texts, [""] * len(texts))) == as_found(plainly(texts))


@settings(max_examples=60)
@given(st.lists(st.lists(st.one_of(PIECES, st.sampled_from(JOINTS)), max_size=6).map("".join), max_size=6))
def test_in_any_texts_what_patterns_find_is_found(texts):
    assert as_found(EVERYTHING.hits(texts, [""] * len(texts))) == as_found(plainly(texts))


HOSTILE = {
    **{
        piece: piece
        for piece in ("4444 ", "4444-", "a@a.aa ", "a@", "eyJ", "eyJabcdefghi.", "password=", "http://a:b@")
    },
    **{
        piece: piece
        for piece in ("-----BEGIN PRIVATE KEY-----", "?token=", "+1 ", "ü@ü.üü ", "\0", "A", "1:2:", "curl -u ")
    },
}


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_text_and_not_faster(piece):
    """Processor time, and the best of three, so that a busy machine is not taken for a slow search."""

    def seconds(size: int) -> float:
        text, best = (piece * (size // len(piece) + 1))[:size], 60.0
        for _ in range(3):
            began = time.thread_time()
            EVERYTHING.search([text], ["key"])
            best = min(best, time.thread_time() - began)
        return best

    seconds(1000)
    assert seconds(80_000) < 40 * seconds(10_000) + 0.05
