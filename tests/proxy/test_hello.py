"""The ClientHello: what OpenSSL writes is read, however it is cut; what contradicts itself is refused."""

from contextlib import suppress
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outgate.proxy.hello import MAX_HELLO, MAX_RECORDS, ClientHello, MalformedHello, read_hello, starts_like_tls
from outgate.proxy.hello import Hello as Reader
from proxy.openings import HELLOS, Hello, block, client_hello, extension, handmade, recut, server_names

WHOLE = client_hello(Hello("api.example", ("h2", "http/1.1")))


@pytest.mark.parametrize("wanted", HELLOS, ids=str)
def test_openssls_hellos_are_read(wanted):
    assert read_hello(client_hello(wanted)) == ClientHello(wanted.sni or "", wanted.alpn, ech=False)


@pytest.mark.parametrize("wanted", HELLOS[::5], ids=str)
@pytest.mark.parametrize("size", [1, 3, 4, 5, 64])
def test_one_cut_into_records_of_few_bytes_is_the_same(wanted, size):
    whole = client_hello(wanted)
    assert read_hello(recut(whole, [size])) == read_hello(whole)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_one_cut_anywhere_is_the_same(sizes):
    assert read_hello(recut(WHOLE, sizes)) == ClientHello("api.example", ("h2", "http/1.1"))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.data())
def test_a_part_of_a_valid_one_asks_for_more(sizes, data):
    whole = recut(WHOLE, sizes)
    assert read_hello(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(st.binary(max_size=200))
def test_what_follows_changes_nothing(rest):
    assert read_hello(WHOLE + rest) == read_hello(WHOLE)


def test_an_address_is_no_server_name():
    assert read_hello(client_hello(Hello("192.0.2.1"))).sni == ""


def test_one_without_extensions_is_read():
    assert read_hello(handmade(None)) == ClientHello()


def test_an_encrypted_name_is_noticed():
    ech = extension(0xFE0D, b"\x00" + bytes(40))
    assert read_hello(handmade(server_names(b"public.example") + ech)) == ClientHello("public.example", (), True)


def behind(extensions, more):
    """One with more handshake bytes in its record."""
    message = handmade(extensions)[5:] + more
    return b"\x16\x03\x01" + block(2, message)


def headed(version=b"\x03\x03", session=b"", ciphers=b"\x13\x01", compressions=b"\x00"):
    """One without extensions, around what stands before them."""
    body = version + bytes(32) + block(1, session) + block(2, ciphers) + block(1, compressions)
    return b"\x16\x03\x01" + block(2, b"\x01" + block(3, body))


def test_what_stands_before_the_extensions_is_read_over():
    assert read_hello(headed(session=bytes(32), ciphers=bytes(40))) == ClientHello()


@pytest.mark.parametrize(
    "hello",
    [
        handmade(server_names(b"a.example", b"b.example")),
        handmade(server_names(b"a.example") + server_names(b"b.example")),
        handmade(server_names(b"\xff.example")),
        handmade(server_names()),
        handmade(server_names(b"")),
        handmade(server_names(b"a.exa\0mple")),
        handmade(server_names(b"a.example", kind=1)),
        handmade(extension(16, block(2, b""))),
        handmade(extension(16, block(2, block(1, b"h2") + block(1, b"")))),
        handmade(server_names(b"a.example") + extension(21, bytes(20_000))),
        behind(server_names(b"a.example"), b"\x01\x00\x00\x00"),
        headed(version=b"\x02\x00"),
        headed(session=bytes(33)),
        headed(ciphers=b""),
        headed(ciphers=b"\x13\x01\x13"),
        headed(compressions=b""),
        handmade(extension(0, block(2, b"\x00" + block(2, b"a.example")) + b"more")),
        handmade(extension(0, b"\x00\x40\x00" + block(2, b"a.example"))),
        handmade(extension(16, block(2, block(1, b"h2")) + b"x")),
        handmade(extension(16, block(2, b"\x09h2"))),
        handmade(server_names(b"a.example"), after=b"x"),
        handmade(server_names(b"a.example")[:-1]),
        handmade(None, after=b"\x00"),
        handmade(b"", kind=2),
        handmade(b"", claimed=MAX_HELLO),
        handmade(b"", claimed=4),
        handmade(server_names(b"a.example"), record=0x17),
        recut(WHOLE, [50])[:55] + b"\x17\x03\x03\x00\x01x",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x02\x00\x00\x04" + bytes(4),
    ],
    ids=count(),  # the bytes of a real hello are others in every process
)
def test_what_contradicts_itself_is_refused(hello):
    with pytest.raises(MalformedHello):
        read_hello(hello)


def test_one_of_the_greatest_length_is_read_and_a_longer_one_refused():
    padding = MAX_HELLO - 4 - (len(handmade(extension(21, b""))) - 9)
    assert read_hello(recut_long(extension(21, bytes(padding)))) == ClientHello()
    with pytest.raises(MalformedHello):
        read_hello(recut_long(extension(21, bytes(padding + 1))))


def recut_long(extensions):
    """`handmade` in records of the greatest size, for what does not fit into one."""
    body = b"\x03\x03" + bytes(32) + block(1, b"") + block(2, b"\x13\x01") + block(1, b"\x00") + block(2, extensions)
    message, made = b"\x01" + block(3, body), b""
    while message:
        made, message = made + b"\x16\x03\x01" + block(2, message[:16384]), message[16384:]
    return made


def test_records_without_contents_do_not_go_on_for_ever():
    with pytest.raises(MalformedHello):
        read_hello(b"\x16\x03\x01\x00\x00" * 15000)


def test_one_in_more_records_than_it_has_bytes_in_practice_is_refused():
    message = b"\x01" + block(3, bytes(60_000))
    cut = b"".join(b"\x16\x03\x01\x00\x01" + message[at : at + 1] for at in range(MAX_RECORDS + 1))
    assert read_hello(cut[: 6 * MAX_RECORDS]) is None
    with pytest.raises(MalformedHello, match=str(MAX_RECORDS)):
        read_hello(cut)


class Counted(bytes):
    """Bytes that count how often a part of them is taken."""

    taken = 0

    def __getitem__(self, key):
        Counted.taken += 1
        return super().__getitem__(key)


def test_what_has_been_read_is_not_read_again_when_more_comes():
    """Or a workload that sends record by record would cost the square of what it sends."""
    cut = recut(WHOLE, [1])
    reader, Counted.taken = Reader(), 0
    for end in range(1, len(cut)):
        assert reader.read(Counted(cut[:end])) is None
    assert reader.read(cut) == read_hello(WHOLE)
    assert Counted.taken < 4 * len(cut)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(1, 300))
