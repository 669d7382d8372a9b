"""`schema` prints what editors and Kubernetes are given, of all kinds or of some."""

import json

import yaml

from outgate.cluster.definitions import OWN, definition
from outgate.policy.frontends.native.json_schema import document


def test_without_a_kind_it_is_of_all(terminal):
    assert json.loads(terminal.run("schema").stdout) == document(OWN)


def test_kinds_are_named_in_any_case(terminal):
    told = json.loads(terminal.run("schema", "egressaccess", "EgressCapture").stdout)
    assert list(told["$defs"]) == ["EgressAccess", "EgressCapture"]


def test_definitions_are_documents_that_can_be_applied(terminal):
    told = list(yaml.safe_load_all(terminal.run("schema", "--crd").stdout))
    assert told == [definition(kind) for kind in OWN.values()]


def test_a_kind_that_is_not_the_gates_own_is_refused(terminal):
    result = terminal.run("schema", "ServiceEntry")
    assert result.exit_code == 2
    assert "'ServiceEntry' is not one of" in result.stderr
