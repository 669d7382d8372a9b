"""A certificate says who calls, and nothing else does; the files in which that is judged may change at any time."""

import os
import ssl
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.model import Identity, UpstreamTLS
from outgate.proxy.peers import Peers, identity_of
from outgate.upstream.watch import RECHECK
from upstream.authorities import Authority, Pair
from upstream.building import Clock

WEB = "spiffe://cluster.local/ns/prod/sa/web"


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("peers"), "hop-ca")


def told(ca: Authority, pair: Pair) -> UpstreamTLS:
    return UpstreamTLS(ca=ca.path, client_certificate=pair.certificate, private_key=pair.key)


def test_an_identity_is_the_one_spiffe_id(ca):
    pair = ca.issue("web", dns=("web.prod.svc",), uris=(WEB,))
    assert identity_of(pair.der) == Identity("prod", "web", "cluster.local/ns/prod/sa/web", how="certificate")
    spire = ca.issue("spire", uris=("spiffe://example.org/billing/api",))
    assert identity_of(spire.der) == Identity("", "", "example.org/billing/api", how="certificate")
    longer = identity_of(ca.issue("longer", uris=(WEB + "/ns/admin/sa/root",)).der)
    assert (longer.namespace, longer.service_account) == ("prod", "web")


@pytest.mark.parametrize(
    "uris",
    [
        (),
        (WEB, WEB + "2"),
        ("https://cluster.local/ns/prod/sa/web",),
        ("spiffe://cluster.local",),
        ("spiffe://cluster.local/",),
        ("spiffe:///ns/prod/sa/web",),
        ("spiffe://cluster.local/" + "a" * 2048,),
        ("spiffe://root@cluster.local/ns/prod/sa/web",),
        ("spiffe://cluster.local:8/ns/prod/sa/web",),
        ("spiffe://CLUSTER.local/ns/prod/sa/web",),
        (WEB + "?sa=root",),
        (WEB + "/",),
        ("spiffe://cluster.local/ns//sa/web",),
        ("spiffe://cluster.local/../ns/prod/sa/web",),
        ("spiffe://cluster.local/ns/prod/sa/*",),
        ("spiffe://cluster.local/ns/prod/sa/w\r\nb",),
    ],
    ids=[
        "none",
        "two",
        "another scheme",
        "no path",
        "empty path",
        "no trust domain",
        "too long",
        "a user",
        "a port",
        "capitals",
        "a query",
        "open end",
        "empty part",
        "dots",
        "a wildcard",
        "line break",
    ],
)
def test_what_does_not_say_one_identity_says_none(ca, uris):
    with pytest.raises(ValueError, match="SPIFFE ID"):
        identity_of(ca.issue("odd", uris=uris).der)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_nobody(data):
    with pytest.raises(ValueError, match="certificate"):
        identity_of(data)


def test_files_are_read_again_when_they_change_and_stay_in_use_until_they_can_be(ca):
    clock, pair, said = Clock(), ca.issue("gateway", uris=(WEB,)), []
    peers = Peers(told(ca, pair), said.append, clock)
    first = peers.context()
    clock.now += RECHECK
    assert peers.context() is first
    os.truncate(pair.key, 0)
    clock.now += RECHECK
    assert peers.context() is first
    clock.now += RECHECK
    assert peers.context() is first
    assert len(said) == 1
    assert "stays in use" in str(said[0])
    ca.issue("gateway", uris=(WEB,))
    clock.now += RECHECK
    assert peers.context() is not first


def test_every_connection_proves_itself_anew_by_the_newest_tls(ca):
    context = Peers(told(ca, ca.issue("gateway", uris=(WEB,)))).context()
    assert (context.verify_mode, context.num_tickets) == (ssl.CERT_REQUIRED, 0)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("left_out", ["ca", "client_certificate"])
def test_without_a_part_of_it_there_is_no_server(ca, left_out):
    whole = told(ca, ca.issue("gateway", uris=(WEB,)))
    with pytest.raises(ValueError, match="name both"):
        Peers(replace(whole, **{left_out: None}))