def test_one_that_comes_in_pieces_is_the_same(sizes, step):
    whole, reader, end = recut(WHOLE, sizes), Reader(), 0
    while (found := reader.read(whole[:end])) is None:
        assert end < len(whole)
        end += step
    assert found == ClientHello("api.example", ("h2", "http/1.1"))


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda rest: b"\x16\x03\x01" + rest)))
@example(b"")
@example(b"\x16\x03\x01\x00\x00")
def test_any_bytes_are_a_hello_a_wish_for_more_or_malformed(data):
    with suppress(MalformedHello):
        assert isinstance(read_hello(data), ClientHello | None)


@given(st.data())
def test_a_damaged_one_is_a_hello_a_wish_for_more_or_malformed(data):
    damaged = bytearray(client_hello(Hello("api.example", ("h2",))))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MalformedHello):
        assert isinstance(read_hello(bytes(damaged)), ClientHello | None)


@given(st.one_of(st.binary(max_size=60), st.sampled_from([WHOLE[:40], WHOLE[:70], WHOLE])), st.binary(max_size=20))
def test_what_was_refused_stays_refused(data, rest):
    for opening in (data, b"\x16\x03\x01" + data):
        if refused(opening):
            assert refused(opening + rest)


def refused(data: bytes) -> bool:
    try:
        read_hello(data)
    except MalformedHello:
        return True
    return False


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", False),
        (b"\x16", True),
        (b"\x16\x03", True),
        (b"\x16\x03\x00", True),
        (b"\x16\x03\x04", True),
        (b"\x16\x03\x05", False),
        (b"\x16\x02", False),
        (b"\x17\x03\x03", False),
        (b"GET", False),
    ],
)
def test_tls_is_told_from_its_first_bytes_as_far_as_they_go(data, answer):
    assert starts_like_tls(data) is answer
