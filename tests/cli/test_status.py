"""What `status` makes of a gate's answer, where that is not shown by a gate that runs."""

import pytest

from outgate.cli.status import lines

POLICY = {
    "digest": "abc",
    "mode": "REGISTRY_ONLY",
    "destinations": 2,
    "age": 5,
    "generation": 1,
    "warnings": 0,
    "failures": 0,
    "last_error": "",
}
TOLD = {
    "version": "1",
    "ready": True,
    "reason": "",
    "policy": POLICY,
    "counts": {},
    "connections": 0,
    "guard_trips": 0,
}


@pytest.mark.parametrize(
    ("cluster", "shown"),
    [
        ({}, "12 documents, as it is now"),
        (
            {"absent": ["meshes.kuma.io", "egresses.policy.flomesh.io"]},
            "12 documents, as it is now; 2 kinds not served",
        ),
        ({"age": 180, "reason": "no\x1b[0m"}, r"12 documents, as it was 3.0 min ago: no\x1b[0m"),
        ({"age": 2, "absent": ["meshes.kuma.io"]}, "12 documents, as it was 2 s ago; 1 kind not served"),
    ],
    ids=["now", "without kinds", "away", "away without a kind"],
)
def test_a_cluster_is_shown_as_it_is_known(cluster, shown):
    known = {"age": 0, "reason": "", "documents": 12, "absent": [], **cluster}
    found = [
        line.split(None, 1)[1]
        for line in lines({**TOLD, "policy": POLICY | {"cluster": known}}, "x")
        if "  cluster " in line
    ]
    assert found == [shown]


def test_without_a_cluster_there_is_nothing_of_one():
    assert not any("cluster" in line for line in lines(TOLD, "x"))


def test_what_is_counted_stands_apart_from_its_number():
    rows = list(lines({**TOLD, "counts": {"captures_dropped": 7}}, "x"))[1:]
    assert "  captures_dropped  7" in rows
    assert {row[18:20] for row in rows} == {"  "}
