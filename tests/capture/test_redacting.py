"""What waits is redacted and written before it leaves the ring; nothing else is stored, and no kill loses any."""

import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from capture.handing import CANARY, MASTER, asked, capture
from outgate.capture import redacting as redactings
from outgate.capture.keeper import Keeper
from outgate.capture.reading import Capture
from outgate.capture.redacting import Redacting, begun
from outgate.capture.redactors import digest_of, keyed
from outgate.capture.ring import HEAD, Torn
from outgate.capture.shared import AT, SKIP, Shared
from outgate.capture.unsealing import Unsealing
from outgate.capture.vaults import Vaults
from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
    VaultPolicy,
)
from outgate.redact.exchange import Body
from outgate.redact.redacted import Manifest, seal


def unredacted(keeping, policy):
    """A redactor that only seals, for what is not about redaction."""
    return lambda made: seal(made, Manifest())


def read(folder):
    found = Capture(folder)
    kept = list(found) if folder.is_dir() else []
    assert found.problems == []
    return kept


def identities(folder):
    return [int(kept.exchange.id) for kept in read(folder)]


class Handed:
    """A gate's side, and in this process the other one."""

    def __init__(self, *captures, redactors=None, redactions=()):
        self.keeper = Keeper(MASTER, 1 << 20)
        self.keeper.follow(KeepingPolicy(tuple(redactions), captures))
        self.captures, self.redactors = captures, redactors or keyed(MASTER)
        self.redacting = self.other()

    def other(self):
        """As it begins, with the policy that is in force where the one before has come to."""
        made = Redacting(self.keeper.shared, self.redactors)
        made.follow(self.keeper.in_force())
        return made

    def put(self, *plains, capture=None):
        assert all(self.keeper.put(capture or self.captures[0], plain) for plain in plains)

    def counts(self):
        self.redacting.work()
        return self.keeper.counts()


def test_what_is_kept_is_redacted_and_what_was_found_is_counted(tmp_path):
    handed = Handed(capture(tmp_path / "all"))
    handed.put(asked())
    assert handed.counts() == {"captures_written": 1, "captures_dropped": 0, "captures_failed": 0}
    (kept,) = read(tmp_path / "all")
    assert CANARY not in repr(kept).encode()
    assert kept.manifest.policy == digest_of(KeepingPolicy())
    assert sum(handed.keeper.rules.values()) == len(kept.manifest.marks) > 0


def test_equal_values_join_in_one_capture_and_not_across(tmp_path):
    one, other = capture(tmp_path / "one"), capture(tmp_path / "other")
    handed = Handed(one, other)
    for policy in (one, one, other):
        handed.put(asked(), capture=policy)
    handed.redacting.work()
    first, second = (dict(kept.exchange.request.fields)[b"authorization"] for kept in read(tmp_path / "one"))
    (elsewhere,) = (dict(kept.exchange.request.fields)[b"authorization"] for kept in read(tmp_path / "other"))
    assert first == second != elsewhere


