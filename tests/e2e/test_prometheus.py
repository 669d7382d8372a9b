"""Debian's Prometheus beside a page of metrics: the harness with which a running gate is asked.

The page holds every series that dashboard and rules rely on, so that what others ask is answered from a real scrape.
"""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from docpages.markdown import ROOT
from helm import dashboard, samples
from telemetry import queries

from .lab import prometheus
from .lab.prometheus import Prometheus

pytestmark = prometheus.needed
WINDOW = "10s"
RULES = ROOT / "helm" / "outgate" / "rules" / "outgate.yaml"
EXPRESSIONS = dashboard.expressions(dashboard.read())
QUERIES = queries.every(WINDOW)
SERIES = samples.values(1, target={})


class Page(ThreadingHTTPServer):
    """Metrics whose counters are higher each time that they are read."""

    daemon_threads = True

    def __init__(self, status=200):
        super().__init__(("127.0.0.1", 0), Reader)
        self.status, self.reads = status, 0

    def text(self):
        self.reads += 1
        return "".join(f"{name} {first + (last - first) * self.reads}\n" for name, (first, last) in SERIES.items())


class Reader(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.text().encode() if self.path == "/metrics" else b""
        self.send_response(self.server.status if body else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(page):
    thread = threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{page.server_port}"
    finally:
        page.shutdown()
        thread.join()
        page.server_close()


@pytest.fixture(scope="module")
def asked():
    with serving(Page()) as target, Prometheus(target, rules=RULES) as running:
        running.wait(f"rate(istio_requests_total[{WINDOW}]) > 0")
        yield running


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_what_others_ask_is_answered_from_a_scrape(asked, query):
    assert asked.wait(query)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_what_the_dashboard_asks_is_answered_from_a_scrape(asked, expression):
    assert asked.wait(expression)


def test_samples_carry_the_labels_of_the_page(asked):
    (found,) = asked.wait('outgate_build_info{version="0.1.0"}')
    assert found["value"] == 1
    assert found["metric"]["job"] == prometheus.JOB


def test_alerts_of_the_rules_are_seen(asked):
    asked.wait('ALERTS{alertname="OutgateDenied", alertstate="firing"}')
    fired = {alert["labels"]["alertname"] for alert in asked.alerts() if alert["state"] == "firing"}
    assert {"OutgateBlockedEgress", "OutgateDenied", "OutgateNewDestination"} <= fired
    assert "OutgateNotReady" not in fired


def test_no_data_is_told_with_the_expression(asked):
    with pytest.raises(TimeoutError, match=r"no data within 0\.5 s for nothing_of_the_kind"):
        asked.wait("nothing_of_the_kind", within=0.5)


def test_wrong_promql_is_told(asked):
    with pytest.raises(ValueError, match="parse error"):
        asked.query("sum(")


def test_a_page_that_cannot_be_read_is_told():
    with serving(Page(status=500)) as target, Prometheus(target) as running:
        running.wait("up == 0")
        assert "500" in running.problem()
