"""A capture tells what was spoken where, by whom, and how it was judged."""

import pytest

from capture.exchanges import exchange
from outgate.learning.captured import seen
from outgate.learning.seen import Seen, Speech
from outgate.redact.exchange import Exchange, Relayed, Verdict


def tunnel(sni=""):
    return Exchange("1", 1e9, relayed=Relayed("192.0.2.7", 443, sni=sni))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (exchange("https://a.example/x"), Seen(Speech.HTTPS, "a.example", 443)),
        (exchange("http://a.example:8080/", caller="prod/web"), Seen(Speech.HTTP, "a.example", 8080, "prod/web")),
        (exchange("http://a.example/", caller="not a caller"), Seen(Speech.HTTP, "a.example", 80)),
        (tunnel("a.example"), Seen(Speech.TLS, "a.example", 443)),
        (tunnel(), Seen(Speech.TCP, "192.0.2.7", 443)),
        (
            exchange("https://a.example/", verdict=Verdict("deny", "unregistered")),
            Seen(Speech.HTTPS, "a.example", 443, denied="unregistered"),
        ),
        (
            exchange("https://a.example/", verdict=Verdict("allow", "internal")),
            Seen(Speech.HTTPS, "a.example", 443, internal=True),
        ),
        (Exchange("1", 1e9), None),
    ],
)
def test_what_was_seen(made, told):
    assert seen(made) == told
