"""What the command's resolver answers under each mode, and what the summary tells of it."""

from ipaddress import ip_address

import pytest

from outgate.exec import allow
from outgate.exec.run import Job, Lookup, registered
from outgate.exec.tally import Tally
from outgate.policy.compile import compile as compile_policy
from outgate.policy.frontends import Setting
from outgate.policy.model import Mode
from outgate.sandbox.names import Names
from outgate.settings import Settings
from outgate.upstream.environment import Environment
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust

WORLD = {"out.test": ["93.184.216.10", "2606:2800::10"], "inside.test": ["127.0.0.1"]}


class Answers:
    """A look-up, the world it asks, and the names that the world was asked for."""

    def __init__(self, mode, versions=(4, 6)):
        self.asked, self.tally = [], Tally(str)
        policy = compile_policy(allow.written(allow.parse(["api.test", "*.wild.test"]), mode, {}), Setting())
        environment = Environment(Resolver(self.world), Identities(Trust()))
        job = Job(("true",), Settings(), policy, Names(["api.test"]))
        self.look = Lookup(job, environment, self.tally, versions)

    async def world(self, host):
        self.asked.append(host)
        if host not in WORLD:
            raise OSError("no such name")
        return WORLD[host]


async def test_a_registered_name_has_an_address_of_its_own_and_nobody_is_asked():
    answers = Answers(Mode.REGISTRY_ONLY)
    assert [str(ip) for ip in await answers.look("api.test", 1)] == ["198.18.1.0", "2001:2::1:0"]
    assert await answers.look("x.wild.test", 1) != await answers.look("y.wild.test", 1)
    assert answers.asked == []
    assert answers.tally.entries() == []


@pytest.mark.parametrize("host", ["out.test", "wild.test", "sub.api.test"])
async def test_another_name_does_not_exist_is_counted_and_nobody_is_asked(host):
    answers = Answers(Mode.REGISTRY_ONLY)
    assert await answers.look(host, 1) is None
    assert answers.asked == []
    assert [entry.host for entry, _ in answers.tally.entries()] == [host]


@pytest.mark.parametrize("mode", [Mode.ALLOW_ANY, Mode.OBSERVE])
async def test_where_unregistered_names_pass_they_have_the_addresses_that_the_gate_finds(mode):
    answers = Answers(mode)
    assert [str(ip) for ip in await answers.look("out.test", 1)] == WORLD["out.test"]
    assert await answers.look("inside.test", 1) is None
    assert await answers.look("nowhere.test", 1) is None
    assert str((await answers.look("api.test", 1))[0]) == "198.18.1.0"
    assert answers.asked == ["out.test", "inside.test", "nowhere.test"]


async def test_without_ipv6_in_the_namespace_there_are_no_addresses_of_it():
    answers = Answers(Mode.ALLOW_ANY, versions=(4,))
    for host in ("api.test", "out.test", "localhost"):
        assert {ip.version for ip in await answers.look(host, 28)} == {4}


async def test_localhost_is_the_commands_own():
    answers = Answers(Mode.REGISTRY_ONLY)
    assert await answers.look("a.localhost", 1) == [ip_address("127.0.0.1"), ip_address("::1")]


async def test_names_of_addresses_are_not_told():
    answers = Answers(Mode.REGISTRY_ONLY)
    assert await answers.look("1.2.0.192.in-addr.arpa", 12) is None
    assert answers.tally.entries() == []


def test_names_inside_the_mesh_are_known():
    text = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: a}\n"
    from outgate.policy import documents

    made = compile_policy(documents.parse(text + 'spec: {internal: {hosts: ["*.mesh.test"]}}\n', "a.yaml"), Setting())
    assert registered(made, "a.mesh.test")
    assert not registered(made, "mesh.test")
