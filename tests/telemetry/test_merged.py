"""Several processes are one to whoever asks, and nothing that was counted is counted twice or lost."""

import json

from hypothesis import given
from hypothesis import strategies as st

from outgate.telemetry import names
from outgate.telemetry.aggregate import Families, Scraped
from outgate.telemetry.merged import ended, merged, plain, read
from outgate.telemetry.metrics import Metrics
from telemetry.events import DENIED, event, reached

NUMBERS = st.integers(0, 10_000)
LABEL = st.sampled_from(["a", "b", "c"])
COUNTED = st.dictionaries(LABEL, NUMBERS)
SPREAD = st.dictionaries(LABEL, st.lists(NUMBERS, max_size=5))


@st.composite
def scraped(draw) -> Scraped:
    families = Families()
    for label, number in draw(COUNTED).items():
        families.count(names.BOUNDS, label).value += number
    for label, number in draw(COUNTED).items():
        families.count(names.CLIENT_OPEN, "active", label, "443").value += number
    for label, number in draw(COUNTED).items():
        families.count(names.ORIGIN_CERTIFICATE, label, "443").value = number
    for label, numbers in draw(SPREAD).items():
        spec = names.DNS_DURATION
        for number in numbers:
            families.histogram(spec).at((spec.labels, (label, ""))).add(number)
    return families.scraped()


def values(parts, spec):
    """The values of each series of a metric, of all parts."""
    found = {}
    for part in parts:
        for labels, value in part.get(spec.name, {}).items():
            found.setdefault(labels, []).append(value)
    return found


@given(st.lists(scraped(), max_size=4))
def test_the_whole_is_the_sum_of_its_parts(parts):
    whole = merged(parts)
    for spec in (names.BOUNDS, names.CLIENT_OPEN):
        assert whole.get(spec.name, {}) == {labels: sum(each) for labels, each in values(parts, spec).items()}
    expiry = names.ORIGIN_CERTIFICATE
    assert whole.get(expiry.name, {}) == {labels: max(each) for labels, each in values(parts, expiry).items()}
    spread = values(parts, names.DNS_DURATION)
    assert whole.get(names.DNS_DURATION.name, {}) == {
        labels: [sum(column) for column in zip(*each, strict=True)] for labels, each in spread.items()
    }


@given(scraped(), scraped(), scraped())
def test_in_whatever_order_they_are_added(one, two, three):
    assert merged((merged((one, two)), three)) == merged((three, merged((two, one))))


@given(scraped())
def test_adding_changes_no_part(part):
    before = plain(part)
    merged((part, part))
    assert plain(part) == before


@given(scraped(), scraped())
def test_of_a_process_that_has_ended_what_it_counted_stays(past, now):
    whole, left = merged((ended(past), now)), ended(past)
    assert names.CLIENT_OPEN.name not in left
    assert names.ORIGIN_CERTIFICATE.name not in left
    for name, series in left.items():
        for labels, value in series.items():
            both = whole[name][labels]
            assert both[-1] >= value[-1] if isinstance(both, list) else both >= value


def test_a_message_says_all_of_it():
    metrics = Metrics()
    metrics.observe(event(reached=(reached(),)))
    metrics.observe(event("evil.example", DENIED))
    metrics.observe(event(kind="tls"))
    told = metrics.scraped()
    assert read(json.loads(json.dumps(plain(told)))) == told
    assert len(json.dumps(plain(told))) < 10_000


def test_a_metric_of_another_version_is_left_out():
    assert read({"names": [["a"]], "labels": [[0, ["b"]]], "series": {"nobody_knows_total": [[0, 1]]}}) == {}
