"""What signatures cover."""

import pytest

from outgate.redact.live.signatures import Covered, covered

AWS = "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host;x-amz-date, Signature=ff"
HEADERS = frozenset({"host", "x-amz-date"})


def of(target="/", **fields):
    return covered(tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()), target)


@pytest.mark.parametrize(
    ("fields", "target", "body", "headers"),
    [
        ({"authorization": AWS}, True, True, HEADERS),
        ({"authorization": AWS, "x_amz_content_sha256": "a" * 64}, True, True, HEADERS),
        ({"authorization": AWS, "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, True, True, HEADERS),
        ({"authorization": AWS, "x_amz_content_sha256": "UNSIGNED-PAYLOAD"}, True, False, HEADERS),
        ({"signature_input": 's=("@method" "date");keyid="a"', "signature": "s=:x:"}, False, False, {"date"}),
        ({"signature_input": 's=("@query-param";name="a")'}, True, False, set()),
        ({"signature_input": 's=("Content-Digest")'}, False, True, {"content-digest"}),
        ({"signature": 'keyId="a",headers="(request-target) digest"'}, True, True, {"(request-target)", "digest"}),
        ({"signature": "opaque"}, True, True, {"*"}),
        ({"authorization": 'Signature keyId="a",headers="date"'}, False, False, {"date"}),
        ({"authorization": 'OAuth oauth_signature="a"'}, True, True, {"*"}),
        ({"authorization": "SharedKey a:b"}, True, True, {"*"}),
        ({"authorization": 'Digest username="a", qop=auth'}, True, False, set()),
        ({"authorization": 'Digest username="a", qop="auth-int"'}, True, True, set()),
        ({"authorization": 'Hawk id="a", mac="b"'}, True, False, set()),
        ({"authorization": 'Hawk id="a", hash="b"'}, True, True, set()),
        ({"dpop": "eyJ"}, True, False, set()),
        ({"x_hub_signature_256": "sha256=a"}, False, True, set()),
        ({"x_twilio_signature": "a"}, True, True, {"*"}),
    ],
)
def test_what_is_covered(fields, target, body, headers):
    found = of(**fields)
    assert (found.target, found.body, found.headers) == (target, body, headers)
    assert found.by


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a?X-Amz-Signature=ff&X-Amz-SignedHeaders=host%3Bx-a", {"host", "x-a"}),
        ("/a?b=c&sig=ff", set()),
        ("/a?X-Goog-Signature=ff", set()),
    ],
)
def test_a_url_that_is_signed(target, headers):
    assert of(target) == Covered("the query", True, False, frozenset(headers))


@pytest.mark.parametrize("fields", [{}, {"authorization": "Bearer a"}, {"authorization": "Basic a"}, {"x_sign": "a"}])
def test_what_signs_nothing(fields):
    assert of("/?signal=1&design=2", **fields) == Covered()


def test_two_signatures_cover_what_either_does():
    found = of("/", signature_input='s=("date")', x_hub_signature="a")
    assert (found.body, found.headers) == (True, {"date"})
    assert of("/", authorization="SharedKey a:b").has("anything")
