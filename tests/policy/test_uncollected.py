"""How the collector of cycles is set while many objects are made."""

import gc
from pathlib import Path

import pytest

from outgate.policy.compile import load
from outgate.policy.frontends import Setting
from outgate.policy.uncollected import NEVER, USUAL, uncollected

EXAMPLES = Path(__file__).parents[2] / "policy" / "examples"


def test_nobody_looks_through_everything_meanwhile():
    with uncollected():
        assert gc.get_threshold() == (*USUAL[:2], NEVER)
    assert gc.get_threshold() == USUAL


def test_it_is_as_usual_again_when_the_last_is_done():
    first, second = uncollected(), uncollected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[2] == NEVER
    second.__exit__(None, None, None)
    assert gc.get_threshold() == USUAL


def test_it_is_as_usual_again_after_a_failure():
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.get_threshold() == USUAL


@pytest.mark.parametrize("dialect", ["istio", "kuma", "linkerd", "native", "osm"])
def test_what_a_load_makes_goes_by_itself(dialect):
    """There is nothing in a policy that only the collector would find: it may be off, and the policy may be kept."""
    load([EXAMPLES / dialect], Setting())
    gc.collect()
    policy = load([EXAMPLES / dialect], Setting())
    assert policy.destinations
    del policy
    assert gc.collect() == 0
