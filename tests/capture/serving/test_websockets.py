"""WebSockets: the recorded conversation, with a client that says the same in other words, or something else."""

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from capture.exchanges import sealed
from capture.serving.served import serving, trusting
from outgate.redact.exchange import WebSocketMessage

OPENED = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"x-room", b"7")]


def chat(*messages, marks=(), close_code=1000, answered=()):
    """`>` before what the client says, `<` before what the server does; bytes are binary."""
    made = tuple(
        WebSocketMessage(0.1 * number, each[0] in (">", ord(">")), isinstance(each, str), _bytes(each[1:]))
        for number, each in enumerate(messages)
    )
    return sealed(
        "https://api.example/chat?room=7", status=101, answered=[*OPENED, *answered], messages=made,
        close_code=close_code, marks=marks,
    )  # fmt: skip


def _bytes(said):
    return said.encode() if isinstance(said, str) else said


def opened(served, **facts):
    return connect("ws://api.example/chat?room=7", sock=served.dial(), **facts)


def ended(client):
    """The code and the reason of its end."""
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=20)
    return client.close_code, client.close_reason


def test_the_conversation_is_held_again():
    with serving(chat('>{"a": 1, "b": 2}', "<one", b"<\x00\xff", ">more", "<end", close_code=3000)) as served:
        for _ in range(2):
            with opened(served) as client:
                client.send('{"b": 2.0, "a": 1}')
                assert [client.recv(timeout=20), client.recv(timeout=20)] == ["one", b"\x00\xff"]
                client.send("more")
                assert client.recv(timeout=20) == "end"
                assert ended(client) == (3000, "")
                assert client.response.headers["x-room"] == "7"
    assert served.misses == []
    assert served.unused == []


def test_over_tls():
    with serving(chat("<hello")) as served:
        context = trusting()
        with connect("wss://api.example/chat?room=7", sock=served.dial(), ssl=context) as client:
            assert client.recv(timeout=20) == "hello"


@pytest.mark.parametrize(
    ("said", "difference"),
    [
        ('{"a": 2}', 'message[0].$.a: recorded "1", asked "2"'),
        ('{"b": 1}', 'message[0].$.a: recorded "1", is not asked'),
        (b'{"a": 1}', "message[0]: recorded text, asked bytes"),
        ("hello", 'message[0].$.a: recorded "1", is not asked'),
    ],
)
def test_something_else_ends_it_and_is_a_miss(said, difference):
    with serving(chat('>{"a": 1}', "<fine")) as served, opened(served) as client:
        client.send(said)
        assert ended(client) == (4599, f"not recorded: {difference}")
    assert [miss.places for miss in served.misses] == [(difference.partition(":")[0],)]


def test_what_was_redacted_takes_any_value():
    recorded = chat('>{"token": "tok_1", "n": 1}', "<fine", marks=[("message[0].$.token", "token")])
    with serving(recorded) as served, opened(served) as client:
        client.send('{"token": "mine", "n": 1}')
        assert client.recv(timeout=20) == "fine"


def test_a_client_that_leaves_early_harms_nobody():
    with serving(chat(">never", "<said")) as served:
        with opened(served):
            pass
        with opened(served) as client:
            client.send("never")
            assert client.recv(timeout=20) == "said"


def test_long_messages_in_pieces_and_compressed():
    long = "x" * 500_000
    with serving(chat(f">{long}", f"<{long}")) as served, opened(served, compression="deflate") as client:
        client.send([long[:1000], long[1000:]])
        assert client.recv(timeout=20) == long


def test_a_subprotocol_that_was_chosen_is_chosen_again():
    recorded = chat("<hi", answered=[(b"sec-websocket-protocol", b"v2")])
    with serving(recorded) as served:
        with opened(served, subprotocols=["v1", "v2"]) as client:
            assert client.subprotocol == "v2"
        with opened(served) as client:
            assert client.subprotocol is None


def test_one_that_was_refused_is_refused_again():
    refused = sealed("https://api.example/chat?room=7", status=403, answer=b"no")
    with serving(refused) as served, pytest.raises(InvalidStatus) as caught:
        opened(served)
    assert caught.value.response.status_code == 403
