"""First bytes as real clients send them: ClientHellos made by OpenSSL, whole or cut into many records."""

import ssl
from dataclasses import dataclass

from hypothesis import strategies as st

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST = b"GET /a?b=c HTTP/1.1\r\nHost: api.example\r\n\r\n"


@dataclass(frozen=True)
class Hello:
    """What a client was asked to say."""

    sni: str | None = "api.example"
    alpn: tuple[str, ...] = ()
    version: ssl.TLSVersion | None = None
    ciphers: str = ""


HELLOS = [
    Hello(sni, alpn, version, ciphers)
    for sni in ("api.example", None, "x.y-z.example", "a" * 63 + ".example")
    for alpn in ((), ("h2", "http/1.1"), ("http/1.1",), ("x" * 255,))
    for version in (None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    for ciphers in ("", "ECDHE-ECDSA-AES128-GCM-SHA256")
]


def client_hello(wanted: Hello = Hello()) -> bytes:
    """The first flight of a client, as OpenSSL writes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if wanted.version:
        context.minimum_version = context.maximum_version = wanted.version
    if wanted.alpn:
        context.set_alpn_protocols(list(wanted.alpn))
    if wanted.ciphers:
        context.set_ciphers(wanted.ciphers)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=wanted.sni)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake ended without a server")


def recut(hello: bytes, sizes: list[int]) -> bytes:
    """The same handshake message in many records: `sizes` of their contents, the last size for all that is left."""
    assert len(hello) == 5 + int.from_bytes(hello[3:5], "big")
    version, message, made = hello[1:3], hello[5:], b""
    sizes = list(sizes)
    while message:
        size = max(sizes.pop(0) if len(sizes) > 1 else sizes[0], 1)
        part, message = message[:size], message[size:]
        made += b"\x16" + version + len(part).to_bytes(2, "big") + part
    return made


def block(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content


def handmade(
    extensions: bytes | None, *, after: bytes = b"", kind: int = 1, claimed: int | None = None, record: int = 0x16
) -> bytes:
    """A ClientHello around `extensions` as they are; None for none at all. `claimed` overrides its stated length."""
    body = b"\x03\x03" + bytes(32) + block(1, b"") + block(2, b"\x13\x01") + block(1, b"\x00")
    body += block(2, extensions) + after if extensions is not None else after
    message = bytes([kind]) + (len(body) if claimed is None else claimed).to_bytes(3, "big") + body
    return bytes([record]) + b"\x03\x01" + block(2, message)


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + block(2, content)


def server_names(*names: bytes, kind: int = 0) -> bytes:
    return extension(0, block(2, b"".join(bytes([kind]) + block(2, name) for name in names)))


def request_lines() -> st.SearchStrategy[bytes]:
    """Request lines as HTTP/1 allows them, with empty lines before."""
    token = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=32)
    target = st.binary(min_size=1, max_size=60).map(lambda raw: bytes(b for b in raw if b > 0x20 and b != 0x7F) or b"/")
    return st.builds(
        lambda empty, method, where, minor, end: empty + method.encode() + b" " + where + b" HTTP/1." + minor + end,
        st.sampled_from([b"", b"\r\n", b"\n", b"\r\n\r\n"]),
        st.one_of(token, st.sampled_from(["GET", "get", "POST", "PUT", "PRI", "P", "CONNECT"])),
        target,
        st.sampled_from([b"0", b"1"]),
        st.sampled_from([b"\r\n", b"\n"]),
    )
