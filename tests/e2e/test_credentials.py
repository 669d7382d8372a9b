"""Headers that the gate sets from files: at the origin, never at the workload, however the origin echoes them."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.documents import Document, defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.rogue import rogue
from e2e.workload import Workload, drain, response

pytestmark = pytest.mark.netns

POLICY = policy(defaults(mode="REGISTRY_ONLY"))
TOKEN = 'tok-"7f3c\\9a/b+c=4d2e'
"""With what JSON, base64 and URLs write in another way."""
NUMBERS = itertools.count()
ROGUE = "93.184.216.50"
SECRET = f"Bearer {TOKEN}"


@pytest.fixture
def mounted(origin_pki: world.OriginPki, gate: Gate) -> Iterator[Path]:
    """The file with the credential, as a Secret is mounted."""
    path = origin_pki.folder / f"token-{next(NUMBERS)}"  # a file that is known is not read again within the second
    path.write_text(SECRET + "\n")
    yield path
    path.unlink()


@pytest.fixture
def credential(mounted: Path, under: Callable[[str], object], origins: LabOrigins) -> Path:
    """The same, with a policy that has the gate send it to api.example alone."""
    under(registry(mounted))
    return mounted


def registry(path: Path) -> str:
    headers: Document = {
        "setFromFile": [{"name": "Authorization", "file": str(path)}],
        "set": [{"name": "x-plain", "value": "no secret"}],
    }
    return policy(
        defaults(mode="REGISTRY_ONLY"),
        destination("api.example", ports=("80/HTTP", "443/HTTPS"), headers=headers),
        destination("a.wild.example", ports=("80/HTTP",)),
    )


def sent(origins: LabOrigins) -> list[dict[str, str]]:
    """The header fields of each request that arrived, by lower-case name."""
    return [{name.lower(): value for name, value in seen["headers"]} for seen in origins.records("request")]


@pytest.mark.parametrize("url", ["http://api.example/set", "https://api.example/set"])
@pytest.mark.parametrize("speech", ["--http1.1", "--http2-prior-knowledge"])
def test_the_origin_gets_it_and_the_workload_does_not(
    workload: Workload, credential: Path, origins: LabOrigins, gate: Gate, journal: Journal, url: str, speech: str
) -> None:
    """The origin answers with the headers that it got, as JSON."""
    flag = speech.removesuffix("-prior-knowledge") if url.startswith("https") else speech
    answer = workload.curl(url, flag, "-H", "authorization: mine", "-H", "x-plain: mine", "-H", "accept-encoding: gzip")
    (got,) = sent(origins)
    assert (got["authorization"], got["x-plain"]) == (SECRET, "no secret")
    assert answer.status == 200
    assert TOKEN not in str(answer.json)
    assert "7f3c" not in answer.body.decode()
    assert "*" * 20 in answer.body.decode()
    assert "mine" not in answer.body.decode()
    assert "7f3c" not in str(journal.one(path="/set")) + gate.stderr()


def test_another_destination_does_not_get_it(workload: Workload, credential: Path, origins: LabOrigins) -> None:
    assert workload.curl("http://a.wild.example/").status == 200
    assert workload.curl("http://forbidden.example/").status == 502
    (got,) = sent(origins)
    assert "authorization" not in got


ECHOES = {
    "plain": TOKEN,
    "in JSON": json.dumps({"a": TOKEN})[7:-2],
    "in base64": base64.b64encode(TOKEN.encode()).decode(),
    "in base64, all of it": base64.b64encode(SECRET.encode()).decode(),
    "in base64 with a name before": base64.b64encode(b"user:" + TOKEN.encode()).decode(),
    "in a URL": quote(TOKEN, safe=""),
    "in hexadecimal": TOKEN.encode().hex(),
    "in HTML": TOKEN.replace('"', "&quot;"),
}


@pytest.mark.parametrize("form", ECHOES)
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_echoes_in_a_body_are_masked_and_lengths_stay(
    workload: Workload, credential: Path, form: str, framing: str
) -> None:
    echo = ECHOES[form].encode()
    body = b"before[" + echo + b"]after"
    fields = f"Content-Length: {len(body)}" if framing == "length" else "Transfer-Encoding: chunked"
    data = body if framing == "length" else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with workload.dial("api.example", 80) as client:
        client.sendall(f"POST /pipe HTTP/1.1\r\nHost: api.example\r\n{fields}\r\n\r\n".encode() + data)
        _, received = response(client)
    assert len(received) == len(body)
    assert received.startswith(b"before[")
    assert received.endswith(b"]after")
    assert echo not in received
    assert echo[4:-4] not in received


@pytest.mark.parametrize("at", [1, 5, 12, len(TOKEN) - 1])
@pytest.mark.parametrize("version", [1, 2])
def test_an_echo_that_is_cut_into_pieces_is_masked(workload: Workload, credential: Path, at: int, version: int) -> None:
    """The origin sends on what it gets at once, so that the pieces arrive apart."""
    pieces = [b"x" * 100 + TOKEN[:at].encode(), TOKEN[at:].encode() + b"y" * 100]
    with workload.dial("api.example", 80) as sock:
        received = (_piped1 if version == 1 else _piped2)(sock, pieces)
    assert received == b"x" * 100 + b"*" * len(TOKEN) + b"y" * 100


def _piped1(client: socket.socket, pieces: list[bytes]) -> bytes:
    client.sendall(b"POST /pipe HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in pieces:
        client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        time.sleep(0.2)
    client.sendall(b"0\r\n\r\n")
    return response(client)[1]


def _piped2(sock: socket.socket, pieces: list[bytes]) -> bytes:
    client = Client(sock)
    number = client.send(request("api.example", "/pipe", "POST"), end=False)
    for piece in pieces:
        client.data(number, piece)
        time.sleep(0.2)
    client.data(number, b"", end=True)
    return client.answer(number).body


def test_an_echo_in_a_header_is_masked(workload: Workload, credential: Path) -> None:
    answer = workload.curl(f"http://api.example/headers?x-echo={quote(TOKEN, safe='')}&x-other=kept")
    assert answer.header("x-echo") == "*" * len(TOKEN)
    assert answer.header("x-other") == "kept"


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PLACES = {
    "the reason phrase": b"HTTP/1.1 200 %s\r\ncontent-length: 2\r\n\r\nok",
    "a header's name": b"HTTP/1.1 200 OK\r\n%s: 1\r\ncontent-length: 2\r\n\r\nok",
    "a trailer": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-echo: %s\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nlink: </%s>\r\n\r\n" + WHOLE,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("version", [1, 2])
def test_echoes_elsewhere_in_an_answer_are_masked_too(
    workload: Workload,
    lab: Lab,
    named: Callable[..., None],
    mounted: Path,
    under: Callable[[str], object],
    place: str,
    version: int,
) -> None:
    token = b"7f3c-plain-token"
    mounted.write_bytes(b"Bearer " + token)
    named("rogue.example", ROGUE)
    headers = {"setFromFile": [{"name": "authorization", "file": str(mounted)}]}
    under(policy(destination("rogue.example", ports=("80/HTTP",), headers=headers)))
    with rogue(lab, ROGUE, 80, PLACES[place] % token) as heard, workload.dial("rogue.example", 80) as sock:
        if version == 1:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: rogue.example\r\nConnection: close\r\n\r\n")
            received = drain(sock)
        else:
            stream = Client(sock).ask(request("rogue.example"))
            received = repr(stream).encode()
    assert token in heard[0]
    assert received
    assert token[4:] not in received


def test_an_answer_that_could_hide_an_echo_is_not_passed_on(
    workload: Workload, credential: Path, journal: Journal
) -> None:
    """It is compressed although the gate asked for it plain."""
    answer = workload.curl("http://api.example/gzip")
    assert answer.status >= 500, answer
    assert "compressed" in answer.denial["reason"]
    assert journal.one(path="/gzip")["failure"]


def test_a_credential_that_is_replaced_is_picked_up(workload: Workload, credential: Path, origins: LabOrigins) -> None:
    def used() -> str:
        origins.records.forget()
        assert workload.curl("http://api.example/").status == 200
        return sent(origins)[0]["authorization"]

    assert used() == SECRET
    (credential.parent / "token.new").write_text("Bearer another-7f3c-credential")
    (credential.parent / "token.new").replace(credential)
    deadline = time.monotonic() + 10
    while used() != "Bearer another-7f3c-credential":
        assert time.monotonic() < deadline, "the file's new content is not used"
        time.sleep(0.1)
    assert b"7f3c" not in workload.curl("http://api.example/").body
    credential.write_text("two\nlines")
    time.sleep(1.5)
    assert used() == "Bearer another-7f3c-credential", "the one before stays until the file can be used"


def test_without_its_credential_nothing_leaves(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, mounted: Path, journal: Journal
) -> None:
    missing = mounted.with_name("emptied")
    missing.write_text(SECRET)
    under(registry(missing))
    missing.write_text("")
    answer = workload.curl("http://api.example/none")
    missing.unlink()
    assert answer.status in (500, 502), answer
    assert not origins.records("request")
    assert journal.one(path="/none")["failure"]
