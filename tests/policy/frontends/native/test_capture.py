"""`EgressCapture`: every field changes what is compiled, and fields that contradict each other are refused."""

import pytest

from outgate.policy.redaction_model import CapturePolicy, Matching, VaultPolicy
from outgate.problems import Severity
from policy.building import DEFAULTS, policy, problems

HEAD = "---\napiVersion: outgate.dev/v1alpha1\nkind: EgressCapture\nmetadata: {name: %s, namespace: prod}\nspec: "
MODE = DEFAULTS + "{mode: REGISTRY_ONLY}\n"


def text(*specs):
    return MODE + "".join(f"{HEAD % f'c{number}'}{spec}\n" for number, spec in enumerate(specs))


def made(spec):
    (found,) = policy(text(spec)).keeping.captures
    return found


def errors(*specs):
    return {p.field: str(p) for p in problems(text(*specs)) if p.severity is Severity.ERROR}


def test_what_is_not_said_is_as_the_model_has_it():
    capture = made("{folder: /var/c}")
    assert capture == CapturePolicy("EgressCapture/prod/c0", folder="/var/c", source=capture.source)
    assert capture.source.name == "c0"


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("match: {hosts: [a.example]}", "matching", Matching(("a.example",))),
        ("sampling: 2.5", "sampling", 0.025),
        ("sampling: 0", "sampling", 0.0),
        ("maxBody: 0", "max_body", 0),
        ("maxBody: 10M", "max_body", 10_000_000),
        ("denied: false", "denied", False),
        ("rotate: {size: 128Ki}", "rotate_bytes", 131072),
        ("rotate: {after: 90s}", "rotate_seconds", 90.0),
        ("retention: {age: 24h}", "retention", 86400.0),
        ("retention: {age: 0s}", "retention", 0.0),
        ("retention: {size: 10Gi}", "max_bytes", 10 * 1024**3),
        ("vault: {key: /k/v.pub, folder: /v//a/}", "vault", VaultPolicy("/k/v.pub", "/v/a")),
    ],
)
def test_every_field(field, name, value):
    assert getattr(made(f"{{folder: /c, {field}}}"), name) == value


def test_one_folder_has_one_spelling():
    assert made("{folder: /var//c/../d/}").folder == "/var/d"


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        ("{}", "spec.folder", "required"),
        ("{folder: captures}", "spec.folder", "write an absolute path"),
        ("{folder: /c, sampling: 101}", "spec.sampling", "out of range"),
        ("{folder: /c, maxBody: 10KB}", "spec.maxBody", 'write bytes, or "64Ki"'),
        ("{folder: /c, maxBody: true}", "spec.maxBody", "is no size"),
        ("{folder: /c, rotate: {size: 1}}", "spec.rotate.size", "use 65536 to"),
        ("{folder: /c, rotate: {after: 10ms}}", "spec.rotate.after", "too short"),
        ("{folder: /c, retention: {size: 1Mi}}", "spec.retention.size", "have no room for one file"),
        ("{folder: /c, rotate: {size: 2Gi}}", "spec.rotate.size", "lower rotate.size"),
        ("{folder: /c, retain: {}}", "spec.retain", "unknown field"),
        ("{folder: /c, vault: {folder: /v}}", "spec.vault.key", "required"),
        ("{folder: /c, vault: {key: v.pub, folder: /v}}", "spec.vault.key", "write an absolute path"),
        ("{folder: /c, vault: {key: /v.pub, folder: /x/../c}}", "spec.vault", "give it a folder of its own"),
    ],
)
def test_what_is_wrong_is_said(spec, field, says):
    assert says in errors(spec)[field]


def test_no_folder_is_a_vault_and_something_else():
    first, vault = "{folder: /c, match: {hosts: [a.example]}%s}", ", vault: {key: /k, folder: %s}"
    assert "captures or of another vault" in errors(first % "", "{folder: /d%s}" % (vault % "/c"))["spec.vault"]
    assert "another vault" in errors(first % (vault % "/v"), "{folder: /d%s}" % (vault % "/v"))["spec.vault"]
    assert "is the folder of a vault" in errors(first % (vault % "/v"), "{folder: /v}")["spec.folder"]
    assert errors(first % (vault % "/v"), "{folder: /d%s}" % (vault % "/w")) == {}


def test_two_in_one_folder_are_an_error():
    found = errors("{folder: /c/a}", "{folder: /c/b/../a, match: {hosts: [b.example]}}")
    assert "is the folder of EgressCapture prod/c0" in found["spec.folder"]
    assert errors("{folder: /c/a, match: {hosts: [a.example]}}", "{folder: /c/b}") == {}
