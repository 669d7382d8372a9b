"""A gate that takes its policy from a cluster, whose watches change, break, expire and lie: it follows, never by half.

Two documents are changed together and each puts a header into every request, so that one answer tells by which of each
it was sent. Somebody asks all the time, and every answer that he ever got has to be of one set. Needs no namespaces.
"""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster.apiserver import TOKEN, ApiServer, ThreadedApiServer, kubeconfig
from e2e.documents import defaults, policy
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from e2e.lab.origins import LocalOrigins
from e2e.lab.streams import Tls
from e2e.lab.upstreams import Server
from outgate.cluster.follow import LASTED

HERE = "127.0.0.1"
PATIENCE = 60.0
DESTINATIONS, TRAFFIC, ENTRIES, DENIALS = (
    "egressdestinations",
    "egresstraffics",
    "serviceentries",
    "authorizationpolicies",
)
NATIVE, ISTIO = "outgate.dev", "networking.istio.io"
SERVED = (
    (NATIVE, "v1alpha1", DESTINATIONS, "EgressDestination"),
    (NATIVE, "v1alpha1", TRAFFIC, "EgressTraffic"),
    (ISTIO, "v1beta1", ENTRIES, "ServiceEntry"),
    ("security.istio.io", "v1", DENIALS, "AuthorizationPolicy"),
)
ADDED = {
    "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
}
"""What a server adds to an object, which is no policy."""

type Told = dict[str, Any]
type Pair = tuple[str, str]


