"""Digests of a body that has changed."""

import base64
import hashlib

import pytest

from outgate.redact.live.digests import renewed, without

BODY = b"another body"
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest())
SHA512 = base64.b64encode(hashlib.sha512(BODY).digest())
SHA1 = base64.b64encode(hashlib.sha1(BODY).digest())
MD5 = base64.b64encode(hashlib.md5(BODY).digest())


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (b"Content-MD5", b"x", MD5),
        (b"Content-Digest", b"sha-256=:x:, sha-512=:y:", b"sha-256=:%b:, sha-512=:%b:" % (SHA256, SHA512)),
        (b"repr-digest", b"unixsum=1, sha-256=:x:", b"sha-256=:%b:" % SHA256),
        (b"digest", b"SHA-256=x,md5=y, SHA=z", b"SHA-256=%b, md5=%b, SHA=%b" % (SHA256, MD5, SHA1)),
        (b"content-digest", b"unixsum=1", None),
        (b"etag", b'"1"', None),
        (b"x-goog-hash", b"crc32c=x", None),
        (b"x-other", b"1", b"1"),
    ],
)
def test_what_can_be_made_anew_is_and_the_rest_goes(name, before, after):
    assert renewed(((name, before),), BODY) == (((name, after),) if after is not None else ())


def test_without_any():
    fields = ((b"ETag", b"1"), (b"x-other", b"1"), (b"Digest", b"x"))
    assert without(fields) == ((b"x-other", b"1"),)
