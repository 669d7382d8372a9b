"""An outage lasts from a fault to the first answer to what was asked after it."""

from __future__ import annotations

from .outages import AT_MOST, late, outages, shown

PROBES = [(0.0, 0.1), (0.9, 1.5), (1.2, 1.6), (4.0, 4.1)]


def test_what_was_asked_before_the_fault_is_no_sign_of_service() -> None:
    assert outages([("kill_a_worker", 1.0)], PROBES) == {"kill_a_worker": {"count": 1, "median": 0.6, "longest": 0.6}}


def test_each_kind_has_its_median_and_longest() -> None:
    faults = [("kill_a_worker", 1.0), ("fill_the_disk", 3.5), ("kill_a_worker", 2.0), ("kill_a_worker", 0.0)]
    table = outages(faults, PROBES)
    assert table["kill_a_worker"] == {"count": 3, "median": 0.6, "longest": 2.1}
    assert table["fill_the_disk"]["longest"] == 0.6
    assert "kill_a_worker                 3      0.60       2.10" in shown(table)


def test_service_that_does_not_come_back_has_no_end() -> None:
    assert outages([("kill_a_worker", 5.0)], PROBES)["kill_a_worker"]["longest"] == float("inf")


def test_only_a_kill_has_to_be_over_in_time() -> None:
    row = {"count": 1, "median": AT_MOST + 1, "longest": AT_MOST + 1}
    in_time = {"count": 1, "median": 0.1, "longest": AT_MOST}
    assert late({"stop_a_worker": row, "kill_a_worker": in_time, "kill_the_supervisor": row}) == ["kill_the_supervisor"]
