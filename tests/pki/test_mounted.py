"""The certificates of a gate: which files, what for, used by whom, and what is wrong with them."""

from pathlib import Path

import pytest

from outgate.pki.authority import create_authority, save_authority
from outgate.pki.issue import Kind, issue, save_issued
from outgate.pki.mounted import mounted
from outgate.policy.model import Destination, Port, Protocol, Source, Upstream, UpstreamTLS
from outgate.problems import Where


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    authority = create_authority("gate CA", 30)
    certificate, key = save_authority(authority, tmp_path)
    client, client_key = save_issued(issue(authority, Kind.CLIENT, ["web"], 10), tmp_path, "web")
    return {"ca": str(certificate), "ca_key": str(key), "client": str(client), "client_key": str(client_key)}


def partner(name: str, tls: UpstreamTLS) -> Destination:
    port = Port(443, Protocol.HTTPS, Upstream(443, tls=tls))
    source = Source(Where("a.yaml", 1, 1), "EgressDestination", name)
    return Destination(name, name, "", (f"{name}.example",), (), (port, port), source)


def test_each_file_says_what_it_is_for_and_who_uses_it(files):
    tls = UpstreamTLS(ca=files["ca"], client_certificate=files["client"], private_key=files["client_key"])
    told = mounted(Path(files["ca"]), (), [partner("one", tls), partner("two", tls)])
    found = {(each["role"], each["file"]): each for each in told["certificates"]}
    assert set(found) == {("authority", files["ca"]), ("trust", files["ca"]), ("client", files["client"])}
    assert found["authority", files["ca"]]["destinations"] == []
    client = found["client", files["client"]]
    assert client["destinations"] == ["one", "two"]
    assert (client["subject"], client["names"], client["key_matches"]) == ("CN=web", ("DNS:web",), True)
    assert client["days_left"] in (9, 10)
    assert isinstance(client["not_after"], str)
    assert "PRIVATE" not in str(told)


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_told(files, tmp_path):
    tls = UpstreamTLS(ca=str(tmp_path / "gone.crt"), client_certificate=files["client"])
    told = mounted(Path(files["ca"]), [tmp_path / "nowhere.pem"], [partner("one", tls)])
    assert {each["role"] for each in told["certificates"]} == {"authority", "client"}
    assert any("gone.crt" in problem for problem in told["problems"])
    assert any("nowhere.pem" in problem for problem in told["problems"])


def test_what_is_wrong_with_a_file_is_told(files):
    Path(files["client_key"]).chmod(0o644)
    tls = UpstreamTLS(client_certificate=files["client"], private_key=files["client_key"])
    told = mounted(Path(files["ca"]), (), [partner("one", tls)])
    assert any(files["client_key"] in problem for problem in told["problems"])
