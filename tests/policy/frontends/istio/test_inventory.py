"""The table of fields that are not yet applied is the one that the shapes make."""

import os
from pathlib import Path

from outgate.policy.model import Fate
from policy.frontends.istio import inventory

PAGE = Path(__file__).parents[4] / "docs" / "fields-not-yet-applied.md"


def test_the_checked_in_table_is_current():
    """OUTGATE_REFRESH=1 writes it anew."""
    if os.environ.get("OUTGATE_REFRESH"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(inventory.table(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == inventory.table()


def test_every_field_has_one_entry():
    for kind in inventory.SHAPES:
        paths = [entry.path for entry in inventory.entries(kind)]
        assert len(paths) == len(set(paths))


def test_every_field_that_is_not_applied_and_guards_something_says_why():
    for kind in inventory.SHAPES:
        for entry in inventory.entries(kind):
            if entry.guards or entry.fate in (Fate.IGNORED, Fate.APPROXIMATED, Fate.REJECTED):
                assert entry.note or not entry.top, f"{kind} {entry.path}"


def test_what_is_inside_of_a_field_that_is_not_applied_shares_its_fate():
    found = {entry.path: entry for entry in inventory.entries("DestinationRule")}
    inner = found["spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.enabled"]
    assert (inner.fate, inner.top, inner.leaf) == (Fate.LATER, False, True)
