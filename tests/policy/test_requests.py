"""What no strict parser reads in one way never comes to the policy; of upgrades only WebSockets do."""

import pytest

from outgate.policy.model import Code
from outgate.policy.requests import malformed, refusal, upgrade


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        (b"", b"/", []),
        (b"G T", b"/", []),
        (b"GET\n", b"/", []),
        (b"M" * 33, b"/", []),
        (b"G\xc9T", b"/", []),
        (b"GET", b"", []),
        (b"GET", b"a", []),
        (b"GET", b"*", []),
        (b"options", b"*", []),
        (b"OPTIONS", b"**", []),
        (b"GET", b"/a b", []),
        (b"GET", b"/\x00", []),
        (b"GET", b"/\x7f", []),
        (b"GET", b"/\n", []),
        (b"GET", b"/", [(b"x", b"a\r\nb")]),
        (b"GET", b"/", [(b"x", b"a"), (b"x", b"\x00")]),
        (b"GET", b"/", [(b"x\ny", b"")]),
        (b"GET", b"/", [(b"x", b"a\x0bb")]),
        (b"GET", b"/", [(b"x", b"\x1f")]),
        (b"GET", b"/", [(b"x", b"a\x7f")]),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(method, path, fields):
    refused = malformed(method, path, fields)
    assert refused is not None
    assert refused.code is Code.REQUEST_MALFORMED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (b"GET", b"/"),
        (b"M" * 32, b"/"),
        (b"!#$%&'*+-.^_`|~09aZ", b"/"),
        (b"GET", b"/\x21\x7e\x80\xff"),
        (b"OPTIONS", b"*"),
    ],
)
def test_what_has_one_meaning_passes(method, path):
    assert refusal(method, path, [(b"x", b"a\tb \xff")], "") is None


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(
    ("method", "offer", "passes"),
    [
        (b"GET", "", "both"),
        (b"POST", "", "both"),
        (b"GET", " , ", "both"),
        (b"POST", "h2c", "both"),
        (b"GET", "H2C, h2c", "both"),
        (b"GET", "WebSocket", "http/1"),
        (b"POST", "websocket", "neither"),
        (b"GET", "websocket, h2c", "neither"),
        (b"GET", "tls/1.3", "neither"),
    ],
)
def test_only_websockets_upgrade_and_only_in_http1(http2, method, offer, passes):
    refused = upgrade(method, offer, http2=http2)
    assert (refused is None) is (passes == "both" or (passes == "http/1" and not http2))
    assert refused is None or refused.code is Code.UPGRADE_REFUSED


def test_a_long_offer_is_not_told_whole():
    refused = upgrade(b"GET", "x" * 1000, http2=False)
    assert refused is not None
    assert len(refused.reason) < 120


def test_what_is_malformed_is_not_asked_for_its_upgrade():
    refused = refusal(b"G T", b"/", [], "tls/1.3")
    assert refused is not None
    assert refused.code is Code.REQUEST_MALFORMED
