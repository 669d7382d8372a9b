"""A caller is who the policy of now says, also where the connection began under another."""

import asyncio
import os

import pytest

from outgate.policy.model import Defaults, Identity, IdentityMapping
from outgate.policy.snapshot import Policy
from outgate.proxy.caller import Caller
from policy.building import policy
from proxy.gates import gate, origin
from proxy.wires import until

HEAD = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n"


def mapping(who: str, by: str, port: int) -> Policy:
    """One that lets prod/admin in, and says who calls from here."""
    return policy(
        f"""
        apiVersion: outgate.dev/v1alpha1
        kind: EgressDefaults
        metadata: {{name: defaults}}
        spec: {{mode: REGISTRY_ONLY, identities: [{{namespace: prod, serviceAccount: {who}, {by}}}]}}
        ---
        apiVersion: outgate.dev/v1alpha1
        kind: EgressDestination
        metadata: {{name: api}}
        spec:
          hosts: [api.example]
          ports:
          - number: 80
            protocol: HTTP
            upstream: {{endpoints: [{{address: 127.0.0.1, port: {port}}}]}}
        ---
        apiVersion: outgate.dev/v1alpha1
        kind: EgressAccess
        metadata: {{name: admins}}
        spec: {{action: ALLOW, rules: [{{from: [{{serviceAccounts: [prod/admin]}}]}}]}}
        """
    )


HERE = "addresses: [127.0.0.0/8]"
BY_UID = f"uids: [{os.geteuid()}]"
BY_OTHER_UID = f"uids: [{os.geteuid() + 1}]"


async def status(reader, writer, more: bytes = b"") -> bytes:
    writer.write(HEAD + more + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return head[9:12]


@pytest.mark.parametrize(
    ("then", "by", "expected"),
    [
        ("guest", HERE, b"403"),
        ("admin", BY_UID, b"200"),
        ("guest", BY_UID, b"403"),
        ("admin", BY_OTHER_UID, b"403"),
    ],
)
async def test_the_next_request_is_that_of_whom_the_new_policy_says(authority, then, by, expected):
    async with origin() as server, gate(authority, workload=Identity()) as running:
        snapshot = running.engine.plane.snapshot
        snapshot.swap(mapping("admin", HERE, server.port))
        reader, writer = await asyncio.open_connection(*running.address)
        assert await status(reader, writer) == b"200"
        snapshot.swap(mapping(then, by, server.port))
        assert await status(reader, writer) == expected
        writer.close()
        assert [line.get("service_account", "") for line in await running.lines(2)] == (
            ["admin", then] if by != BY_OTHER_UID else ["admin", ""]
        )


async def test_what_is_open_is_judged_as_that_of_whom_the_new_policy_says(authority):
    begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun"
    async with origin(begun) as server, gate(authority, workload=Identity()) as running:
        plane = running.engine.plane
        plane.snapshot.swap(mapping("admin", HERE, server.port))
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(HEAD + b"\r\n")
        await asyncio.wait_for(reader.readuntil(b"begun"), 5)
        plane.snapshot.swap(mapping("guest", HERE, server.port))
        for live in list(plane.live):
            live.judge_again(plane.snapshot.policy)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await until(lambda: plane.counts["revoked"] == 1)


def test_a_uid_is_asked_for_once_and_only_where_a_policy_goes_by_it():
    asked = []
    who = Caller(Identity(address="10.0.0.1"), lambda: asked.append(1) or 7)
    assert who.under(Defaults()) == Identity(address="10.0.0.1")
    assert not asked
    by_uid = Defaults(identities=(IdentityMapping("prod", "web", uids=(7,)),))
    assert [who.under(by_uid).service_account for _ in range(2)] == ["web", "web"]
    assert asked == [1]
    assert who.under(Defaults()).service_account == ""
