"""Policy documents and what else people write: whatever stands there, it is read or refused in words."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fuzz.target import Draw, given, target, text_of
from outgate.cli.options import SPAN
from outgate.exec import allow
from outgate.policy import compile as compilation
from outgate.policy.cases import read_cases
from outgate.policy.documents import MAX_BYTES, Node, parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Mode
from outgate.policy.plain import plain_policy
from outgate.policy.schema import Duration, Integer, Number, Reading, Timestamp
from outgate.problems import PolicyError, Where
from outgate.settings import SettingsError, parse_address, parse_endpoint, read_settings

ROOT = Path(__file__).parents[2]
FOLDERS = ("policy", "docs/examples", "tests/policy/frontends/istio/golden")


@cache
def files() -> tuple[str, ...]:
    """The documents that the repository holds."""
    found = (file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.yaml")))
    return tuple(file.read_text(encoding="utf-8") for file in found if ".test." not in file.name)


def texts() -> Iterator[bytes]:
    """Each document by itself: a whole file is long for a fuzzer."""
    for text in files():
        yield from (part.encode() for part in text.split("\n---\n"))


YAML = (
    b"---\n",
    b"&a",
    b"*a",
    b"!!int ",
    b"<<: ",
    b"? ",
    b"[",
    b"{",
    b": ",
    b"- ",
    b"|\n",
    b"'",
    b'"',
    b"\xef\xbb\xbf",
)


@target("yaml", texts, *YAML, b"!!binary ", b"!!set ", b"0x", b"0o7", b"1:30", b".inf", b"2001-01-01", b"\xc2\x85")
def documents(data: bytes) -> None:
    """Any text is documents whose values are those of PyYAML's own reader, each with a place, or a `PolicyError`."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        found = parse(text, "f.yaml")
    except PolicyError as error:
        _in_words(error)
        return
    for document in found:
        for node in _nodes(document.root):
            assert node.where.file == "f.yaml"
            assert 0 < node.where.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 2 + MAX_BYTES
    with suppress(yaml.YAMLError, ValueError, AttributeError, LookupError, RecursionError, TypeError):
        same = [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each is not None]
        if not any(isinstance(each, dict) and each.get("kind") == "List" for each in same):
            assert len(same) == len(found)
            assert all(map(_alike, (document.root for document in found), same))


def _in_words(error: PolicyError) -> None:
    assert error.problems
    assert all(problem.what and str(problem) for problem in error.problems)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.mapping.values() or node.sequence:
        yield from _nodes(child)


def _alike(node: Node, plain: Any) -> bool:
    """Whether a node is what another reader made. Keys are text here, whatever YAML takes them for."""
    if isinstance(node.data, dict):
        if not isinstance(plain, dict):
            return str(type(plain)) in ("<class 'set'>", "<class 'str'>")
        return len(plain) > len(node.data) or all(map(_alike, node.data.values(), plain.values()))
    if isinstance(node.data, list):
        return isinstance(plain, list) and all(map(_alike, node.data, plain))
    return bool(node.data == plain or str(node.data) == str(plain)) or isinstance(plain, (dict, list))


@cache
def trees() -> tuple[list[Any], ...]:
    """The documents of each file as plain values, to be changed."""
    return tuple([each for each in yaml.safe_load_all(text) if each is not None] for text in files())


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 443, 70000, 1 << 70, 1.5, float("inf"), float("nan"), "", "*", "*.", "~", ".", "/", "a",
    "a.example", "*.a.example", "*a", "a*", "x" * 300, "0x7f", "127.1", "xn--a", "a.0x1", "123", "fe80::1%eth0", "::1",
    "10.0.0.0/8", "0.0.0.0/0", "::/0", "unix:///a", "1s", "1.5h", "9" * 400 + "s", "\u0661s", "\0", "\n", "\ud7ff",
    "é", "=", [], {}, [None], [{}], {"a": None}, [[]], {"": "a"}, [1], ["*"], {"number": 443}, ["a", "a"],
    {"a": {"b": {}}},
    datetime(2026, 1, 1, tzinfo=UTC), datetime(1, 1, 1).date(), b"\xff",  # noqa: DTZ001 - as YAML has it
    "spiffe://a/ns/b/sa/c", "{{.}}", "%REQ(x)%", "[a", "a(b", "ISTIO_MUTUAL", "MUTUAL", "REGISTRY_ONLY", "DNS", "HTTPS",
)  # fmt: skip
"""Values that some reader somewhere does not expect."""


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a tree that can be overwritten."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def altered(draw: Draw) -> str:
    """A file of the repository's with some of its values replaced, dropped, renamed or moved elsewhere."""
    tree = copy.deepcopy(draw.one(trees()))
    for _ in range(1 + draw.number(4)):
        where = list(places(tree))
        if not where:
            break
        path = where[draw.number(len(where))]
        node = tree
        for key in path[:-1]:
            node = node[key]
        how = draw.number(8)
        if how < 5:
            node[path[-1]] = copy.deepcopy(draw.one(ODD))
        elif how == 5:
            del node[path[-1]]
        elif how == 6 and isinstance(node, dict):
            node[draw.one(("spec", "hosts", "ports", "tls", "match", "rules", "unknown", ""))] = node.pop(path[-1])
        else:
            other = draw.one(where)
            node[path[-1]] = copy.deepcopy(_at(tree, other))
    return str(yaml.safe_dump_all(tree, allow_unicode=True))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def compiled(text: str, *, strict: bool, layers: int = 1) -> None:
    """Compiles, or is refused with places; what compiles can be shown. Further layers hold the same again."""
    try:
        given_ = [document for layer in range(layers) for document in parse(text, f"{layer}.yaml", layer)]
        made = compilation.compile(given_, Setting(strict=strict))
    except PolicyError as error:
        _in_words(error)
        return
    assert plain_policy(made)["generation"] == made.generation


