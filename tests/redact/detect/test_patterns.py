"""Every detector finds its example, in RE2, where it has to be and nowhere else."""

import re

import pytest
import re2

from outgate.redact.detect.detector import SEPARATOR, Beside, Group
from outgate.redact.detect.patterns import BY_NAME, DETECTORS, chosen
from outgate.redact.detect.search import MEMORY_OF_ONE, Detectors
from redact.samples import DRAWN, sample

EVERYTHING = Detectors(Group)
CALLED = {
    Beside.ANYTHING: "",
    Beside.SUSPICIOUS: "signing_key",
    Beside.CALLED: "contact",
    Beside.PLACES: "address",
    Beside.PEOPLE: "full_name",
    Beside.ROLES: "assignee",
}
BY_ITS_NAME = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)


OPEN = ("cookie-line", "private-key", "putty-key", "personal-line", "contact-line")
"""Those that go on to the end of a line, or of what may be armour."""
BESIDE = {"aws-secret-key-beside": "aws-access-key"}
"""What is found beside those."""


def found(text, name=""):
    return [(hit.detector.name, text[hit.start : hit.end]) for hit in EVERYTHING.search([text], [name])]


@BY_ITS_NAME
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_its_example_before_all_others(detector, seed):
    example = sample(detector.example, seed)
    ((name, value),) = [
        each for each in found(example, CALLED[detector.beside]) if each[0] != BESIDE.get(detector.name)
    ]
    assert name == detector.name
    assert value in example


@BY_ITS_NAME
def test_in_a_sentence_it_finds_the_same(detector):
    example = sample(detector.example)
    alone = found(example, CALLED[detector.beside])
    if not detector.beside:
        assert found(f"see {example} there") == alone or detector.name in OPEN


@BY_ITS_NAME
def test_what_is_cut_in_two_is_not_found_across(detector):
    example = sample(detector.example)
    for at in range(1, len(example), 7):
        for hit in EVERYTHING.search([example[:at], example[at:]], [CALLED[detector.beside]] * 2):
            text = (example[:at], example[at:])[hit.index]
            assert 0 <= hit.start < hit.end <= len(text)


@BY_ITS_NAME
def test_the_hint_occurs_in_the_example(detector):
    assert not detector.hint or re2.search(detector.hint, sample(detector.example) + SEPARATOR)


@BY_ITS_NAME
def test_the_pattern_is_small_enough_to_be_fast(detector):
    """Larger ones do not find room for their states in `MEMORY_OF_ONE`, and RE2 goes a much slower way."""
    assert re2.compile(detector.pattern).programsize * 1000 < MEMORY_OF_ONE


@BY_ITS_NAME
def test_no_pattern_matches_what_separates_texts(detector):
    classes = re.findall(r"\[\^(?:[^\]\\]|\\.)*\]", detector.pattern)
    assert all(r"\x00" in each or re2.search(each, SEPARATOR) is None for each in classes)
    assert not re.search(r"(?<!\\)\.(?![^\[]*\])", re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", detector.pattern))


@BY_ITS_NAME
def test_no_example_is_a_whole_secret(detector):
    if detector.group is Group.SECRETS and detector.name not in (
        "basic-credentials",
        "wallet-key",
        "seed-phrase",
        "grouped-seed",
    ):
        assert DRAWN.search(detector.example) or re.search(r"(.)\1{30}", detector.example)


def test_names_are_unique_and_in_one_spelling():
    assert len(BY_NAME) == len(DETECTORS) > 200
    assert all(re.fullmatch("[a-z0-9]+(?:-[a-z0-9]+)*", name) for name in BY_NAME)
    assert not BY_NAME.keys() & set(Group)


def test_a_class_is_all_of_its_detectors_and_a_name_is_one():
    assert {each.group for each in chosen(["pii"])} == {Group.PII}
    assert chosen(["card", "secrets"]) == (*chosen(["secrets"]), BY_NAME["card"])
    assert chosen([]) == ()


def test_what_is_neither_is_refused():
    with pytest.raises(ValueError, match=r"'credit-card' is no detector .* use secrets, pii, network, or a name"):
        chosen(["card", "credit-card"])
