"""The words of the injected containers are words that the real command line takes, and mean what was asked."""

from __future__ import annotations

import shlex
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import click
import pytest

from outgate.cli.main import outgate
from outgate.injection import commands
from outgate.injection.settings import Engine, Mode, Redirect, Settings, Trust
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import Ports
from outgate.settings import ListenMode, read_settings

EVERYTHING = Settings(
    uid=1500,
    listen_port=16001,
    admin_port=16000,
    metrics_port=16090,
    dns=True,
    dns_port=16053,
    policy=("base", "team"),
    redirect=Redirect(
        (Ports(80, 80), Ports(8000, 8100)),
        (Ports(22, 22),),
        (ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        ipv6=False,
        backend=Kind.LEGACY,
    ),
    trust=Trust("/trust", also_trusted="next"),
    drain_seconds=20,
)


def understood(words):
    """What the command line makes of the words; the command's path, and its parameters."""
    assert words[0] == "outgate"
    command, rest, path = outgate, list(words[1:]), []
    while isinstance(command, click.Group):
        path.append(rest.pop(0))
        command = command.get_command(click.Context(command), path[-1])
    with command.make_context(path[-1], rest) as context:
        return " ".join(path), dict(context.params)


@pytest.fixture
def told(monkeypatch):
    """The settings that the gate would run by. Its mounts are not here, so that paths need not be."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: Path(value))

    def settings(made):
        words = commands.gate(made)
        if made.engine is Engine.MITMDUMP:
            pairs = [word.removeprefix("outgate_") for word in words if word.startswith("outgate_")]
            return read_settings({}, pairs, {})
        path, found = understood(words)
        assert path == "run"
        return {name: value for name, value in found.items() if value not in (None, (), False)}

    return settings


def test_the_gate_runs_as_asked(told):
    found = told(EVERYTHING)
    assert found["mode"] == "transparent"
    assert found["listen"] == ("", 16001)
    assert found["admin"] == "127.0.0.1:16000"
    assert found["metrics"] == ":16090"
    assert found["dns"] == ":16053"
    assert found["drain_timeout"] == 20
    assert [str(path) for path in found["policy"]] == ["/etc/outgate/policy/0-base", "/etc/outgate/policy/1-team"]


def test_in_mitmdump_it_is_told_the_same(told):
    made = told(replace(EVERYTHING, engine=Engine.MITMDUMP))
    assert [str(path) for path in made.policy] == ["/etc/outgate/policy/0-base", "/etc/outgate/policy/1-team"]
    assert (made.admin, made.metrics, made.dns, made.drain_timeout) == ("127.0.0.1:16000", ":16090", ":16053", 20)
    words = commands.gate(replace(EVERYTHING, engine=Engine.MITMDUMP))
    assert words[:3] == ["mitmdump", "-s", "/opt/outgate/addons/egress.py"]
    assert words[3:9] == ["--mode", "transparent", "--listen-host", "", "--listen-port", "16001"]


@pytest.mark.parametrize("engine", Engine)
def test_a_proxy_by_name_is_for_the_pod_alone(engine):
    words = commands.gate(Settings(engine=engine, mode=Mode.REGULAR))
    assert words[words.index("--mode") + 1] == ListenMode.REGULAR
    assert "127.0.0.1" in words[words.index("--listen" if engine is Engine.OUTGATE else "--listen-host") + 1]


def test_the_rules_are_installed_and_tried_by_the_same_words():
    install, verify = (understood(shlex.split(line)) for line in commands.redirect(EVERYTHING).splitlines())
    assert (install[0], verify[0]) == ("iptables install", "iptables verify")
    shared = {
        "uid": 1500,
        "listen_port": 16001,
        "ports": (Ports(80, 80), Ports(8000, 8100)),
        "exclude_ports": (Ports(22, 22),),
        "ipv6": False,
    }
    assert shared.items() <= install[1].items()
    assert shared.items() <= verify[1].items()
    assert install[1]["exclude_cidrs"] == EVERYTHING.redirect.exclude_cidrs
    assert (install[1]["dns_port"], install[1]["backend"], install[1]["dry_run"]) == (16053, "legacy", False)


def test_by_default_all_is_turned_in_both_families_and_nothing_is_left_out():
    for line in commands.redirect(Settings()).splitlines():
        _, found = understood(shlex.split(line))
        assert (found["ports"], found["exclude_ports"], found["ipv6"], found["uid"]) == ((), (), True, 1337)


def test_what_workloads_trust_is_made_where_they_look():
    path, found = understood(commands.bundle(EVERYTHING))
    assert (path, str(found["directory"]), str(found["out"])) == ("certs bundle", "/etc/outgate/authority", "/trust")
    assert str(found["also"]) == "/etc/outgate/authority/also-trusted.crt"
    assert understood(commands.bundle(Settings()))[1]["also"] is None


def test_a_classic_sidecar_is_waited_for_at_its_own_door():
    script = commands.waiting(EVERYTHING)
    asked = script.removeprefix("until ").partition(" >")[0]
    assert understood(shlex.split(asked))[0] == "status"
    assert "127.0.0.1:16000" in asked


@pytest.mark.parametrize("path", ["/a b", "/a'b", "/$(reboot)", "/a;b"])
def test_a_path_is_one_word_whatever_is_in_it(path):
    made = replace(EVERYTHING, trust=Trust(path))
    assert commands.bundle(made)[-1] == path
