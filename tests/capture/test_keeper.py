"""What is over is redacted in a thread and stored; whoever hands it over never waits, and nothing else is stored."""

import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from capture.exchanges import exchange
from outgate.capture import keeper as keepers
from outgate.capture.keeper import Bounds, Keeper, digest_of, keyed
from outgate.capture.reading import Capture
from outgate.capture.unsealing import Unsealing
from outgate.capture.vaults import Vaults
from outgate.policy.model import Source
from outgate.policy.redaction_model import (
    CapturePolicy,
    Carrier,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
    VaultPolicy,
)
from outgate.problems import Where
from outgate.redact.exchange import Body, Request, Response
from outgate.redact.redacted import Manifest, seal

PATIENCE = 30.0
CANARY = b"h1dden-c4nary-value"
MASTER = b"m" * 32


def capture(folder, **facts):
    return CapturePolicy(folder.name, folder=str(folder), **facts)


def asked(number=0, value=CANARY, answer=b""):
    return replace(
        exchange(id=str(number)),
        request=Request("GET", "https", "api.example", 443, "/", fields=((b"authorization", b"Bearer " + value),)),
        response=Response(200, body=Body(answer, size=len(answer))),
    )


def unredacted(keeping, policy):
    """A redactor that only seals, for what is not about redaction."""
    return lambda made: seal(made, Manifest())


def read(folder):
    found = Capture(folder)
    kept = list(found) if folder.is_dir() else []
    assert found.problems == []
    return kept


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def ended(keeper):
    keeper.close(PATIENCE)
    keeper.join()
    return keeper.counts()


