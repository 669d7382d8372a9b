"""A denial that is answered before the request is whole reaches the client that is still sending."""

from __future__ import annotations

import pytest

from e2e.documents import destination, policy
from e2e.workload import Workload

pytestmark = pytest.mark.netns

POLICY = policy(destination("api.example", ports=("443/HTTPS",)))
BODY = bytes(5_000_000)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("attempt", range(4))
def test_an_upload_to_a_denied_host_is_told_why(workload: Workload, version: str, attempt: int) -> None:
    answer = workload.curl("https://forbidden.example/upload", version, "-T", "-", data=BODY)
    assert (answer.exit, answer.status) == (0, 502), answer.error
    assert answer.denial["code"] == "unregistered"
