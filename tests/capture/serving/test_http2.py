"""HTTP/2: streams side by side, trailers, and windows that are full."""

import json

import grpc
import pytest

from capture.exchanges import body_of, sealed
from capture.formats.written import kinds
from capture.serving.served import serving
from e2e.http2_client import Client, request
from outgate.redact.exchange import Body

KINDS = {name: kept for name, kept in kinds().items() if name not in ("websocket", "error", "not kept", "odd names")}


def ask(client, kept):
    asked = kept.exchange.request
    gone = (b"host", b"content-length", b"content-encoding", b"connection", b"upgrade")
    fields = [(name.decode(), value.decode("latin-1")) for name, value in asked.fields if name.lower() not in gone]
    host = asked.host if asked.port in (80, 443) else f"{asked.host}:{asked.port}"
    head = request(host, asked.target, asked.method, asked.scheme) + fields
    return client.ask(head, asked.body.content or None)


def test_every_kind_is_answered_as_it_was_recorded_on_one_connection():
    with serving(*KINDS.values()) as served, served.secure("api.example", "h2") as sock:
        assert sock.selected_alpn_protocol() == "h2"
        client = Client(sock)
        for kept in KINDS.values():
            stream = ask(client, kept)
            assert stream.ended
            assert stream.status != 599
    assert served.misses == []


@pytest.mark.parametrize("name", KINDS)
def test_bodies_and_trailers(name):
    kept = KINDS[name]
    with serving(kept) as served, served.dial() as sock:
        stream = ask(Client(sock), kept)
    response = kept.exchange.response
    assert (stream.status, stream.body) == (response.status, response.body.content)
    assert stream.trailers == [(key.decode(), value.decode()) for key, value in response.trailers]


def test_grpc_that_ends_at_once_has_its_status_in_its_headers():
    kept = sealed(
        "https://api.example/lab.Echo/One", "POST", b"\0\0\0\0\0",
        answered=[(b"content-type", b"application/grpc"), (b"grpc-status", b"5")],
        fields=[(b"content-type", b"application/grpc")],
    )  # fmt: skip
    with serving(kept) as served, served.dial() as sock:
        stream = ask(Client(sock), kept)
    assert dict(stream.headers)["grpc-status"] == "5"
    assert (stream.body, stream.trailers, stream.ended) == (b"", [], True)


def test_a_miss_is_599():
    with serving(sealed()) as served, served.dial() as sock:
        stream = Client(sock).ask(request("api.example", "/nothing"))
    assert stream.status == 599
    assert json.loads(stream.body)["outgate"]["difference"][0]["place"] == "path[0]"


def test_no_answer_resets_the_stream_alone():
    with serving(sealed(status=0, error="timeout"), sealed("https://api.example/b")) as served, served.dial() as sock:
        client = Client(sock)
        assert client.ask(request("api.example", "/items")).reset == 2
        assert client.ask(request("api.example", "/b")).status == 200


def test_many_at_once_and_larger_than_their_windows():
    large = [sealed(f"https://api.example/{number}", answer=body_of(bytes([number]) * 300_000)) for number in range(8)]
    with serving(*large) as served, served.dial() as sock:
        client = Client(sock)
        begun = [client.send(request("api.example", f"/{number}")) for number in range(8)]
        for number, stream in enumerate(map(client.answer, begun)):
            assert stream.body == bytes([number]) * 300_000


def test_large_requests_are_read():
    body = b"x" * 400_000
    with serving(sealed("https://api.example/items", "PUT", body)) as served, served.dial() as sock:
        client = Client(sock)
        number = client.send(request("api.example", "/items", "PUT"), end=False)
        client.pour(number, [body])
        assert client.answer(number).status == 200


def test_what_is_no_http2_ends_the_connection():
    with serving(sealed()) as served:
        with served.dial() as sock:
            sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\1\1\0\0\0\0\0\xff")
            while sock.recv(4096):
                pass
        with served.dial() as sock:
            assert Client(sock).ask(request("api.example", "/items")).status == 200


def test_a_body_that_was_not_kept_is_a_miss():
    kept = sealed(answer=Body(None, missing="streamed"))
    with serving(kept) as served, served.dial() as sock:
        assert ask(Client(sock), kept).status == 599


def framed(message):
    return b"\0" + len(message).to_bytes(4) + message


def test_a_grpc_client_is_answered_by_its_message():
    def recorded(asked, *answers, status=b"0", details=b""):
        return sealed(
            "http://api.example/lab.Echo/Many", "POST", framed(asked),
            fields=[(b"content-type", b"application/grpc"), (b"te", b"trailers")],
            answered=[(b"content-type", b"application/grpc")],
            answer=b"".join(map(framed, answers)), trailers=[(b"grpc-status", status), (b"grpc-message", details)],
        )  # fmt: skip

    kept = [recorded(b"one", b"1", b"2"), recorded(b"two", status=b"5", details=b"nobody")]
    with (
        serving(*kept) as served,
        grpc.insecure_channel(f"{served.host}:{served.port}", [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        call = channel.unary_stream("/lab.Echo/Many")
        assert list(call(b"one", timeout=20)) == [b"1", b"2"]
        with pytest.raises(grpc.RpcError) as caught:
            list(call(b"two", timeout=20))
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "nobody")
        with pytest.raises(grpc.RpcError):
            list(call(b"three", timeout=20))
    assert [miss.places for miss in served.misses] == [("body.$",)]
