"""Which request headers leave the gate."""

import pytest

from outgate.policy.headers import joined, leaving, listed


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, {}),
        ({"x-a": "1", "accept": "*/*"}, {"x-a": "1", "accept": "*/*"}),
        ({"connection": "keep-alive", "keep-alive": "5", "te": "trailers", "proxy-authorization": "x"}, {}),
        ({"connection": "X-A , close", "x-a": "1", "x-b": "2"}, {"x-b": "2"}),
        ({"connection": "authorization, cookie", "authorization": "a", "cookie": "c"},
         {"authorization": "a", "cookie": "c"}),
        ({"connection": "Upgrade", "upgrade": "WebSocket"}, {"connection": "Upgrade", "upgrade": "websocket"}),
        ({"connection": "upgrade", "upgrade": "h2c"}, {}),
        ({"upgrade": "websocket"}, {}),
        ({"x-outgate-verdict": "allow"}, {}),
    ],
)  # fmt: skip
def test_what_is_for_this_hop_ends_here(given, left):
    assert leaving(given, "a.example") == left | {"host": "a.example"}


def test_the_host_is_the_canonical_one():
    assert leaving({"host": "A.example."}, "a.example:81") == {"host": "a.example:81"}


def test_headers_of_one_name_are_joined():
    assert joined([("X", "1"), ("y", "2"), ("x", "3")]) == {"x": "1, 3", "y": "2"}


def test_members_of_a_list_are_without_case_and_blanks():
    assert listed(" A,b ,,") == {"a", "b"}
