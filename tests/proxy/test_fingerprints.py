"""JA3 and JA4 as others compute them, from published examples and from hellos of OpenSSL's."""

import re
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.proxy.fingerprints import Offer, ja3, ja4
from outgate.proxy.hello import Hello as Reader
from outgate.proxy.hello import MalformedHello
from proxy.openings import HELLOS, Hello, block, client_hello, extension, handmade, server_names


def numbers(*values, width=2):
    return b"".join(value.to_bytes(width, "big") for value in values)


def listed(kind, *values, head=2, width=2):
    return kind, block(head, numbers(*values, width=width))


def hexadecimal(text):
    return [int(each, 16) for each in text.split(",")]


# The example of JA4's own description, in the order of Chrome.
CHROME_CIPHERS = hexadecimal("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035")
CHROME_KINDS = hexadecimal("001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015")
SIGNATURES = hexadecimal("0403,0804,0401,0503,0805,0501,0806,0601")
BODIES = dict(
    [
        listed(13, *SIGNATURES),
        listed(43, 0x0304, 0x0303, head=1),
        (16, block(2, block(1, b"h2") + block(1, b"http/1.1"))),
    ]
)
CHROME = Offer(0x0303, numbers(*CHROME_CIPHERS), tuple((kind, BODIES.get(kind, b"")) for kind in CHROME_KINDS))
GREASE = (0x0A0A, 0x1A1A, 0xFAFA)


def test_ja4_is_that_of_its_description():
    assert ja4(CHROME) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_what_is_drawn_at_random_changes_nothing():
    bodies = BODIES | dict([listed(43, GREASE[0], 0x0304, 0x0303, head=1)])
    extensions = [(kind, bodies.get(kind, b"")) for kind in reversed(CHROME_KINDS)]
    drawn = Offer(0x0303, numbers(GREASE[1], *reversed(CHROME_CIPHERS)), ((GREASE[2], b""), *extensions))
    assert ja4(drawn) == ja4(CHROME)


@pytest.mark.parametrize(
    ("ciphers", "extensions", "expected"),
    [
        (
            (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4),
            ((0, b""), listed(10, 23, 24, 25), listed(11, 0, head=1, width=1)),
            "ada70206e40642a3e4461f35503241d5",
        ),
        ((4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), (), "de350869b8c85de67a350c8d186f11e6"),
    ],
)
def test_ja3_is_that_of_its_description(ciphers, extensions, expected):
    assert ja3(Offer(769, numbers(*ciphers), tuple(extensions))) == expected


@pytest.mark.parametrize(
    ("version", "extensions", "begin"),
    [
        (0x0303, (), "t12i010000"),
        (0x0301, (), "t10i010000"),
        (0x0300, (), "ts3i010000"),
        (0x0505, (), "t00i010000"),
        (0x0303, ((0, b""),), "t12d010100"),
        (0x0303, ((16, block(2, block(1, b"h"))),), "t12i0101hh"),
        (0x0303, ((16, block(2, block(1, b"\xab"))),), "t12i0101ab"),
        (0x0303, ((16, block(2, block(1, b"\xab\xcd"))),), "t12i0101ad"),
        (0x0303, tuple((200 + number, b"") for number in range(150)), "t12i019900"),
    ],
)
def test_the_beginning_of_ja4_says_what_is_offered(version, extensions, begin):
    assert ja4(Offer(version, numbers(0x1301), extensions)).startswith(f"{begin}_")


def test_without_extensions_and_ciphers_there_is_nothing_to_digest():
    assert ja4(Offer(0x0303, numbers(GREASE[0]))) == "t12i000000_000000000000_000000000000"


def marks(data):
    hello = Reader(marked=True).read(data)
    return hello.ja3, hello.ja4


@pytest.mark.parametrize("wanted", HELLOS, ids=str)
def test_hellos_of_openssl_have_both(wanted):
    third, fourth = marks(client_hello(wanted))
    version = "12" if wanted.version is ssl.TLSVersion.TLSv1_2 else "13"
    assert re.fullmatch(r"[0-9a-f]{32}", third)
    begin = rf"t{version}{'d' if wanted.sni else 'i'}\d{{4}}[0-9a-z]{{2}}"
    assert re.fullmatch(rf"{begin}_[0-9a-f]{{12}}_[0-9a-f]{{12}}", fourth)


def test_one_client_has_one_fingerprint_whomever_it_calls():
    assert marks(client_hello(Hello("a.example"))) == marks(client_hello(Hello("b.example")))


def test_clients_that_offer_other_ciphers_have_others():
    assert marks(client_hello(Hello())) != marks(client_hello(Hello(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")))


def test_nothing_is_reckoned_that_nobody_wants():
    hello = Reader().read(client_hello())
    assert (hello.ja3, hello.ja4) == ("", "")


@given(st.binary(max_size=40), st.sampled_from([10, 11, 13, 43]))
def test_extensions_with_any_bytes_are_digested(body, kind):
    data = handmade(server_names(b"a.example") + extension(kind, body))
    try:
        third, fourth = marks(data)
    except MalformedHello:
        pytest.fail("what these extensions hold is not the gate's to judge")
    assert len(third) == 32
    assert fourth.startswith("t")
