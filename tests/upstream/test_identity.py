"""The identity in use follows its files, and never falls back to none."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from outgate.policy.model import UpstreamTLS
from outgate.upstream import identity
from outgate.upstream.connect import connect
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.identity import Identities, KeyLogError
from outgate.upstream.trust import Trust
from upstream.authorities import Pair
from upstream.building import environment, finish, talk, target


class Mount:
    """Certificate and key under fixed names, as a volume has them."""

    def __init__(self, directory: Path, pair: Pair) -> None:
        self.certificate, self.key = str(directory / "tls.crt"), str(directory / "tls.key")
        self.swap(pair)

    def swap(self, pair: Pair, *, key: bool = True) -> None:
        replace(pair.certificate, self.certificate)
        if key:
            replace(pair.key, self.key)


def replace(source: str, place: str) -> None:
    shutil.copy(source, f"{place}.new")
    os.replace(f"{place}.new", place)


@pytest.fixture
def mount(tmp_path, client) -> Mount:
    return Mount(tmp_path, client)


@pytest.fixture
def problems() -> list:
    return []


@pytest.fixture
def replaced() -> list:
    return []


@pytest.fixture
def identities(problems, replaced, clock) -> Identities:
    made = Identities(report=problems.append, clock=clock, environ={})
    made.replaced.append(replaced.append)
    return made


@pytest.fixture
def tls(ca, mount) -> UpstreamTLS:
    return UpstreamTLS(ca=ca.path, client_certificate=mount.certificate, private_key=mount.key)


async def test_an_identity_is_made_once_for_all_who_ask(identities, tls, monkeypatch):
    made = []
    monkeypatch.setattr(identity, "identity", lambda *given: made.append(given) or _Made(*given))
    found = await asyncio.gather(*(identities.get(tls, ()) for _ in range(10)))
    assert len(made) == 1
    assert all(one is found[0] for one in found)


class _Made:
    def __init__(self, *given) -> None:
        self.digest = "digest"


async def test_a_hit_does_not_suspend(identities, tls):
    first = await identities.get(tls, ())
    asking = identities.get(tls, ())
    with pytest.raises(StopIteration) as returned:
        asking.send(None)
    assert returned.value.value is first


async def test_files_are_looked_at_once_a_second(identities, tls, clock, monkeypatch):
    looks = []
    await identities.get(tls, ())
    real = identity.stamps
    monkeypatch.setattr(identity, "stamps", lambda paths: looks.append(paths) or real(paths))
    for passed, count in ((0.5, 0), (0.4, 0), (0.2, 1), (0.5, 1), (0.6, 2)):
        clock.now += passed
        await identities.get(tls, ())
        assert len(looks) == count


async def test_replaced_files_are_a_new_identity(identities, tls, ca, mount, clock, replaced, problems):
    old = await identities.get(tls, ())
    mount.swap(ca.issue("renewed"))
    assert await identities.get(tls, ()) is old
    clock.now += 1
    new = await identities.get(tls, ())
    assert new.digest != old.digest
    assert (replaced, problems) == ([old.digest], [])


async def test_what_is_current_is_what_the_files_are(identities, tls, ca, mount, clock):
    assert identities.current(tls, ()) == ""
    old = (await identities.get(tls, ())).digest
    mount.swap(ca.issue("renewed"))
    assert identities.current(tls, ()) == old
    clock.now += 1
    assert identities.current(tls, ()) == ""
    new = (await identities.get(tls, ())).digest
    clock.now += 1
    assert identities.current(tls, ()) == new != old


async def test_the_same_content_again_is_the_same_identity(identities, tls, client, mount, clock, replaced):
    old = await identities.get(tls, ())
    mount.swap(client)
    clock.now += 1
    assert await identities.get(tls, ()) is old
    assert replaced == []


async def test_a_swapped_directory_link_is_noticed(identities, ca, client, tmp_path, clock):
    """As a Secret's volume is updated."""
    for name, pair in (("one", client), ("two", ca.issue("second"))):
        (tmp_path / name).mkdir()
        Mount(tmp_path / name, pair)
    link = tmp_path / "data"
    link.symlink_to("one")
    tls = UpstreamTLS(client_certificate=str(link / "tls.crt"), private_key=str(link / "tls.key"), ca=ca.path)
    old = await identities.get(tls, ())
    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", link)
    clock.now += 1
    assert (await identities.get(tls, ())).digest != old.digest


