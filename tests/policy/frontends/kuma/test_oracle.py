"""Precedence and merge, as Kuma's own golden files have them.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import itertools
import os
from pathlib import Path

import pytest
import yaml

from outgate.policy import documents
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma import inbound
from outgate.policy.frontends.kuma.callers import KNOWN, Caller, apart, of_target
from outgate.policy.frontends.kuma.external_service import external_service
from outgate.policy.frontends.kuma.frontend import POLICIES, SINGLE
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.order import ordered
from outgate.policy.frontends.kuma.policies import Policies, about, in_force
from outgate.policy.frontends.kuma.routes import http_rules
from outgate.policy.model import Gate
from outgate.policy.schema import Reading
from policy.frontends.kuma.kuma_building import HTTPBIN, entries_of, plain, resource

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
ORACLE = CORPUS / "oracle" / "kuma"
pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")
KINDS = {"msvc": "MeshService", "extsvc": "MeshExternalService", "mhttpr": "MeshHTTPRoute"}


def cases(*folders: str, pattern: str = "*.input.yaml") -> list[Path]:
    return sorted(path for folder in folders for path in ORACLE.glob(f"{folder}/{pattern}"))


def stem(path: Path) -> str:
    return f"{path.parent.name}-{path.name.partition('.')[0]}"


def golden(path: Path) -> object:
    return yaml.safe_load(path.with_name(path.name.replace(".input.", ".golden.")).read_text())


@pytest.mark.parametrize("path", cases("sort"), ids=stem)
def test_policies_are_put_in_kumas_order(path):
    given = documents.load(path)
    found = ordered(entries_of(POLICIES["MeshTimeout"], given))
    assert [entry.resource.name for entry in found] == [entry["Meta"]["name"] for entry in golden(path)]


@pytest.mark.parametrize("path", cases("inboundrules"), ids=stem)
def test_items_about_what_arrives_are_in_the_same_order(path):
    found = ordered(entries_of(POLICIES["MeshTimeout"], documents.load(path)))
    names = [rule["origin"]["Resource"]["name"] for rule in golden(path)["rules"]]
    assert [entry.resource.name for entry in found] == names


@pytest.mark.parametrize("path", cases("resourcerules/*", pattern="zone-*.golden.yaml"), ids=stem)
def test_what_holds_for_a_service_or_a_route_is_what_kuma_says(path):
    """Of sections of a service nothing is compared: what is outside has one port."""
    source = _input(path.parent.name)
    if not source.exists():
        pytest.skip("the golden file has no input beside it")
    given = documents.load(source)
    kind = next((one for one in POLICIES.values() if one.name in {each.kind for each in given} and not one.whole), None)
    if kind is None:
        pytest.skip("about rules of routes: compared below, but for those of built-in gateways")
    policies = Policies({kind.name: ordered(entries_of(kind, given))})
    about_sections = "sectionName" in source.read_text()
    compared = 0
    for key, rule in yaml.safe_load(path.read_text()).items():
        named, name = KINDS.get(key.split("_")[1], ""), key.split("_")[-2]
        if not named or about_sections:
            continue
        outside, route = resource(_document(named, name, given)), None
        if named == "MeshHTTPRoute":
            outside, route = resource(_document("MeshService", "backend", given)), outside
        assert plain(policies.said(kind.name, outside, route).conf) == conf(kind.conf, rule["Conf"][0]), key
        compared += 1
    assert compared or about_sections


@pytest.mark.parametrize("path", cases("resourcerules/mhr_backendrefs", pattern="zone-*.golden.yaml"), ids=stem)
def test_rules_of_routes_are_those_that_kuma_joins(path):
    """With the weight of a backend that Kuma writes where nobody chose one."""
    kind, given = POLICIES["MeshHTTPRoute"], documents.load(_input(path.parent.name))
    policies = Policies({kind.name: ordered(entries_of(kind, given))})
    compared = 0
    for key, rule in yaml.safe_load(path.read_text()).items():
        if not (named := KINDS.get(key.split("_")[1], "")):
            continue
        outside = resource(_document(named, key.split("_")[-2], given))
        made = http_rules(entry for entry in policies.entries[kind.name] if about(entry, outside))
        wanted = [
            (match["path"]["value"], each["default"]) for each in rule["Conf"][0]["rules"] for match in each["matches"]
        ]
        found = [(each.match.path.value, _weighed(plain(each.conf))) for each in made]
        assert sorted(found, key=str) == sorted(wanted, key=str)
        compared += 1
    assert compared


@pytest.mark.parametrize("path", [path for path in cases("rules/from") if "mesh" not in path.name], ids=stem)
def test_each_caller_has_the_action_that_kuma_says(path):
    """For every caller that is told apart by the tags of the golden file: the first of its rules that means it."""
    golden_rules = next(iter(golden(path)["Rules"].values()))
    kind = POLICIES["MeshTrafficPermission"]
    asked = [
        (of_target(entry.target), entry.conf.get("action"))
        for entry in ordered(entries_of(kind, documents.load(path)))
        if entry.side == "from"
    ]
    parts = apart(asked, lambda later, earlier: True)
    tags = {(tag["Key"], tag["Value"]) for rule in golden_rules for tag in rule["Subset"]}
    for held in itertools.chain.from_iterable(itertools.combinations(sorted(tags), size) for size in range(4)):
        if len(dict(held)) < len(held):
            continue
        wanted = next((rule["Conf"]["action"] for rule in golden_rules if _fits(rule["Subset"], held)), None)
        (found,) = [told for caller, told in parts if _is_meant(caller, dict(held))]
        assert (found[-1] if found else None) == wanted, held


def test_each_service_has_the_conf_that_kuma_says():
    """A rule is about one service by its tag, or about those that no other names."""
    (path,) = [path for path in cases("rules/to") if path.name.startswith("meshtimeout")]
    kind, compared = POLICIES["MeshTimeout"], 0
    policies = Policies({kind.name: ordered(entries_of(kind, documents.load(path)))})
    for rule in golden(path)["Rules"]:
        name = next((tag["Value"] for tag in rule["Subset"]), "another")
        (service,) = documents.parse(f"type: MeshService\nname: {name}\nmesh: default\nspec: {{}}\n", "service")
        assert plain(policies.said(kind.name, resource(service)).conf) == conf(kind.conf, rule["Conf"]), name
        compared += 1
    assert compared == 3


def test_a_policy_without_items_is_what_kuma_says():
    (path,) = cases("rules/single")
    kind, made = SINGLE["MeshTrace"], Contribution()
    setting = Setting(strict=False, kuma_dialect="kuma-2.9")
    read = [kind.entry(each, setting, made) for each in documents.load(path)]
    (rule,) = golden(path)["Rules"]
    found = merged(entry.conf for entry in ordered(entry for entry in read if entry is not None))
    wanted = conf(kind.conf, rule["Conf"])
    # Kuma writes the default of this one.
    assert wanted["backends"][0]["datadog"].pop("splitService") is False
    assert plain(found) == wanted


def test_what_is_said_of_everybody_that_arrives_is_merged():
    (path,) = [path for path in cases("rules/from") if "meshtimeout" in path.name]
    entries = ordered(entries_of(POLICIES["MeshTimeout"], documents.load(path)))
    (service,) = documents.parse(HTTPBIN, "httpbin.yaml")
    (said,) = inbound.said(entries, external_service(service, Setting(), Contribution()))
    ((rule,),) = golden(path)["Rules"].values()
    assert plain(said.conf) == conf(POLICIES["MeshTimeout"].conf, rule["Conf"])
    (rules,) = golden(path)["InboundRules"].values()
    assert [plain(entry.conf) for entry in entries] == [
        conf(POLICIES["MeshTimeout"].conf, rule["conf"]) for rule in rules
    ]


def test_a_policy_of_a_route_holds_for_what_that_route_takes():
    (path,) = [path for path in cases("rules/to") if "route" in path.name]
    kind, given = POLICIES["MeshTimeout"], documents.load(path)
    policies = Policies({kind.name: ordered(entries_of(kind, given))})
    service = resource(_document("MeshService", "test-service", given))
    (rule,) = golden(path)["Rules"]
    said = policies.said(kind.name, service, resource(_document("MeshHTTPRoute", "http-route-1", given)))
    assert plain(said.conf) == conf(kind.conf, rule["Conf"])
    assert policies.said(kind.name, service).conf is None


def _document(kind: str, name: str, given: list[documents.Document]) -> documents.Document:
    """One of those that are given, or one of which only the name counts."""
    (made,) = documents.parse(f"type: {kind}\nname: {name}\nmesh: {given[0].root.text('mesh')}\n", "made")
    return next((each for each in given if (each.kind, each.name) == (kind, name)), made)


def _weighed(default: dict) -> dict:
    return {**default, "backendRefs": [{"weight": 1, **each} for each in default.get("backendRefs", [])]}


def _fits(subset: list[dict[str, object]], held: tuple[tuple[str, str], ...]) -> bool:
    return all(((tag["Key"], tag["Value"]) in held) is not tag["Not"] for tag in subset)


def _is_meant(caller: Caller, held: dict[str, str]) -> bool:
    names = {attribute: name for name, attribute in KNOWN.items()}
    return all(
        (held.get(each.key or names.get(each.attribute, "")) in each.values) is not each.negated for each in caller
    )


def test_policies_of_a_proxy_are_matched_and_merged():
    folder = ORACLE / "matchedpolicies" / "meshexternalservice"
    (wanted,) = yaml.safe_load((folder / "delegated.golden.yaml").read_text())["ResourceRules"].values()
    tags = yaml.safe_load((folder / "delegated.dataplane.yaml").read_text())["networking"]["gateway"]["tags"]
    kind, made = POLICIES["MeshRetry"], Contribution()
    gate = Gate(labels=tuple(sorted(tags.items())))
    policies = in_force(entries_of(kind, documents.load(folder / "delegated.policies.yaml")), Setting(gate=gate), made)
    (service,) = documents.load(folder / "delegated.mes.yaml")
    assert plain(policies.said(kind.name, resource(service)).conf) == conf(kind.conf, wanted["Conf"][0])
    assert made.problems == []


def _input(name: str) -> Path:
    beside = ORACLE / "resourcerules" / f"{name}.input.yaml"
    return beside if beside.exists() else CORPUS / "kuma" / f"v214-resourcerules-{name.replace('_', '-')}-input.yaml"


def conf(shape: object, data: object) -> object:
    (document,) = documents.parse(yaml.safe_dump(data), "golden")
    reading = Reading("")
    read = shape.read(document.root, "", reading)
    assert reading.problems == []
    return plain(read)
