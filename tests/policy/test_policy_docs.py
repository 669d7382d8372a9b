"""docs/policy.md names every code and every native field, and none that is not there."""

import re
from pathlib import Path

import pytest

from outgate.policy.decide import STATUS
from outgate.policy.frontends.native import (
    access,
    capture,
    defaults,
    destination,
    exchanges,
    redaction,
    telemetry,
    tls,
    traffic,
    traffic_fields,
)
from outgate.policy.model import Code
from outgate.policy.redaction_model import Format, Strategy
from outgate.policy.schema import Fields

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()


SPECS = [
    ("EgressDefaults", [defaults.SPEC]),
    ("EgressDestination", [destination.SPEC, tls.TLS]),
    ("EgressTelemetry", [telemetry.SPEC]),
    (
        "EgressTraffic",
        [traffic.SPEC, traffic_fields.MATCH.of, traffic_fields.WHO, traffic_fields.TEXT.of, traffic_fields.PATH.of],
    ),
    ("EgressRedaction", [redaction.SPEC, redaction.REPLACE, exchanges.MATCH.of]),
    ("EgressCapture", [capture.SPEC]),
]


def section(title):
    return re.split(r"^#{2,3} ", TEXT.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def words(text):
    return set(re.findall(r"[A-Za-z][A-Za-z0-9]*", " ".join(re.findall(r"`([^`]+)`", text))))


def rows(text):
    return {match[1]: match[2] or "" for match in re.finditer(r"^\| `(\w+)` \| (?:`?(\w+)`? )?\|", text, re.MULTILINE)}


def test_every_code_is_there_with_its_status():
    expected = {code.value: str(STATUS.get(code, "denyStatus")) for code in Code}
    expected |= dict.fromkeys(("registered", "internal", "allow_any", "observed"), "")
    assert rows(section("Codes")) == expected


def names(fields: Fields):
    """Every field name below a shape; mappings of fields within lists and choices too."""
    for name, field in fields.fields.items():
        yield name
        shape = field.shape
        while not isinstance(shape, Fields) and hasattr(shape, "of"):
            shape = shape.of
        if isinstance(shape, Fields):
            yield from names(shape)


@pytest.mark.parametrize(("title", "specs"), SPECS)
def test_every_field_of_a_kind_is_there(title, specs):
    elsewhere = {"EgressCapture": exchanges.MATCH.of, "EgressTraffic": destination.UPSTREAM}
    shared = set(names(elsewhere[title])) if title in elsewhere else set()
    assert {name for spec in specs for name in names(spec)} - shared <= words(section(title))


def test_every_field_of_access_rules_is_there():
    assert {*access.SPEC.fields, *access.SOURCES, *access.OPERATIONS, "headers"} <= words(section("EgressAccess"))


@pytest.mark.parametrize(("title", "specs"), SPECS)
def test_no_field_is_there_that_a_kind_has_not(title, specs):
    known = {name for fields in specs for name in names(fields)}
    firsts = re.findall(r"^\| ((?:`[\w.\[\]]+`(?:, )?)+) \|", section(title), re.MULTILINE)
    written = {word for first in firsts for word in words(first)} - {"tls"} - {each.upper() for each in Strategy}
    assert written
    assert written <= known | {"tls"}


def test_every_strategy_and_format_is_there():
    named = {*Strategy, *Format} - {Format.EMPTY}
    assert {name.upper() for name in named} <= words(section("EgressRedaction"))


def test_links_lead_to_headings_and_files():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            slugs = {
                re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                for line in TEXT.splitlines()
                if line.startswith("#")
            }
            assert target[1:] in slugs
        else:
            assert (Path(__file__).parents[2] / "docs" / target.partition("#")[0]).exists()
