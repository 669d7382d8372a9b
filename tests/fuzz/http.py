"""HTTP/1 between a workload and an origin: what leaves the gate on either side is what h11 reads, and reads alike."""

from __future__ import annotations

import re
from typing import NamedTuple

import h11

from fuzz.conversation import Answering, Conversation
from fuzz.target import Draw, given, target
from outgate.proxy.classify import Speech, classify
from outgate.proxy.hello import MalformedHello

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ASKED = b"GET /a HTTP/1.1\r\nHost: api.example\r\n\r\n"
MOST = 1 << 20
RAW = re.compile(rb"[!-~]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]\r?\n")
ASCII = bytes(byte if byte < 0x80 else ord("~") for byte in range(256))
UNKNOWN_CODING = "Only Transfer-Encoding: chunked is supported"
"""What h11 says of codings that it does not know, and that are passed on: `gzip, chunked` is framed like `chunked`."""


class Message(NamedTuple):
    """A whole request."""

    method: bytes
    target: bytes
    body: bytes
    fields: list[tuple[bytes, bytes]]


def strictly(data: bytes) -> bytes:
    """Without what h11 refuses in a request line and the gate passes on by intent: a target goes to its origin byte by
    byte, also what of it is outside ASCII. Where there are rules on paths it is refused."""
    line = RAW.match(data)
    return data if line is None else line[0].translate(ASCII) + data[line.end() :]


def requests_in(data: bytes) -> list[Message]:
    """The whole requests in what an origin received. Raises `h11.RemoteProtocolError`."""
    found: list[Message] = []
    while data:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
        reader.receive_data(strictly(data))
        made = _message(reader)
        if made is None:
            break
        found.append(made)
        data = reader.trailing_data[0]
    return found


def _message(reader: h11.Connection) -> Message | None:
    head, body = None, b""
    while True:
        event = reader.next_event()
        if isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return Message(head.method, head.target, body, list(head.headers))
        else:
            return None


def answered(answer: bytes) -> Answering:
    """An origin that gives one answer to each whole request."""

    def answering(received: bytes) -> bytes:
        try:
            return answer if requests_in(received) else b""
        except h11.RemoteProtocolError as error:
            if str(error) == UNKNOWN_CODING:
                return b""
            raise AssertionError(f"an origin was sent what h11 refuses: {error}: {received!r}") from error

    return answering


def as_sent(data: bytes) -> list[Message]:
    """The requests as the workload meant them, by h11, up to what it refuses. Empty lines before one are allowed."""
    found: list[Message] = []
    try:
        while data := data.lstrip(b"\r\n"):
            reader = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
            reader.receive_data(strictly(data))
            made = _message(reader)
            if made is None:
                break
            found.append(made)
            data = reader.trailing_data[0]
    except h11.RemoteProtocolError:
        pass
    return found


REQUESTS = given(
    ASKED,
    b"\r\nGET /a?b=c HTTP/1.0\r\n\r\n",
    b"POST /p HTTP/1.1\r\nhost: api.example:80\r\ncontent-length: 5\r\n\r\nhello" + ASKED,
    b"POST /p HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"
    + ASKED,
    b"PUT http://api.example/x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    b"1;a=b\r\nx\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: API.example.\r\nConnection: close, x-a\r\nX-A: 1\r\nTE: trailers\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"HEAD /a%2fb HTTP/1.1\nHost: api.example\nExpect: 100-continue\n\n",
)
WORDS = (
    b"\r\n", b"\n", b"\r", b"\t", b"\x0b", b"\x0c", b"\0", b"\x7f", b"\xff", b" ", b": ", b"\r\n ",
    b"Host: api.example",
    b"Content-Length: ", b"Transfer-Encoding: ", b"chunked", b"gzip, chunked", b"identity", b"HTTP/1.1", b"HTTP/1.0",
    b"http://api.example", b"Connection: ", b"close", b"Upgrade", b"websocket", b"0\r\n\r\n",
    b"Trailer: x", b"+5", b"0x5",
)  # fmt: skip


@target("http-request", REQUESTS, *WORDS)
def request(data: bytes) -> None:
    """Whatever a workload sends: no layer raises, h11 reads what the origin gets, and would have read the same."""
    try:
        if classify(data).speech is not Speech.HTTP1:
            return
    except MalformedHello:
        return
    made = Conversation(answered(OK))
    cut = len(data) // 2
    made.say(data[:cut])
    made.say(data[cut:])
    made.end()
    forwarded = [message for received in made.to_origins.values() for message in whole(received)]
    if b"upgrade" in data.lower() or b"gzip" in data.lower():
        return
    meant = as_sent(data)
    for mine in forwarded:
        while meant and not _same(mine, meant[0]):
            meant.pop(0)  # it was denied
        assert meant, f"forwarded, and h11 reads nothing like it in what was sent: {mine}"
        meant.pop(0)


def _same(mine: Message, theirs: Message) -> bool:
    """Methods leave in upper case, and absolute URIs as paths."""
    told = (mine.method, mine.body) == (theirs.method.upper(), theirs.body)
    return told and (theirs.target.endswith(mine.target) or mine.target == b"/")


def whole(received: bytes) -> list[Message]:
    try:
        return requests_in(received)
    except h11.RemoteProtocolError:
        return []


RESPONSES = given(
    OK,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
    b"HTTP/1.1 200\r\nX-A: a\r\n b\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\nx",
)
METHODS = (b"GET", b"HEAD", b"POST")


@target("http-response", RESPONSES, b"100", b"204", b"304", b"101", b"999", *WORDS)
def response(data: bytes) -> None:
    """Whatever an origin answers: no layer raises, and h11 reads what the workload gets, one final answer for each."""
    draw = Draw(data[:2])
    method, data = (draw.one(METHODS), data[2:]) if data[:1] < b"\x08" else (b"GET", data)
    asked = ASKED.replace(b"GET", method)
    made = Conversation(lambda received: data if received.endswith(b"\r\n\r\n") else b"")
    made.say(asked)
    for server in made.open_origins():
        made.close_origin(server)
    made.end()
    readable(asked, made.to_client)


def readable(asked: bytes, received: bytes) -> None:
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
    method = asked.split(b" ")[0]
    reader.send(h11.Request(method=method, target=b"/a", headers=[(b"host", b"api.example")]))
    reader.send(h11.EndOfMessage())
    if received:
        reader.receive_data(received)
    reader.receive_data(b"")
    try:
        while not isinstance(event := reader.next_event(), h11.ConnectionClosed):
            if event in (h11.PAUSED, h11.NEED_DATA):
                return
    except h11.RemoteProtocolError as error:
        if "peer closed connection" in str(error) or str(error) == UNKNOWN_CODING:
            return  # a body that breaks off has to look so
        raise AssertionError(f"a workload was sent what h11 refuses: {error}: {received!r}") from error
    assert reader.trailing_data[0] == b"", f"more was sent than one answer: {received!r}"
