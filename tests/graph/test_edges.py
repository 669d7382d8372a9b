"""Names, shares and percentiles of edges, and their order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.drawing import API, EDGES, WEB, edge, graph
from outgate.graph.edges import caller_name, legible, percentile, place_name, plain, size, span
from outgate.telemetry.calls import BOUNDS, Caller, Edge, Place


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (Caller("prod", "web"), "prod/web"),
        (Caller("prod", "web", "web"), "prod/web"),
        (Caller("prod", "web", "shop"), "prod/web (shop)"),
        (Caller("prod"), "prod"),
        (Caller(workload="shop"), "shop"),
        (Caller(address="192.0.2.7"), "192.0.2.7"),
        (Caller(), "others"),
    ],
)
def test_callers_have_names(caller, name):
    assert caller_name(caller) == name


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (API, "default/api"),
        (Place("internal", "internal/db"), "db"),
        (Place("unregistered", "a/b.example"), "a/b.example"),
        (Place("unregistered", ""), "nothing named"),
        (Place("other", ""), "others"),
    ],
)
def test_places_have_names(place, name):
    assert place_name(place) == name


@given(st.lists(st.floats(0, 400), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_percentile_is_within_the_bucket_of_the_real_one(durations, share):
    counted = Edge(WEB, API, "allow")
    for seconds in durations:
        counted.count(0.0, seconds, ("HTTP/1.1", "", 80, ""))
    real = sorted(durations)[min(len(durations) - 1, max(0, -(-int(share * 100 * len(durations)) // 100) - 1))]
    found = percentile(counted.durations, share)
    assert real / 2**0.5 - 0.0005 <= found <= max(real * 2**0.5, BOUNDS[0])


def test_without_http_there_is_no_percentile():
    row = graph(edge(way=("TLS", "tunnelled", 443, "registered"))).rows[0]
    assert (row.p50, row.p95) == (None, None)
    assert row.words == "allowed, 1 request, TLS, TLS tunnelled"


def test_words_tell_what_matters_of_a_verdict():
    assert graph(edge(times=4, errors=1)).rows[0].words.startswith("allowed, 4 requests, 25.0% errors, p50 ")
    assert graph(edge(verdict="deny", way=("", "", 0, "unregistered"))).rows[0].words == (
        "denied, 1 request, unregistered"
    )
    foreseen = graph(edge(verdict="would_deny", way=("", "", 0, "unregistered"))).rows[0]
    assert foreseen.words == "would be denied, 1 request, unregistered"


def test_it_is_of_one_namespace_and_since_a_time():
    both = (edge(times=5), edge(Caller("batch", "etl")))
    assert [row.caller for row in graph(*both).rows] == ["prod/web", "batch/etl"]
    assert [row.caller for row in graph(*both, namespace="batch").rows] == ["batch/etl"]
    assert [row.caller for row in graph(*both, since=1_700_000_002.0).rows] == ["prod/web"]


def test_the_json_is_as_documented():
    told = plain(graph(edge(times=2, errors=1)))
    assert json.loads(json.dumps(told)) == told
    assert told | {"edges": []} == {
        "version": 1,
        "source": "127.0.0.1:15000",
        "since": 1_700_000_000.0,
        "until": 1_700_000_001.1,
        "edges": [],
    }
    (found,) = told["edges"]
    assert 70 < found.pop("p50_ms") < found.pop("p95_ms") < 142
    assert found == {
        "caller": {"name": "prod/web", "namespace": "prod", "service_account": "web", "workload": "", "address": ""},
        "destination": {"name": "default/api", "kind": "registered", "key": API.name},
        "verdict": "allow",
        "requests": 2,
        "errors": 1,
        "error_share": 0.5,
        "sent": 0,
        "received": 0,
        "protocols": ["HTTP/1.1"],
        "tls": ["mutual"],
        "ports": [443],
        "codes": ["registered"],
        "first": 1_700_000_000.0,
        "last": 1_700_000_001.1,
    }


@given(st.lists(EDGES, unique_by=lambda edge: (edge.caller, edge.place, edge.verdict)), st.randoms())
def test_the_order_is_the_same_whatever_came_first(edges, random):
    shuffled = random.sample(edges, len(edges))
    assert plain(graph(*edges))["edges"] == plain(graph(*shuffled))["edges"]


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (span(0.0123), "12.3 ms"),
        (span(0.9999), "1 s"),
        (span(75), "75 s"),
        (span(None), ""),
        (size(1023), "1023 B"),
        (size(1536), "1.5 KiB"),
        (size(1 << 50), "1024.0 TiB"),
        (legible("a\nb\x00\u202e\ud800\ufffe"), r"a\nb\x00\u202e\ud800\ufffe"),
    ],
)
def test_numbers_and_texts_for_people(told, text):
    assert told == text
