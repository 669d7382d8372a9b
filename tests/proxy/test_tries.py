"""What became of an attempt to reach an origin is told by the kind of failure and by the part that it ended in."""

import ssl

import pytest

from outgate.proxy.tries import Try, error_type_of, flag_of, reached
from outgate.telemetry.event import Phases
from outgate.upstream.errors import Failure, UpstreamError


def failed(code, peername=(), cause=None, **taken):
    error = UpstreamError(Failure(code), "why", taken=taken)
    error.peername, error.__cause__ = peername, cause
    tried = Try(started=1000.5)
    tried.fail(error.code, error)
    return tried


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        (failed("resolve_failed", resolve=0.1), "host_not_found"),
        (failed("connect_failed", resolve=0.1, connect=0.1), "connection_refused"),
        (failed("connect_timeout", resolve=0.1, connect=0.1), "connect_timeout"),
        (failed("tls_failed", resolve=0.1, connect=0.1, tls=0.1), "tls_handshake"),
        (failed("tls_failed", cause=ssl.SSLCertVerificationError(), tls=0.1), "tls_certificate_verify"),
        (failed("identity_failed", cause=ssl.SSLCertVerificationError(), tls=0.1), "tls_certificate_verify"),
        (failed("identity_failed", resolve=0.1, connect=0.1, tls=0.1), "tls_handshake"),
        (failed("identity_failed"), "identity_unusable"),
    ],
)
def test_a_failure_has_the_name_of_what_went_wrong(tried, expected):
    assert error_type_of(tried) == reached(tried, 1000.0, mutual=False).error_type == expected
    assert flag_of(tried.code) == ("DF" if expected == "host_not_found" else "UF")


def test_how_far_it_came_and_how_long_that_took_is_told():
    tried = failed("tls_failed", ("192.0.2.9", 443, 0, 0), resolve=0.1, connect=0.2, tls=0.3)
    told = reached(tried, 1000.0, mutual=False)
    assert told.phases == Phases(queue=0.5, resolve=0.1, connect=0.2, tls=0.3)
    assert (told.address, told.local, told.failed_in) == (("192.0.2.9", 443), None, "tls")
    assert (told.started, told.ended) == (1000.5, tried.ended)


def test_what_was_never_dialled_took_no_time():
    told = reached(failed("identity_failed"), 1000.0, mutual=False)
    assert (told.phases, told.address, told.failed_in) == (Phases(queue=0.5), None, "")