def test_what_is_replaced_is_in_the_vault_of_its_capture(tmp_path):
    key = X25519PrivateKey.generate()
    (tmp_path / "v.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    folders = [VaultPolicy(str(tmp_path / "v.pub"), str(tmp_path / "vault")), None]
    captures = [capture(tmp_path / f"c{number}", vault=vault) for number, vault in enumerate(folders)]
    vaults = Vaults()
    keeper = Keeper(keyed(MASTER, vaults), vaults=vaults)
    keeper.follow(KeepingPolicy(captures=tuple(captures)))
    keeper.start()
    for number, each in enumerate(captures):
        keeper.put(each, partial(asked, number, CANARY + b"%d" % number))
    assert "vault_failed" not in ended(keeper)
    opened = Unsealing(tmp_path / "vault", key)
    kept = dict(opened)
    assert [each.whole for each in opened.held] == [True]
    (record,) = read(tmp_path / "c0")
    token = dict(record.exchange.request.fields)[b"authorization"].decode().removeprefix("Bearer ")
    assert kept == {token: CANARY.decode() + "0"}


def test_a_vault_that_takes_nothing_costs_no_record(tmp_path):
    vaults = Vaults()
    keeper = Keeper(keyed(MASTER, vaults), vaults=vaults)
    keeper.follow(KeepingPolicy(captures=(capture(tmp_path / "c", vault=VaultPolicy("/nowhere", "/nowhere")),)))
    keeper.start()
    keeper.put(capture(tmp_path / "c"), asked)
    counted = ended(keeper)
    assert (counted["captures_written"], counted["vault_failed"]) == (1, 1)


@pytest.fixture
def running():
    """Keepers that are ended where the test ends."""
    made = []

    def start(redactor, *captures, redactions=(), **facts):
        made.append(keeper := Keeper(redactor, **facts))
        keeper.follow(KeepingPolicy(tuple(redactions), captures))
        keeper.start()
        return keeper

    yield start
    for keeper in made:
        ended(keeper)


def test_what_is_kept_is_redacted_and_what_was_found_is_counted(running, tmp_path):
    policy = capture(tmp_path / "all")
    keeper = running(keyed(MASTER), policy)
    assert keeper.put(policy, asked)
    assert ended(keeper) == {"captures_written": 1, "captures_dropped": 0, "captures_failed": 0}
    (kept,) = read(tmp_path / "all")
    assert CANARY not in repr(kept).encode()
    assert kept.manifest.policy == digest_of(KeepingPolicy())
    assert sum(keeper.rules.values()) == len(kept.manifest.marks) > 0


def test_equal_values_join_in_one_capture_and_not_across(running, tmp_path):
    one, other = capture(tmp_path / "one"), capture(tmp_path / "other")
    keeper = running(keyed(MASTER), one, other)
    for policy in (one, one, other):
        keeper.put(policy, asked)
    ended(keeper)
    first, second = (dict(kept.exchange.request.fields)[b"authorization"] for kept in read(tmp_path / "one"))
    (elsewhere,) = (dict(kept.exchange.request.fields)[b"authorization"] for kept in read(tmp_path / "other"))
    assert first == second != elsewhere


def test_without_a_capture_there_is_no_thread(running):
    keeper = running(keyed(MASTER))
    assert keeper.counts() == {}
    assert not [each for each in threading.enumerate() if each.name == "capture"]


def test_a_redactor_that_raises_loses_the_exchange_and_stores_nothing(running, tmp_path, caplog):
    policy = capture(tmp_path / "all")

    def failing(keeping, capture):
        def redact(made):
            if made.id == "1":
                raise RuntimeError(CANARY.decode())
            return seal(made, Manifest())

        return redact

    keeper = running(failing, policy)
    for number in range(3):
        keeper.put(policy, partial(asked, number, b"x"))
    counted = {"captures_written": 2, "captures_dropped": 0, "captures_failed": 1, "redaction_failed": 1}
    assert ended(keeper) == counted
    assert [kept.exchange.id for kept in read(tmp_path / "all")] == ["0", "2"]
    assert "RuntimeError" in caplog.text
    assert CANARY.decode() not in caplog.text


def test_an_exchange_of_which_little_is_left_is_told_of(running, tmp_path, monkeypatch):
    policy = capture(tmp_path / "all")

    def failing(*arguments):
        raise RuntimeError

    monkeypatch.setattr("outgate.redact.pipeline.Redactor._redacted", failing)
    keeper = running(keyed(MASTER), policy)
    keeper.put(policy, asked)
    assert ended(keeper)["redaction_failed"] == 1
    assert [kept.exchange.request.fields for kept in read(tmp_path / "all")] == [()]


@pytest.mark.parametrize("bounds", [Bounds(waiting=3), Bounds(bytes=3 * (keepers.OVERHEAD + 100))])
def test_too_much_is_dropped_and_counted_and_nobody_waits(running, tmp_path, bounds):
    policy, goes_on = capture(tmp_path / "all"), threading.Event()

    def slow(keeping, capture):
        def redact(made):
            goes_on.wait(PATIENCE)
            return seal(made, Manifest())

        return redact

    keeper = running(slow, policy, bounds=bounds)
    taken = [keeper.put(policy, partial(asked, number), 100) for number in range(10)]
    assert taken.count(False) >= 6
    goes_on.set()
    counts = ended(keeper)
    assert counts["captures_dropped"] == taken.count(False)
    assert counts["captures_written"] == taken.count(True)


def test_another_policy_holds_for_what_comes_after_it(running, tmp_path):
    policy, other = capture(tmp_path / "all"), capture(tmp_path / "other")
    rule = RedactionRule("mine", (Selector(Carrier.HEADER, "x-mine"),), replacement=Replacement(Strategy.CONSTANT))
    made = replace(asked(), request=replace(asked().request, fields=((b"x-mine", b"plain"),)))
    keeper = running(keyed(MASTER), policy)
    keeper.put(policy, lambda: made)
    keeper.follow(KeepingPolicy((RedactionPolicy("r", rules=(rule,)),), (policy,)))
    keeper.put(policy, lambda: made)
    keeper.follow(KeepingPolicy((), (other,)))
    keeper.put(other, lambda: made)
    assert ended(keeper)["captures_written"] == 3
    assert [dict(kept.exchange.request.fields)[b"x-mine"] for kept in read(tmp_path / "all")] == [b"plain", b"REDACTED"]
    assert len(list((tmp_path / "all").iterdir())) == 1, "the file goes on where only the redaction is another"
    assert len(read(tmp_path / "other")) == 1


def test_what_is_for_a_folder_that_nobody_names_is_lost(running, tmp_path):
    keeper = running(unredacted, capture(tmp_path / "all"))
    keeper.put(capture(tmp_path / "gone"), asked)
    assert ended(keeper)["captures_failed"] == 1
    assert not (tmp_path / "gone").exists()


def test_counts_outlive_the_store(running, tmp_path):
    policy = capture(tmp_path / "all")
    keeper = running(unredacted, policy)
    keeper.put(policy, asked)
    until(lambda: keeper.counts()["captures_written"] == 1)
    keeper.follow(KeepingPolicy())
    until(lambda: not keeper._shelves)
    assert keeper.counts()["captures_written"] == 1


def test_a_body_that_is_longer_once_it_is_decoded_is_left_out(running, tmp_path):
    policy = capture(tmp_path / "all", max_body=10)
    keeper = running(unredacted, policy)
    keeper.put(policy, partial(asked, answer=b"a" * 11))
    ended(keeper)
    (kept,) = read(tmp_path / "all")
    assert kept.exchange.response.body == Body(None, size=11, missing="too_large")
    assert ("response.body", "too_large") in kept.manifest.dropped


def test_the_end_waits_no_longer_than_it_may(running, tmp_path):
    policy, goes_on = capture(tmp_path / "all"), threading.Event()
    keeper = running(lambda keeping, capture: lambda made: goes_on.wait(PATIENCE), policy)
    for number in range(3):
        keeper.put(policy, partial(asked, number))
    until(lambda: len(keeper._waiting) == 2)
    keeper.close(0.05)
    keeper.join()
    try:
        assert keeper.counts()["captures_dropped"] == 2
    finally:
        goes_on.set()


def test_what_is_said_of_redaction_has_one_digest_wherever_it_is_written():
    def said(line):
        source = Source(Where("r.yaml", line, 1), "EgressRedaction", "r", "")
        rule = RedactionRule("mine", (Selector(Carrier.HEADER, "x-mine", source),), source=source)
        return KeepingPolicy((RedactionPolicy("r", rules=(rule,), source=source),))

    assert digest_of(said(1)) == digest_of(said(2)) != digest_of(KeepingPolicy())
