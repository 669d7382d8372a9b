"""What a load of the policy is told of the gate's place."""

import pytest

from outgate.hop_settings import Hops
from outgate.loading import kuma_role_of
from outgate.settings import ListenMode, Settings

BEHIND = Hops(gateway=(("gateway.egress", 15443),))


@pytest.mark.parametrize(
    ("settings", "role"),
    [
        (Settings(), "both"),
        (Settings(hops=BEHIND), "sidecar"),
        (Settings(mode=ListenMode.GATEWAY), "egress"),
        (Settings(hops=BEHIND, kuma_role="both"), "both"),
        (Settings(mode=ListenMode.GATEWAY, kuma_role="sidecar"), "sidecar"),
    ],
    ids=["alone", "before a gateway", "a gateway", "told", "a gateway that is told"],
)
def test_the_part_of_kumas_proxies_is_that_of_the_gates_place(settings, role):
    assert kuma_role_of(settings) == role
