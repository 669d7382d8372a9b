"""Names, labels and exports, as every kind of Istio's has them."""

import pytest

from outgate.policy.documents import Node
from outgate.policy.frontends.istio import common
from outgate.policy.schema import Reading
from outgate.problems import Where

HERE = Where("a.yaml", 1, 1)


def read(shape, value):
    reading = Reading("Kind")
    return shape.read(Node(value, HERE), "field", reading), reading


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a.example", True),
        ("A.Example.", True),
        ("a-b.c1.example", True),
        ("single", True),
        ("*", False),
        ("*.example", False),
        ("", False),
        ("a..example", False),
        (".example", False),
        ("-a.example", False),
        ("a-.example", False),
        ("a_b.example", False),
        ("1.2.3.4", False),
        ("example.1", False),
        ("bücher.example", False),
        (f"{'a' * 63}.example", True),
        (f"{'a' * 64}.example", False),
        (".".join(["a" * 50] * 6), False),
    ],
)
def test_names(text, right):
    assert (common.name_fault(text) == "") is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("*", True),
        ("*.example", True),
        ("*.a.example", True),
        ("*a.example", True),
        ("*-a.example", True),
        ("a.example", True),
        ("a.*.example", False),
        ("*.*.example", False),
        ("**.example", False),
        ("*.", False),
        ("", False),
        ("a*.example", False),
    ],
)
def test_patterns(text, right):
    assert (common.pattern_fault(text) == "") is right


@pytest.mark.parametrize(
    ("text", "partial"), [("*", False), ("*.a", False), ("*a.b", True), ("*-a.b", True), ("a", False)]
)
def test_partial_wildcards(text, partial):
    assert common.is_partial(text) is partial


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("pay", "pay.prod.svc.cluster.local"),
        ("Pay", "pay.prod.svc.cluster.local"),
        ("api.Shop.example", "api.shop.example"),
        ("*", "*"),
        ("*.example", "*.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_short_names_are_expanded(host, full):
    assert common.qualified(host, "prod") == full


@pytest.mark.parametrize(
    ("text", "right"), [("/run/a", True), ("@a", True), ("run/a", False), ("/run/", False), ("", False)]
)
def test_sockets(text, right):
    assert (common.unix_fault(text) == "") is right


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.1.2.3/8", "192.0.2.1", "2001:db8::/32", "::1"])
def test_networks(text):
    assert common.network_fault(text) == ""


@pytest.mark.parametrize("text", ["10.0.0/8", "10.0.0.0/33", "127.1", "a.example", "", "10.0.0.0/8/8"])
def test_what_is_no_network(text):
    assert common.network_fault(text)


@pytest.mark.parametrize(
    ("exported", "owner", "namespace", "seen"),
    [
        (("*",), "prod", "web", True),
        ((".",), "prod", "prod", True),
        ((".",), "prod", "web", False),
        (("web",), "prod", "web", True),
        (("~",), "prod", "prod", False),
        ((), "prod", "prod", False),
    ],
)
def test_who_sees_what_is_exported(exported, owner, namespace, seen):
    assert common.visible(exported, owner, namespace) is seen


@pytest.mark.parametrize(
    ("exported", "wanted", "covered"),
    [
        (("*",), ("*",), True),
        (("*",), ("web",), True),
        ((".",), (".",), False),
        (("web",), (".",), True),
        (("a", "b"), ("a",), True),
        (("a",), ("a", "b"), False),
        ((".",), ("*",), False),
    ],
)
def test_whether_one_export_reaches_as_far_as_another(exported, wanted, covered):
    """The first is of namespace prod, the second of namespace web."""
    assert common.covers(exported, "prod", wanted, "web") is covered


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        ({}, True),
        ({"app": "a"}, True),
        ({"app": "a", "zone": "b"}, True),
        ({"app": "b"}, False),
        ({"tier": "a"}, False),
    ],
)
def test_selectors_ask_for_all_their_labels(selector, picked):
    assert common.selects(selector, (("app", "a"), ("zone", "b"))) is picked


@pytest.mark.parametrize("key", ["app", "app.kubernetes.io/name", "a_b", "A1", "example.com/a.b-c"])
def test_label_keys(key):
    assert not read(common.Labels(), {key: Node("a", HERE)})[1].failed


@pytest.mark.parametrize("key", ["", "-a", "a/", "/a", "a/b/c", "a" * 64, "a b"])
def test_what_is_no_label_key(key):
    assert read(common.Labels(), {key: Node("a", HERE)})[1].failed


@pytest.mark.parametrize(
    ("value", "right"), [("", True), ("a.b_c-d", True), ("-a", False), ("a" * 64, False), ("a*", False)]
)
def test_label_values(value, right):
    assert read(common.Labels(), {"a": Node(value, HERE)})[1].failed is not right
