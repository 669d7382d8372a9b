"""Names of written documents: those they had, as long as no two are the same."""

import pytest

from outgate.converting.naming import LONGEST, Destinations, Names
from outgate.converting.values import Unwritable
from outgate.policy.model import Destination, Source
from outgate.problems import Where


def destination(key, name, namespace="shop", kind="ServiceEntry"):
    source = Source(Where("a.yaml"), kind, name, namespace)
    return Destination(key, name, namespace, (), (), (), source=source)


def test_a_name_is_kept_and_has_a_number_where_it_is_taken():
    names = Names()
    assert [names.free("A", "shop", "a") for _ in range(3)] == ["a", "a-2", "a-3"]
    assert names.free("B", "shop", "a") == "a"
    assert names.free("A", "", "a") == "a"


def test_a_name_has_no_slash_and_an_end():
    names = Names()
    assert names.free("A", "", "a/b") == "a-b"
    assert len(names.free("A", "", "a" * 300)) < LONGEST
    assert names.free("Kind", "", "") == "kind"


def test_destinations_are_found_by_their_keys_and_by_their_documents():
    one, other = destination("istio/a", "a"), destination("istio/b", "a")
    known = Destinations([one, other], Names())
    assert known.reference(other) == "shop/a-2"
    assert known.owner("istio/b|v1") == (other, "shop/a-2", "v1")
    assert known.targets("ServiceEntry/shop/a") == ["shop/a", "shop/a-2"]
    assert known.targets("ServiceEntry/shop/z") == []


def test_a_route_that_leads_to_nothing_is_refused():
    with pytest.raises(Unwritable, match="a route leads to istio/z, which is no destination"):
        Destinations([], Names()).owner("istio/z")
