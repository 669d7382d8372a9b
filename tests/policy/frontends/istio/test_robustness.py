"""Whatever stands in a document, loading it says what is wrong, and never raises anything else."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.rewriting import location, rewritten
from outgate.policy.route_model import Redirect
from outgate.policy.snapshot import Policy
from outgate.problems import Severity
from policy.building import http
from policy.frontends.istio.istio_building import document, errors, translate
from policy.frontends.istio.test_applied_fields import BASES

GOLDEN = Path(__file__).parent / "golden"
SETS = [text for file in sorted(GOLDEN.glob("*.yaml")) for text in [file.read_text()]] + list(BASES.values())

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70000),
    st.sampled_from(["", "*", "*.", "~", ".", "/", "a", "a.example", "*.shop.example", "api.shop.example", "x" * 300]),
    st.sampled_from(["0x7f", "127.1", "xn--a", "a.0x1", "123", "fe80::1%eth0", "::1", "10.0.0.0/8", "unix:///a", "1s"]),
    st.sampled_from([[], {}, [None], [{}], {"a": None}, [[]], {"": "a"}, [1], ["*"], {"number": 443}]),
)


def places(node: object, path: tuple = ()) -> list[tuple]:
    """Every place of a tree that can be overwritten."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [deeper for key, value in inner for deeper in [(*path, key), *places(value, (*path, key))]]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), strict=st.booleans())
def test_a_document_with_odd_values_is_refused_or_loads(data, strict):
    documents = [each for each in yaml.safe_load_all(data.draw(st.sampled_from(SETS))) if each is not None]
    changed = copy.deepcopy(documents)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(changed)))
        node = changed
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = copy.deepcopy(data.draw(ODD))
    text = yaml.safe_dump_all([each for each in changed if isinstance(each, dict)])
    frontend = IstioFrontend()
    claimed = [each for each in parse(text, "odd.yaml") if frontend.claims(each)]
    found = frontend.translate(claimed, Setting(strict=strict))
    for problem in found.problems:
        assert problem.what
        assert problem.where.file == "odd.yaml"
    if not errors(found):
        carried_out(Policy("odd", destinations=tuple(found.destinations)))


def carried_out(made: Policy) -> None:
    """Nothing that was loaded raises when a request asks for it."""
    for destination in made.destinations:
        for port in destination.ports:
            for path in ("/", "/old/a?b", "/a"):
                attempt = http(destination.hosts[0], port.number, path=path, encrypted=False)
                chosen = made.route(port, attempt, destination)
                if chosen is not None:
                    rewritten(chosen, path)
                    location(chosen, chosen.route.redirect or Redirect(), attempt, "a.example:80")


@pytest.mark.parametrize("host", ["0x7f", "123", "*.", "a.0x1", "xn--a.example", "*.xn--a", "*.1.2.3.4", "a" * 254])
def test_what_the_gate_cannot_spell_in_one_way_is_refused(host):
    found = translate(document("ServiceEntry", f"{{hosts: ['{host}'], resolution: NONE}}"))
    assert [problem.field for problem in errors(found)] == ["spec.hosts[0]"]


@pytest.mark.parametrize("address", ["0x7f", "a.0x1", "xn--a.example", "fe80::1%eth0"])
def test_an_endpoint_that_cannot_be_spelt_is_refused(address):
    text = f"{{hosts: [a.example], resolution: DNS, endpoints: [{{address: '{address}'}}]}}"
    assert "spec.endpoints[0].address" in [
        problem.field for problem in errors(translate(document("ServiceEntry", text)))
    ]


def test_a_document_with_errors_comes_to_nothing():
    found = translate(document("ServiceEntry", "{hosts: [a.example, '-'], resolution: DNS}"))
    assert found.destinations == []
    assert all(problem.severity is Severity.ERROR for problem in found.problems)