@target("policy-text", texts, *YAML, b"hosts:", b"spec:", b"*.a.example", b"10.0.0.0/8", b"1.5s", b"true")
def policy_text(data: bytes) -> None:
    """Any text compiles, or is refused with a problem that has words."""
    compiled(data.decode("utf-8", "replace"), strict=len(data) % 2 == 0)


@target("policy-tree", lambda: [bytes([number, 1, number]) for number in range(len(trees()))])
def policy_tree(data: bytes) -> None:
    """Valid documents with odd values in them compile, or are refused; so they are in two layers."""
    draw = Draw(data)
    text = altered(draw)
    compiled(text, strict=draw.number(2) == 0, layers=1 + draw.number(2))


CASES = "cases:\n- {request: GET https://a.example/b, expect: allow, as: ns/sa, to: 192.0.2.1, headers: {x: '1'}}\n"


@target(
    "cases", given(CASES, "cases:\n- {request: tls://a:1, expect: deny, mode: socks5, code: unregistered, uid: 3}\n")
)
def cases(data: bytes) -> None:
    """Policy tests are read, or refused with places."""
    with suppress(PolicyError):
        assert read_cases(text_of(data), "f.test.yaml")


SHAPES = (Duration(), Timestamp(), Integer(0, 65535), Number(0.0, 1.0))


@target(
    "scalars",
    given("1.5s", "1h30m", "2026-01-31T12:00:00Z", "2026-01-31", "443", "7d"),
    b"ms",
    b"9999",
    b"+14:00",
    b"\xd9\xa1",
)
def scalars(data: bytes) -> None:
    """Durations, times and numbers: a value within its bounds, or a problem. Digits are those of ASCII."""
    text = text_of(data)
    for shape in SHAPES:
        for value in (text, len(data), float(len(data)) * 1e306):
            reading = Reading("test")
            made = shape.read(Node(value, Where("f.yaml", 1, 1)), "p", reading)
            assert (made is None) == bool(reading.problems)
            assert made is None or not isinstance(value, str) or value.isascii(), f"{value!r} is read as {made}"
    span = SPAN.fullmatch(text)
    assert span is None or text.isascii()


WORDS = ("a.example", "*.a.example:443", "192.0.2.1:22", "[2001:db8::1]:443", "*", "bücher.example")


@target("allow", given(*WORDS, " ".join(WORDS)), b"*.", b":", b"[", b"]", b" ")
def allowed(data: bytes) -> None:
    """What a command line may allow becomes documents that compile as they are."""
    words = text_of(data).split()[:20]
    try:
        hosts = allow.parse(words)
    except allow.AllowError:
        return
    lasting = {host: ["198.18.1.0"] for host in allow.named(hosts)}
    if hosts:
        made = compilation.compile(allow.written(hosts, Mode.REGISTRY_ONLY, lasting), Setting())
        assert len(made.destinations) == len(hosts)


PAIRS = (
    "workers=2",
    "listen=127.0.0.1:15001",
    "admin=unix:/a",
    "peek-timeout=1.5",
    'workload_labels=a=b,c="d"',
    "mode=socks5",
)


@target(
    "settings",
    given(*PAIRS, "\n".join(PAIRS)),
    b"=",
    b"\n",
    b"inf",
    b"nan",
    b"1e9",
    b"0x1",
    b"1_0",
    b"[::1]:1",
    b"true",
)
def settings(data: bytes) -> None:
    """Pairs and variables become settings, or are refused with one line that says which and what to write."""
    text = text_of(data)
    lines = text.split("\n")
    for pairs, environ in ((lines, {}), ([], {f"OUTGATE_{key}": value for key, _, value in map(_pair, lines)})):
        with suppress(SettingsError):
            read_settings({}, pairs, environ)
    with suppress(SettingsError):
        host, port = parse_address(text)
        assert parse_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}") == (host, port)
    with suppress(SettingsError):
        assert parse_endpoint(text) == text


def _pair(line: str) -> tuple[str, str, str]:
    key, equals, value = line.partition("=")
    return key.upper(), equals, value
