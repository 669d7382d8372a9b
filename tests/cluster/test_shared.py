"""A worker has the set that its supervisor has heard, whole."""

from __future__ import annotations

import os

import pytest

from cluster.conftest import ENTRIES, kind
from cluster.test_objects import FULL
from outgate.cluster import shared
from outgate.cluster.objects import read
from outgate.cluster.shared import SharedSet
from outgate.cluster.store import Set
from outgate.problems import PolicyError


@pytest.fixture
def file():
    made = os.memfd_create("set")
    yield made
    os.close(made)


def test_a_set_is_read_as_it_was_written_and_a_shorter_one_after_it(file):
    found = read(kind(ENTRIES), FULL)
    shared.write(file, Set((found,), "x"))
    reader = SharedSet(file)
    first = reader.look()
    assert [document.where.file for document in reader.documents()] == ["cluster:ServiceEntry/prod/a"]
    shared.write(file, Set())
    assert reader.documents() == []
    assert reader.look() != first


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_set_that_is_half_written_is_none(file, cut):
    shared.write(file, Set((read(kind(ENTRIES), FULL),), "x"))
    whole = os.fstat(file).st_size
    os.ftruncate(file, cut % whole)
    with pytest.raises(PolicyError, match="just being written"):
        SharedSet(file).documents()
