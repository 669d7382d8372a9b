"""What is said of gateways and proxies fits together, or is refused with what is missing."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.hop_settings import proxy_place, proxy_url
from outgate.settings import ListenMode, Settings, SettingsError, read_settings

FORWARDS = (
    "gateway=gw.egress.svc:15443,10.0.0.2:15443",
    "gateway_cert=/id/tls.crt",
    "gateway_key=/id/tls.key",
    "gateway_ca=/id/ca.crt",
    "gateway_id=spiffe://cluster.local/ns/egress/sa/gateway",
)
SERVES = ("mode=gateway", *FORWARDS[1:4])


def read(*pairs: str, **environ: str) -> Settings:
    return read_settings({}, pairs, environ)


def test_a_sidecar_knows_its_gateways_and_who_they_have_to_be():
    hops = read(*FORWARDS).hops
    assert hops.gateway == (("gw.egress.svc", 15443), ("10.0.0.2", 15443))
    assert hops.certificates == (Path("/id/tls.crt"), Path("/id/tls.key"), Path("/id/ca.crt"))
    assert hops.gateway_id == "spiffe://cluster.local/ns/egress/sa/gateway"


def test_a_gateway_needs_its_certificate_and_whom_it_trusts():
    settings = read(*SERVES)
    assert (settings.mode, settings.hops.gateway) == (ListenMode.GATEWAY, ())


@pytest.mark.parametrize("left_out", FORWARDS[1:])
def test_a_sidecar_without_a_part_of_its_mutual_tls_does_not_start(left_out):
    name = left_out.partition("=")[0]
    with pytest.raises(SettingsError, match=f'"{name}" is not set'):
        read(*(pair for pair in FORWARDS if pair != left_out))


@pytest.mark.parametrize("left_out", SERVES[1:])
def test_a_gateway_without_a_part_of_its_mutual_tls_does_not_start(left_out):
    with pytest.raises(SettingsError, match=f'"{left_out.partition("=")[0]}" is not set'):
        read(*(pair for pair in SERVES if pair != left_out))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (("gateway_key=/k",), '"gateway_key" is set, and no gateway is; name it with --gateway'),
        ((*SERVES, FORWARDS[0]), '"gateway" is for who forwards to a gateway'),
        ((*SERVES, FORWARDS[4]), '"gateway_id" is for who forwards to a gateway'),
        ((*FORWARDS, "gateway_id=gateway"), '"gateway" does not fit the setting "gateway_id"'),
        ((*FORWARDS, "gateway_id=https://gw/x"), "is no SPIFFE ID"),
        (("gateway=gw",), '"gw" does not fit the setting "gateway"; write HOST:PORT'),
        (("gateway=:15443",), '":15443" does not fit the setting "gateway"'),
        (("gateway=gw:0",), '"gw:0" does not fit the setting "gateway"'),
        (("proxy_protocol=10.0.0.0/8",), '"proxy_protocol" is for who is dialled'),
        (("mode=regular", "proxy_protocol=10.0.0.1/8"), '"10.0.0.1/8" does not fit the setting "proxy_protocol"'),
        (("upstream_proxy_credentials_file=/c",), "credentials of an upstream proxy are set, and none is"),
    ],
)
def test_what_does_not_fit_together_is_refused(pairs, message):
    with pytest.raises(SettingsError) as caught:
        read(*pairs)
    assert str(caught.value).startswith(message) or message in str(caught.value)


def test_proxy_headers_are_taken_from_some_networks():
    hops = read("mode=regular", "proxy_protocol=10.0.0.0/8, fd00::/8").hops
    assert hops.proxy_protocol == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_credentials_are_never_shown():
    settings = read("upstream_proxy=http://proxy:3128", OUTGATE_UPSTREAM_PROXY_CREDENTIALS="user:canary")
    assert settings.hops.upstream_proxy_credentials.reveal() == b"user:canary"
    assert "canary" not in repr(settings)


def test_credentials_are_given_once():
    with pytest.raises(SettingsError, match="set twice") as caught:
        read("upstream_proxy=http://p", "upstream_proxy_credentials_file=/c", "upstream_proxy_credentials=u:canary")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://user:canary@proxy:3128", "socks5://canary", "canary", "http://", "http://p:canary", "http://p/canary"],
)
def test_a_url_of_a_proxy_is_nothing_but_its_place(url):
    with pytest.raises(SettingsError, match="upstream_proxy") as caught:
        read(f"upstream_proxy={url}")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://proxy", (False, "proxy", 3128)),
        ("https://proxy.corp/", (True, "proxy.corp", 443)),
        ("http://[fd00::1]:8080", (False, "fd00::1", 8080)),
    ],
)
def test_the_place_of_a_proxy(url, place):
    assert proxy_place(url) == place


@given(st.text(max_size=60) | st.builds("http://{}".format, st.text(max_size=40)))
def test_any_text_is_a_url_or_refused(text):
    try:
        assert proxy_url(text) == text
    except ValueError:
        return
    assert not text or proxy_place(text)[1]
