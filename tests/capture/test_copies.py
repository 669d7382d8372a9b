"""Copies of a capture: the same shapes and joins, other values, the same from the same seed."""

import json
import re

import pytest

from capture.exchanges import exchange
from outgate.capture.copies import copies
from outgate.capture.record import write
from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.formats import card, email
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import TOKEN, Replacer
from redact.kinds import KINDS

JSON = (b"content-type", b"application/json")
BODY = {"id": 7, "mail": "ann@corp.example", "card": "4242 4242 4242 4242", "note": "of ann@corp.example", "ok": True}


def redacted(*made, **facts):
    keeping = KeepingPolicy((RedactionPolicy("test", **facts),))
    redactor = Redactor(keeping, Replacer(Keys(bytes(16), "export", "policy")))
    return [redactor.redact(each) for each in made]


def asked(number, **facts):
    return exchange(
        f"https://api.example/users/{number}?token=s3cr3t-token",
        "POST",
        json.dumps(BODY).encode(),
        answer=json.dumps({**BODY, "password": "open sesame"}).encode(),
        fields=[(b"authorization", b"Bearer s3cr3t-token"), JSON],
        answered=[JSON],
        id=str(number),
        **facts,
    )


def body(kept):
    return json.loads(kept.exchange.response.body.content)


@pytest.fixture
def source():
    return redacted(asked(1), asked(2))


def test_copies_follow_each_other_with_other_values_and_ids(source):
    made = list(copies(source, 2, "seed"))
    assert len(made) == 4
    assert len({kept.exchange.id for kept in made}) == 4
    first, second = body(made[0]), body(made[2])
    for name in ("mail", "card", "password"):
        assert len({body(source[0])[name], first[name], second[name]}) == 3


def test_values_keep_their_format_and_what_was_no_pseudonym_stays(source):
    made = body(next(copies(source, 1, "seed")))
    assert (made["id"], made["ok"]) == (7, True)
    assert card.read(made["card"])
    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", made["card"])
    assert email.read(made["mail"])
    assert TOKEN.fullmatch(made["password"])["class"] == TOKEN.fullmatch(body(source[0])["password"])["class"]


def test_what_was_alike_is_alike_within_a_copy_wherever_it_stands(source):
    one, two = copies(source, 1, "seed")
    request = one.exchange.request
    bearer = dict(request.fields)[b"authorization"].decode().removeprefix("Bearer ")
    assert request.target == f"/users/1?token={bearer}"
    assert body(one)["mail"] == json.loads(request.body.content)["mail"] == body(two)["mail"]
    assert body(one)["note"] == f"of {body(one)['mail']}"


def test_the_same_seed_makes_the_same_bytes_and_another_others(source):
    def written(seed):
        return b"".join(map(write, copies(source, 2, seed)))

    assert written("a") == written("a") != written("b")


def test_marks_stay_so_that_a_replay_takes_any_secret(source):
    made = next(copies(source, 1, "seed"))
    assert [mark.strategy for mark in made.manifest.marks] == [mark.strategy for mark in source[0].manifest.marks]
    assert {mark.where for mark in made.manifest.marks} == {mark.where for mark in source[0].manifest.marks}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_token_of_the_original_is_left_in_any_kind_of_exchange(kind, mode):
    source = redacted(kind.exchange, mode=mode)
    was, made = write(source[0]).decode(), write(next(copies(source, 1, "seed"))).decode()
    assert set(TOKEN.findall(was)) == set(TOKEN.findall(made))
    assert {found[0] for found in TOKEN.finditer(was)}.isdisjoint(found[0] for found in TOKEN.finditer(made))
