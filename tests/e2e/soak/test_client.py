"""What came is read as far as it came, and what was cut off is known to be."""

from __future__ import annotations

import pytest

from .client import read
from .oracle import Outcome

DENIED = b'{"outgate": {"code": "unregistered"}}'


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"", Outcome(0)),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Outcome(0)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", Outcome(200)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Outcome(200, whole=False)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", Outcome(200)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", Outcome(200, whole=False)),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 37\r\n\r\n" + DENIED, Outcome(502, "unregistered")),
    ],
)
def test_an_answer_is_read_as_far_as_it_came(answer: bytes, outcome: Outcome) -> None:
    assert read(answer) == outcome