async def test_half_a_pair_leaves_the_old_one_in_use_and_is_reported_once(identities, tls, ca, mount, clock, problems):
    old, renewed = await identities.get(tls, ()), ca.issue("half")
    mount.swap(renewed, key=False)
    for _ in range(3):
        clock.now += 1
        assert await identities.get(tls, ()) is old
    assert [problem.where.file for problem in problems] == [mount.certificate]
    assert "they do not belong together" in problems[0].what
    assert "stays in use" in problems[0].hint
    mount.swap(renewed)
    clock.now += 1
    assert (await identities.get(tls, ())).digest != old.digest


async def test_files_that_vanish_leave_the_old_identity_in_use(identities, tls, mount, clock, problems):
    old = await identities.get(tls, ())
    os.unlink(mount.certificate)
    clock.now += 1
    assert await identities.get(tls, ()) is old
    assert "No such file" in problems[0].what


async def test_without_files_there_is_no_connection_until_they_come(identities, tls, client, mount, clock, problems):
    os.unlink(mount.key)
    for _ in range(2):
        clock.now += 1
        with pytest.raises(UpstreamError) as refused:
            await identities.get(tls, ())
        assert refused.value.code is Failure.IDENTITY_FAILED
        assert mount.key in refused.value.message
    assert len(problems) == 1
    mount.swap(client)
    clock.now += 1
    assert (await identities.get(tls, ())).digest


async def test_one_who_leaves_does_not_take_the_identity_from_the_others(identities, tls):
    leaving, staying = (asyncio.create_task(identities.get(tls, ())) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).digest
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_the_number_of_identities_is_bounded(identities, ca, monkeypatch):
    monkeypatch.setattr(identity, "KEPT", 2)
    for number in range(4):
        await identities.get(UpstreamTLS(ca=ca.path), (f"p{number}",))
    assert len(identities._slots) == 2


async def test_a_rotated_certificate_is_the_next_connections(demanding, good, ca, mount, tls, clock):
    """The open connection goes on with the old one, and the old sessions are not resumed."""
    server = demanding(good)
    gate = environment(identities=Identities(clock=clock, environ={}))
    before = await connect(target(server.port, tls=tls), gate)
    await talk(before)
    await finish(before)
    assert len(gate.sessions) == 1
    assert not gate.outdated(before, target(server.port, tls=tls))
    mount.swap(ca.issue("rotated"))
    clock.now += 1
    assert gate.outdated(before, target(server.port, tls=tls)), "so that nothing new is sent on it, where it is HTTP/2"
    after = await connect(target(server.port, tls=tls), gate)
    assert not gate.outdated(after, target(server.port, tls=tls))
    await talk(after)
    await finish(after)
    assert (server.next().certificates, server.next().certificates) == (["client"], ["rotated"])
    assert not after.tls.resumed
    assert after.key != before.key
    assert len(gate.sessions) == 1


@pytest.mark.parametrize("name", ["SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"])
def test_a_key_log_is_refused(name):
    with pytest.raises(KeyLogError, match=name):
        Identities(environ={name: "/tmp/keys"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, "/tmp/keys")
        with pytest.raises(KeyLogError):
            Identities()


async def test_the_systems_roots_are_watched_too(ca, good, tmp_path, clock):
    roots = str(tmp_path / "roots.pem")
    shutil.copy(ca.path, roots)
    identities = Identities(Trust(system=roots), clock=clock, environ={})
    old = await identities.get(UpstreamTLS(), ())
    shutil.copy(good.certificate, roots)
    clock.now += 1
    assert (await identities.get(UpstreamTLS(), ())).digest != old.digest