def until[T](value: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := value()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
    return found


class Asking:
    """Asks again and again until it is left. `came` is by which documents each answer was sent, or its status."""

    def __init__(self, gate: LoopbackGate) -> None:
        self._gate = gate
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.came: list[Pair | int] = []
        self.other: set[int] = set()
        """Statuses of the host that is never to be let through."""

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _ask(self) -> None:
        while not self._ended.wait(0.02):
            self.came.append(self.once("api.example"))
            other = self.once("other.example")
            self.other.add(other if isinstance(other, int) else 200)

    def once(self, host: str) -> Pair | int:
        connection = http.client.HTTPConnection(*self._gate.address, timeout=PATIENCE)
        try:
            connection.request("GET", f"http://{host}/", headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            return answer.status
        headers = {name.lower(): value for name, value in json.loads(body)["headers"]}
        return headers.get("x-destination", ""), headers.get("x-traffic", "")


class Scene:
    """The cluster, the gate that follows it, and who asks."""

    def __init__(self, api: ThreadedApiServer, gate: LoopbackGate, asking: Asking, origin: tuple[str, int]) -> None:
        self.api, self.gate, self.asking, self._origin = api, gate, asking, origin
        self.token = gate.policy.parent / "token"
        self.version = 0

    def change(self, *steps: Callable[[ApiServer], object]) -> None:
        """Both documents anew, and what else happens in the same moment."""
        self.version += 1

        def happens(server: ApiServer) -> None:
            for step in steps:
                step(server)
            self._put(server)

        self.api.do(happens)

    def _put(self, server: ApiServer) -> None:
        host, port = self._origin
        upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
        ports = [{"number": 80, "protocol": "HTTP", "upstream": upstream}]
        mark = {"set": [{"name": "x-destination", "value": str(self.version)}]}
        spec = {"hosts": ["api.example"], "ports": ports, "resolution": "STATIC", "headers": mark}
        server.put(DESTINATIONS, "api", spec, "egress", **ADDED)
        change = {"set": {"x-traffic": str(self.version)}}
        server.put(TRAFFIC, "api", {"destination": "api", "requestHeaders": change}, "egress", **ADDED)

    def opened(self, server: ApiServer) -> None:
        """Another host, by itself let through."""
        host, port = self._origin
        ports = [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": port}]
        where = {"location": "MESH_EXTERNAL", "resolution": "STATIC", "endpoints": [{"address": host}]}
        server.put(ENTRIES, "other", {"hosts": ["other.example"], "ports": ports, **where}, "egress", **ADDED)

    def follows(self) -> None:
        """Wait until requests are sent by what the cluster has now. What was sent before was never of two sets."""
        now = (str(self.version), str(self.version))
        until(lambda: now in self.asking.came[-5:])
        self.was_whole()

    def was_whole(self) -> None:
        assert all(isinstance(each, tuple) and each[0] == each[1] for each in self.asking.came), set(self.asking.came)

    def stays(self) -> None:
        """What is asked from now on is sent by the same as the last that was."""
        before, known = self.asking.came[-1], len(self.asking.came)
        until(lambda: len(self.asking.came) > known + 10)
        assert set(self.asking.came[known:]) == {before}

    def calm(self) -> None:
        """Watches have lasted: what fails next is tried again at once, and not as what fails again and again."""
        time.sleep(LASTED + 0.5)

    def policy(self) -> Told:
        told: Told = self.gate.admin("/status")["policy"]
        return told

    def conditions(self, plural: str, name: str = "api") -> dict[str, Told]:
        """As they stand in the cluster."""

        def found(server: ApiServer) -> Told:
            status = server.resources[NATIVE, plural].objects["egress", name].get("status", {})
            return {each["type"]: each for each in status.get("conditions", ())}

        told: dict[str, Told] = self.api.do(found)
        return told


@pytest.fixture(scope="module")
def origin() -> Iterator[tuple[str, int]]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running.address("plain")


@pytest.fixture(scope="module")
def api(origin_pki: world.OriginPki) -> Iterator[ThreadedApiServer]:
    """It is there, and not able yet."""
    files = origin_pki.origin_ca.server("api-server", [HERE])
    server = ApiServer(tls=Tls(str(files.cert), str(files.key)).context())
    for served in SERVED:
        server.serve(*served)
    server.trouble("/apis/", 503, times=1_000_000)
    with ThreadedApiServer(server) as running:
        yield running


@pytest.fixture(scope="module")
def gate(
    api: ThreadedApiServer, origin_pki: world.OriginPki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoopbackGate]:
    folder = tmp_path_factory.mktemp("kube")
    authority = str(origin_pki.origin_ca.cert)
    config = folder / "config"
    settings = {"cluster_meshes": "native,istio", "gate_namespace": "egress"}
    flags = ["--policy-from-cluster", "--kubeconfig", str(config), "--cluster-namespaces", "egress"]
    made = LoopbackGate(policy(defaults(mode="REGISTRY_ONLY")), origin_pki, settings=settings, flags=flags)
    token = made.policy.parent / "token"
    token.write_text(TOKEN)
    config.write_text(kubeconfig(api.server.url, token_file=str(token), authority=authority))
    yield made
    made.__exit__()


@pytest.fixture(scope="module")
def started(gate: LoopbackGate, api: ThreadedApiServer) -> bool:
    """The gate is started, and the API is able when it has been asked for a while. Whether somebody listened before."""
    starting = threading.Thread(target=gate.start, daemon=True)
    starting.start()
    until(lambda: len(api.server.requests) > 3)
    listened = listens(gate.address)
    api.do(lambda server: server.troubles.clear())
    starting.join(PATIENCE)
    return listened


def listens(address: tuple[str, int]) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(address) == 0


@pytest.fixture(scope="module")
def standing(started: bool, api: ThreadedApiServer, gate: LoopbackGate, origin: tuple[str, int]) -> Iterator[Scene]:
    assert listens(gate.address), gate.stderr()
    asking = Asking(gate)
    scene = Scene(api, gate, asking, origin)
    scene.change()
    until(lambda: asking.once("api.example") == ("1", "1"))
    with asking:
        yield scene
    assert "Traceback" not in gate.stderr(), gate.stderr()


@pytest.fixture
def scene(standing: Scene) -> Iterator[Scene]:
    """What was asked before the test has been looked at."""
    standing.asking.other.clear()
    standing.asking.came.clear()
    until(lambda: standing.asking.came)
    yield standing
    standing.api.do(lambda server: server.troubles.clear())


def test_nobody_is_served_before_the_whole_policy_is_known(started: bool) -> None:
    assert not started


def test_what_changes_together_is_in_force_together(scene: Scene) -> None:
    for _ in range(3):
        scene.change(ApiServer.bookmark)
        scene.follows()
    assert scene.policy()["cluster"]["age"] == 0


def test_a_server_that_is_away_and_comes_back_is_followed_again(scene: Scene) -> None:
    scene.api.stop()
    until(lambda: scene.policy()["cluster"]["age"] > 0)
    scene.change()
    scene.stays()
    scene.api.start()
    scene.follows()
    assert scene.policy()["cluster"] == scene.policy()["cluster"] | {"age": 0, "reason": ""}


def test_a_document_that_is_wrong_leaves_the_policy_before_and_says_why(scene: Scene) -> None:
    until(lambda: scene.conditions(TRAFFIC).get("Programmed", {}).get("status") == "True")
    broken = {"destination": "api", "requestHeders": {"set": {"x-traffic": "wrong"}}}
    scene.change(lambda server: server.put(DESTINATIONS, "more", {"hosts": ["more.example"]}, "egress"))
    scene.api.do(lambda server: server.put(TRAFFIC, "api", broken, "egress"))
    until(lambda: scene.policy()["last_error"])
    scene.stays()
    wrong = until(lambda: _false(scene.conditions(TRAFFIC), "Accepted"))
    assert (wrong["reason"], wrong["observedGeneration"]) == ("Invalid", scene.version + 1)
    assert 'spec.requestHeders: unknown field; did you mean "requestHeaders"?' in wrong["message"]
    other = until(lambda: _false(scene.conditions(DESTINATIONS, "more"), "Programmed"))
    assert other["reason"] in ("OthersInvalid", "Invalid")
    assert "cluster:EgressTraffic/egress/api" in scene.policy()["last_error"]
    assert scene.asking.once("more.example") == 502
    scene.change(lambda server: server.delete(DESTINATIONS, "more", "egress"))
    until(lambda: scene.conditions(TRAFFIC)["Accepted"]["status"] == "True")
    assert scene.policy()["last_error"] == ""


def _false(found: dict[str, Told], kind: str) -> Told | None:
    return found[kind] if found.get(kind, {}).get("status") == "False" else None


def test_a_token_that_is_refused_is_read_again(scene: Scene) -> None:
    def replaced(server: ApiServer) -> None:
        server.tokens = {"second"}
        server.drop()

    scene.change(replaced)
    until(lambda: "answers 401" in scene.policy()["cluster"]["reason"])
    scene.stays()
    scene.token.write_text("second")
    scene.follows()


def test_no_destination_comes_before_its_denial(scene: Scene) -> None:
    denial = {"action": "DENY", "rules": [{"to": [{"operation": {"hosts": ["other.example"]}}]}]}
    scene.api.do(lambda server: (server.trouble(f"/{DENIALS}", 403, times=1_000_000), server.drop(DENIALS)))
    until(lambda: "answers 403" in scene.policy()["cluster"]["reason"])
    scene.change(lambda server: server.put(DENIALS, "other", denial, "egress"), scene.opened)
    scene.stays()
    scene.api.do(lambda server: server.troubles.clear())
    scene.follows()
    until(lambda: 403 in scene.asking.other)
    assert scene.asking.other == {502, 403}, "not registered at first, and then refused"
    scene.change(lambda server: server.delete(ENTRIES, "other", "egress"))
    scene.follows()
    scene.api.do(lambda server: server.delete(DENIALS, "other", "egress"))


def test_a_status_is_written_when_it_comes_to_something_else_and_not_before(scene: Scene) -> None:
    told = scene.api.do(lambda server: list(server.statuses))
    for path in {path for path, _ in told}:
        said = [[_said(each) for each in body["status"]["conditions"]] for written, body in told if written == path]
        assert all(before != after for before, after in itertools.pairwise(said)), path
    assert {path.split("/")[2] for path, _ in told} == {NATIVE}, "those of others are left alone"


def _said(condition: Told) -> tuple[object, ...]:
    return tuple(condition[key] for key in ("type", "status", "reason", "message", "observedGeneration"))


def test_while_one_kind_may_not_be_seen_nothing_changes(scene: Scene) -> None:
    """What the other kind says is known, and would be half of a set."""
    scene.change(
        lambda server: server.trouble(f"/{TRAFFIC}", 403, times=1_000_000), lambda server: server.drop(TRAFFIC)
    )
    until(lambda: f"{TRAFFIC}.{NATIVE} in egress: the API answers 403" in scene.policy()["cluster"]["reason"])
    scene.stays()
    assert scene.policy()["cluster"]["age"] > 0
    assert scene.gate.admin("/readyz") == {"ready": True}
    scene.api.do(lambda server: server.troubles.clear())
    scene.follows()


def test_a_watch_that_breaks_is_taken_up_again(scene: Scene) -> None:
    """One between two lines, and one within a line that would have been a deletion."""
    scene.calm()
    cut = b'{"type":"DELETED","object":{"kind":"EgressTraffic","metadata":{"name":"api","namesp'
    scene.change(lambda server: (server.drop(DESTINATIONS), server.drop(TRAFFIC, cut)))
    scene.follows()


def test_what_has_expired_is_listed_again(scene: Scene) -> None:
    """As an event and as an answer, and an object is gone meanwhile without anybody having been told."""
    scene.calm()
    host = {"hosts": ["gone.example"], "ports": [{"number": 80, "protocol": "HTTP"}]}
    scene.change(lambda server: server.put(DESTINATIONS, "gone", host, "egress"))
    scene.follows()

    def expires(server: ApiServer) -> None:
        server.error(DESTINATIONS, 410, "The resourceVersion for the provided watch is too old.")
        server.drop(TRAFFIC)
        server.delete(DESTINATIONS, "gone", "egress")

    scene.change(expires, lambda server: server.forget(DESTINATIONS), lambda server: server.forget(TRAFFIC))
    scene.follows()
    assert scene.policy()["cluster"]["documents"] == 2


def test_what_cannot_be_read_is_no_policy(scene: Scene) -> None:
    def lies(server: ApiServer) -> None:
        server.say(ENTRIES, b"<html>Bad Gateway</html>\n")
        server.say(DENIALS, b"[]\n")
        server.say(TRAFFIC, b'{"type":"ADDED","object":{"metadata":{}}}\n')

    scene.api.do(lies)
    scene.stays()
    scene.change()
    scene.follows()


def test_what_is_deleted_is_let_through_no_more(scene: Scene) -> None:
    scene.api.do(lambda server: [server.delete(each, "api", "egress") for each in (TRAFFIC, DESTINATIONS)])
    until(lambda: scene.asking.came[-1:] == [502])
    scene.asking.came.clear()


def test_other_namespaces_are_not_asked_about(scene: Scene) -> None:
    asked = scene.api.do(lambda server: [each for each in server.requests if "/outgate.dev/" in each])
    assert asked
    assert all("/namespaces/egress/" in each for each in asked)
