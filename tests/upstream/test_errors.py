"""Every failure has the status that the workload is told."""

import pytest

from outgate.upstream.errors import Failure, UpstreamError


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("resolve_failed", 503),
        ("address_refused", 502),
        ("connect_failed", 503),
        ("connect_timeout", 503),
        ("tls_failed", 502),
        ("identity_failed", 502),
        ("via_failed", 503),
    ],
)
def test_a_code_has_its_status(code, status):
    assert UpstreamError(Failure(code), "why").status == status


def test_every_code_has_a_status_and_says_itself():
    for code in Failure:
        assert str(UpstreamError(code, "why")) == f"{code}: why"
    assert UpstreamError(Failure.VIA_FAILED, "why", 504).status == 504