def test_what_is_replaced_is_in_the_vault_of_its_capture(tmp_path):
    key = X25519PrivateKey.generate()
    (tmp_path / "v.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    vault = VaultPolicy(str(tmp_path / "v.pub"), str(tmp_path / "vault"))
    captures = [capture(tmp_path / "c0", vault=vault), capture(tmp_path / "c1")]
    keeper = Keeper(MASTER)
    keeper.follow(KeepingPolicy(captures=tuple(captures)))
    redacting = begun(os.dup(keeper.shared.descriptor), KeepingPolicy(), MASTER)
    for number, each in enumerate(captures):
        keeper.put(each, asked(number, CANARY + b"%d" % number))
    redacting.work()
    redacting.close()
    assert "vault_failed" not in keeper.counts()
    opened = Unsealing(tmp_path / "vault", key)
    kept = dict(opened)
    assert [each.whole for each in opened.held] == [True]
    (record,) = read(tmp_path / "c0")
    token = dict(record.exchange.request.fields)[b"authorization"].decode().removeprefix("Bearer ")
    assert kept == {token: CANARY.decode() + "0"}


def test_a_vault_that_takes_nothing_costs_no_record(tmp_path):
    policy = capture(tmp_path / "c", vault=VaultPolicy("/nowhere", "/nowhere"))
    keeper = Keeper(MASTER)
    keeper.follow(KeepingPolicy(captures=(policy,)))
    vaults = Vaults()
    Redacting(keeper.shared, keyed(MASTER, vaults), vaults).work()
    for number in range(2):  # one process, and the one after it
        keeper.put(policy, asked(number))
        vaults = Vaults()
        following = Redacting(keeper.shared, keyed(MASTER, vaults), vaults)
        following.follow(keeper.in_force())
        following.work()
    assert (keeper.counts()["captures_written"], keeper.counts()["vault_failed"]) == (2, 2)


def test_a_redactor_that_raises_loses_the_exchange_and_stores_nothing(tmp_path, caplog):
    def failing(keeping, capture):
        def redact(made):
            if made.id == "1":
                raise RuntimeError(CANARY.decode())
            return seal(made, Manifest())

        return redact

    handed = Handed(capture(tmp_path / "all"), redactors=failing)
    handed.put(*(asked(number, b"x") for number in range(3)))
    counted = {"captures_written": 2, "captures_dropped": 0, "captures_failed": 1, "redaction_failed": 1}
    assert handed.counts() == counted
    assert identities(tmp_path / "all") == [0, 2]
    assert "an exchange was not captured, it could not be redacted: RuntimeError" in caplog.text
    assert CANARY.decode() not in caplog.text


def test_an_exchange_of_which_little_is_left_is_told_of(tmp_path, monkeypatch):
    def failing(*arguments):
        raise RuntimeError

    monkeypatch.setattr("outgate.redact.pipeline.Redactor._redacted", failing)
    handed = Handed(capture(tmp_path / "all"))
    handed.put(asked())
    assert handed.counts()["redaction_failed"] == 1
    assert [kept.exchange.request.fields for kept in read(tmp_path / "all")] == [()]


def test_another_policy_holds_for_what_comes_after_it(tmp_path):
    policy, other = capture(tmp_path / "all"), capture(tmp_path / "other")
    rule = RedactionRule("mine", (Selector(Carrier.HEADER, "x-mine"),), replacement=Replacement(Strategy.CONSTANT))
    handed = Handed(policy)
    made = asked(fields=((b"x-mine", b"plain"),))
    handed.put(made)
    handed.keeper.follow(KeepingPolicy((RedactionPolicy("r", rules=(rule,)),), (policy,)))
    handed.put(made)
    handed.keeper.follow(KeepingPolicy((), (other,)))
    handed.put(made, capture=other)
    assert handed.counts()["captures_written"] == 3
    assert [dict(kept.exchange.request.fields)[b"x-mine"] for kept in read(tmp_path / "all")] == [b"plain", b"REDACTED"]
    assert len(list((tmp_path / "all").iterdir())) == 1, "the file goes on where only the redaction is another"
    assert len(read(tmp_path / "other")) == 1


def test_a_policy_that_cannot_be_carried_out_keeps_nothing(tmp_path, caplog):
    def failing(keeping, capture):
        if keeping.redactions:
            raise ValueError(CANARY.decode())
        return unredacted(keeping, capture)

    policy = capture(tmp_path / "all")
    handed = Handed(policy, redactors=failing)
    handed.put(asked(0))
    handed.keeper.follow(KeepingPolicy((RedactionPolicy("r"),), (policy,)))
    handed.put(asked(1))
    assert (handed.counts()["captures_written"], handed.counts()["captures_failed"]) == (1, 1)
    assert identities(tmp_path / "all") == [0]
    assert "the policy cannot be carried out: ValueError" in caplog.text


def test_what_is_for_a_folder_that_nobody_names_is_lost(tmp_path):
    handed = Handed(capture(tmp_path / "all"))
    handed.put(asked(), capture=capture(tmp_path / "gone"))
    assert handed.counts()["captures_failed"] == 1
    assert not (tmp_path / "gone").exists()


def test_a_body_that_is_longer_once_it_is_decoded_is_left_out(tmp_path):
    handed = Handed(capture(tmp_path / "all", max_body=10), redactors=unredacted)
    handed.put(asked(answer=b"a" * 11))
    handed.redacting.work()
    (kept,) = read(tmp_path / "all")
    assert kept.exchange.response.body == Body(None, True, size=11, missing="too_large")
    assert ("response.body", "too_large") in kept.manifest.dropped


@pytest.mark.parametrize("together", [redactings.AT_ONCE, 1], ids=["together", "one by one"])
def test_captures_in_turn_keep_their_order(tmp_path, monkeypatch, together):
    monkeypatch.setattr(redactings, "AT_ONCE", together)
    one, other = capture(tmp_path / "one", rotate_bytes=2000), capture(tmp_path / "other")
    handed = Handed(one, other, redactors=unredacted)
    for number in range(60):
        handed.put(asked(number, os.urandom(80)), capture=other if number % 5 == 0 else one)
    assert handed.counts()["captures_written"] == 60
    assert identities(tmp_path / "other") == [number for number in range(60) if number % 5 == 0]
    assert identities(tmp_path / "one") == [number for number in range(60) if number % 5]
    assert handed.keeper.shared.waiting == 0


def test_the_time_for_the_end_is_kept(tmp_path):
    handed = Handed(capture(tmp_path / "all"))
    handed.put(asked())
    assert not handed.redacting.work(until=0.0)
    assert handed.keeper.shared.waiting == 1


# Kills.


class Killed(BaseException):
    """As by a signal: nothing is cleaned up."""


@pytest.mark.parametrize("where", ["redacting", "before", "within", "after"])
def test_who_follows_a_killed_one_loses_nothing_and_repeats_nothing(tmp_path, monkeypatch, where):
    number = iter(range(100))

    def dying(keeping, capture):
        def redact(made):
            if where == "redacting" and next(number) == 3:
                raise Killed
            return seal(made, Manifest())

        return redact

    def write(file, block, before=os.write):
        if where == "before":
            raise Killed
        before(file, block[: len(block) // 2] if where == "within" else block)
        raise Killed

    policy, rule = capture(tmp_path / "all"), RedactionPolicy("r")
    handed = Handed(policy, redactors=dying, redactions=[rule])
    handed.put(asked(0))
    handed.redacting.work()
    handed.keeper.follow(KeepingPolicy(captures=(policy,)))
    handed.put(*map(asked, range(1, 6)))
    with monkeypatch.context() as patch:
        if where != "redacting":
            patch.setattr(os, "write", write)
        with pytest.raises(Killed):
            handed.redacting.work()
    handed.redactors = unredacted
    handed.redacting = handed.other()
    assert handed.counts()["captures_written"] == 6
    assert sorted(identities(tmp_path / "all")) == list(range(6))


def test_who_follows_goes_on_under_the_policy_that_was_in_force(tmp_path):
    said = []

    def noting(keeping, capture):
        said.append(len(keeping.redactions))
        return unredacted(keeping, capture)

    policy = capture(tmp_path / "all")
    handed = Handed(policy, redactors=noting)
    for number in range(1, 4):
        handed.keeper.follow(KeepingPolicy((RedactionPolicy("r"),) * number, (policy,)))
        handed.put(asked(number))
        handed.redacting.work()
        said.clear()
        handed.redacting = handed.other()
        assert said == [number]
    assert len(handed.keeper._policies) <= 2, "what is not needed any more is forgotten"


def test_what_is_not_to_be_tried_again_is_lost(tmp_path):
    handed = Handed(capture(tmp_path / "all"))
    handed.put(*map(asked, range(3)))
    ring = handed.keeper.shared.ring
    second = ring.read(ring.read(ring.read(0).end).end)
    handed.keeper.shared.words[SKIP] = second.at + 1
    assert handed.counts()["captures_failed"] == handed.counts()["redaction_failed"] == 1
    assert identities(tmp_path / "all") == [0, 2]


def test_after_a_policy_that_is_not_to_be_tried_again_nothing_is_kept(tmp_path):
    policy = capture(tmp_path / "all")
    handed = Handed(policy)
    handed.put(asked(0))
    handed.keeper.shared.words[SKIP] = handed.keeper.shared.ring.head + 1
    handed.keeper.follow(KeepingPolicy(captures=(replace(policy, max_body=1),)))
    handed.put(asked(1))
    assert handed.counts()["captures_failed"] == 1
    assert identities(tmp_path / "all") == [0]


def test_what_is_worked_on_is_told_and_nothing_in_between(tmp_path):
    seen = []

    def looking(keeping, capture):
        def redact(made):
            seen.append(handed.keeper.shared.words[AT])
            return seal(made, Manifest())

        return redact

    handed = Handed(capture(tmp_path / "all"), redactors=looking)
    handed.put(asked(0), asked(1))
    handed.redacting.work()
    assert 0 < seen[0] < seen[1]
    assert handed.keeper.shared.words[AT] == 0


def test_a_torn_frame_is_waited_for_and_then_given_up_with_all_behind_it(tmp_path, caplog):
    handed = Handed(capture(tmp_path / "all"))
    handed.put(asked(0))
    handed.redacting.work()
    handed.put(*map(asked, range(1, 3)))
    shared = handed.keeper.shared
    at = shared.ring.read(shared.ring.tail).at % shared.ring.size + 20
    shared.ring.data[at] ^= 1
    for _ in range(redactings.TORN):
        assert handed.counts()["captures_failed"] == 0
    shared.ring.data[at] ^= 1
    assert handed.counts()["captures_written"] == 3, "it was only not seen yet"
    handed.put(*map(asked, range(3, 6)))
    shared.ring.data[shared.ring.tail % shared.ring.size + 20] ^= 1
    for _ in range(redactings.TORN):
        handed.redacting.work()
    handed.keeper.follow(KeepingPolicy(captures=(capture(tmp_path / "other"),)))
    with pytest.raises(Torn):
        handed.redacting.work()
    handed.redacting = handed.other()
    assert (handed.counts()["captures_failed"], shared.waiting) == (3, 0)
    handed.put(asked(9), capture=capture(tmp_path / "other"))
    assert handed.counts()["captures_written"] == 4, "under the policy that was among it"
    assert shared.words[HEAD] == shared.ring.tail


def test_what_is_no_exchange_costs_itself(tmp_path, caplog):
    handed = Handed(capture(tmp_path / "all"))
    shared = handed.keeper.shared
    handed.put(asked(0))
    assert shared.ring.write(1, CANARY)
    shared.words[1] += 1
    handed.put(asked(1))
    assert (handed.counts()["captures_written"], handed.counts()["captures_failed"]) == (2, 1)
    assert CANARY.decode() not in caplog.text


def test_a_memory_is_mapped_by_its_descriptor(tmp_path):
    shared = Shared.make(1 << 12)
    shared.ring.write(1, b"x")
    assert begun(os.dup(shared.descriptor), KeepingPolicy(), MASTER).waiting
