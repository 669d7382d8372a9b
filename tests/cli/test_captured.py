"""A capture says what a log would, line by line."""

import json

from hypothesis import given

from capture.exchanges import kept, sealed
from capture.formats.written import tunnel
from outgate.cli.captured import lines
from outgate.redact.exchange import Timing, Verdict
from outgate.telemetry.loglines import Reading


def told(found):
    return json.loads(next(lines([found])))


def test_a_request():
    made = sealed("https://api.example/a?b", "POST", b"12", answer=b"345", caller="prod/web", timing=Timing(end=0.25))
    assert told(made) == {
        "time": "2001-09-09T01:46:40+00:00",
        "verdict": "allow",
        "code": "",
        "destination": "",
        "failure": "",
        "namespace": "prod",
        "service_account": "web",
        "source": "unnamed",
        "duration_ms": 250.0,
        "kind": "http",
        "scheme": "https",
        "host": "api.example",
        "port": 443,
        "protocol": "HTTP/1.1",
        "status": 200,
        "sent": 2,
        "received": 3,
    }


def test_a_denial_and_a_tunnel():
    assert told(sealed(verdict=Verdict("deny", "unregistered")))["verdict"] == "deny"
    found = told(tunnel())
    assert (found["kind"], found["host"], found["sent"], found["received"]) == ("tcp", "tcp.example", 10, 20)


@given(kept)
def test_any_exchange_is_a_line_of_a_log(found):
    reading = Reading()
    reading.read(lines([found]))
    assert reading.strange == 0
