"""Sessions are kept under their own key, within bounds, and no longer than their certificate lives."""

from dataclasses import dataclass, field

import pytest

from outgate.policy.model import UpstreamTLS
from outgate.upstream.connect import connect
from outgate.upstream.handshake import Terms
from outgate.upstream.judge import Criteria, read
from outgate.upstream.key import Key
from outgate.upstream.sessions import Sessions
from upstream.building import environment, finish, talk, target


def key(host: str = "a.example", identity: str = "id", generation: str = "g1") -> Key:
    return Key("partner", host, 443, "", host, (), (), identity, generation)


@dataclass
class Session:
    """What `ssl.SSLSession` says of itself."""

    id: bytes
    has_ticket: bool = True
    timeout: int = 7200
    ticket_lifetime_hint: int = 7200


@dataclass
class Resumable:
    """What a judged connection says of itself."""

    session: Session | None
    chain: tuple[bytes, ...]
    offered: Session | None = None
    spoken: str = "TLSv1.3"
    terms: Terms = field(init=False)

    def __post_init__(self) -> None:
        self.terms = Terms(Criteria(None), self.offered, self.chain)

    def version(self) -> str:
        return self.spoken


@pytest.fixture
def chain(good):
    return (good.der,)


@pytest.fixture
def now(clock, good):
    """A clock that begins an hour before the certificate expires."""
    clock.now = read(good.der).not_after - 3600
    return clock


def test_a_tls_1_3_session_is_given_once_and_the_newest_first(chain, now):
    sessions = Sessions(now=now)
    for name in (b"1", b"2"):
        sessions.put(key(), Resumable(Session(name), chain))
    assert [sessions.take(key()).session.id for _ in range(2)] == [b"2", b"1"]
    assert sessions.take(key()) is None
    assert len(sessions) == 0


def test_a_tls_1_2_session_is_given_again_and_replaced_by_a_newer_one(chain, now):
    sessions = Sessions(now=now)
    for name in (b"1", b"2"):
        sessions.put(key(), Resumable(Session(name), chain, spoken="TLSv1.2"))
    assert [sessions.take(key()).session.id for _ in range(2)] == [b"2", b"2"]
    assert len(sessions) == 1


def test_a_session_that_was_offered_is_not_kept_again(chain, now):
    sessions, used = Sessions(now=now), Session(b"1")
    sessions.put(key(), Resumable(used, chain, offered=used))
    assert len(sessions) == 0


def test_the_same_session_is_kept_once(chain, now):
    sessions, one = Sessions(now=now), Resumable(Session(b"1"), chain)
    sessions.put(key(), one)
    sessions.put(key(), one)
    assert len(sessions) == 1


@pytest.mark.parametrize("session", [None, Session(b"", has_ticket=False), Session(b"1", has_ticket=False)])
def test_what_cannot_be_resumed_is_not_kept(chain, now, session):
    sessions = Sessions(now=now)
    sessions.put(key(), Resumable(session, chain))
    sessions.put(key(), Resumable(Session(b"1"), ()))
    assert len(sessions) == 0


def test_other_keys_get_nothing(chain, now):
    sessions = Sessions(now=now)
    sessions.put(key(), Resumable(Session(b"1"), chain))
    for other in (key("b.example"), key(identity="other"), key(generation="g2")):
        assert sessions.take(other) is None
    assert sessions.take(key()) is not None


@pytest.mark.parametrize(
    ("session", "lives"),
    [(Session(b"1"), 600), (Session(b"1", timeout=60), 60), (Session(b"1", ticket_lifetime_hint=30), 30)],
)
def test_a_session_lives_as_long_as_everyone_agrees(chain, now, session, lives):
    sessions = Sessions(now=now, lifetime=600)
    for passed, kept in ((lives - 1, True), (lives, False)):
        sessions.put(key(), Resumable(session, chain))
        begun = now.now
        now.now += passed
        assert (sessions.take(key()) is not None) is kept
        now.now = begun


def test_a_session_ends_with_its_certificate(chain, now):
    """A resumed session verifies nothing anew."""
    now.now += 3590
    sessions = Sessions(now=now)
    sessions.put(key(), Resumable(Session(b"1"), chain, spoken="TLSv1.2"))
    assert sessions.take(key()) is not None
    now.now += 10
    assert sessions.take(key()) is None


def test_the_oldest_go_when_there_are_too_many(chain, now):
    sessions = Sessions(keys=2, each=2, now=now)
    for host in ("a.example", "b.example", "c.example"):
        for number in range(3):
            sessions.put(key(host), Resumable(Session(f"{host}{number}".encode()), chain))
    assert len(sessions) == 4
    assert sessions.take(key("a.example")) is None
    assert sessions.take(key("c.example")).session.id == b"c.example2"


def test_sessions_go_with_their_identity_their_policy_and_a_failure(chain, now):
    sessions = Sessions(now=now)

    def fill() -> None:
        sessions.put(key(), Resumable(Session(b"1"), chain))
        sessions.put(key(identity="other", generation="g2"), Resumable(Session(b"2"), chain))

    for leave in (lambda: sessions.forget("other"), lambda: sessions.drop("g2")):
        fill()
        leave()
        assert len(sessions) == 1
    sessions.lose(key())
    sessions.lose(key())
    assert len(sessions) == 0


async def test_real_sessions_are_used_up_and_renewed(demanding, good, ca, version):
    server, gate = demanding(good), environment()
    resumed = []
    for _ in range(4):
        connection = await connect(target(server.port, tls=UpstreamTLS(ca=ca.path)), gate)
        await talk(connection)
        await finish(connection)
        resumed.append(connection.tls.resumed)
    assert resumed == [False, True, True, True]
    assert 1 <= len(gate.sessions) <= 4


async def test_a_connection_that_has_read_nothing_leaves_no_tls_1_3_session(good, ca, demanding, version):
    server, gate = demanding(good), environment()
    connection = await connect(target(server.port, tls=UpstreamTLS(ca=ca.path)), gate)
    connection.abort()
    assert len(gate.sessions) == 0
