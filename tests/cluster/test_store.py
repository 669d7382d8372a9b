"""A set is made of parts that are all of now, and how long one is not is told."""

from __future__ import annotations

from cluster.conftest import ENTRIES, POLICIES, kind
from cluster.test_objects import FULL
from outgate.cluster.objects import read
from outgate.cluster.store import Store


def test_the_age_is_that_of_the_part_that_fell_first():
    now = [100.0]
    store = Store(lambda: now[0])
    entries, policies = store.part(kind(ENTRIES)), store.part(kind(POLICIES), "prod")
    assert store.away() == (0.0, "serviceentries.networking.istio.io: not listed yet")
    now[0] = 107.0
    entries.stand()
    assert not store.standing()
    assert store.away() == (7.0, "authorizationpolicies.security.istio.io in prod: not listed yet")
    policies.stand()
    assert store.standing()
    assert store.away() == (0.0, "")
    entries.fall()
    now[0] = 110.0
    policies.fall("refused")
    policies.fall("refused again")
    now[0] = 112.0
    assert store.away() == (5.0, "authorizationpolicies.security.istio.io in prod: refused again")


def test_what_was_known_is_kept_while_a_part_is_away():
    store = Store()
    part = store.part(kind(ENTRIES))
    found = read(kind(ENTRIES), FULL)
    part.replace([found], "20")
    part.stand()
    before = store.whole()
    part.fall("away")
    assert list(part.objects.values()) == [found]
    assert before.objects == (found,)
    part.remove(found)
    assert before.objects == (found,)
    assert store.whole().digest != before.digest
