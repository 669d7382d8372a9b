"""What a gate stands on is found usable, or the exit code says whose fault it is."""

import os
import pickle
from dataclasses import replace

import pytest

from cluster.apiserver import kubeconfig
from outgate import startup
from outgate.pki.authority import create_authority, save_authority
from outgate.reload import Digests
from outgate.settings import Settings
from outgate.startup import CANNOT, UNABLE, WRONG, Prepared, place, prepare, ready_line, say

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: mesh}
spec: {mode: ALLOW_ANY}
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    certificate, key = save_authority(create_authority("test CA", 365), tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return Settings(policy=(tmp_path / "policy.yaml",), ca_certificate=certificate, ca_key=key)


def test_a_usable_policy_and_ca_are_prepared(settings):
    prepared = prepare(settings)
    assert isinstance(prepared, Prepared)
    assert (str(prepared.policy.defaults.mode), prepared.refused) == ("ALLOW_ANY", "")
    assert prepared.digest == Digests(settings.policy).look()


def test_a_policy_with_problems_is_told_by_its_code(settings, capsys):
    settings.policy[0].write_text("kind: [")
    assert prepare(settings) == CANNOT
    assert "policy.yaml:1:8" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["ca_certificate", "ca_key"])
def test_a_ca_that_cannot_be_used_is_told_by_its_code(settings, broken):
    getattr(settings, broken).unlink()
    assert prepare(settings) == WRONG


@pytest.mark.parametrize("name", ["SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"])
def test_nothing_starts_where_session_keys_would_be_written(settings, monkeypatch, capsys, name):
    monkeypatch.setenv(name, "keys")
    assert prepare(settings) == WRONG
    assert f"{name} is set" in capsys.readouterr().err


def test_the_policy_in_force_stands_in_for_files_that_are_not_usable(settings):
    good = prepare(settings)
    in_force = os.memfd_create("policy")
    os.write(in_force, pickle.dumps(good.policy))
    os.lseek(in_force, 0, os.SEEK_SET)
    settings.policy[0].write_text("kind: [")
    prepared = prepare(settings, in_force)
    assert prepared.policy == good.policy
    assert "policy.yaml:1:8" in prepared.refused
    assert prepared.digest == ""
    os.close(in_force)


def test_a_cluster_that_does_not_tell_its_policy_in_time_is_the_environments_fault(settings, tmp_path, capsys):
    config = tmp_path / "config"
    config.write_text(kubeconfig("http://127.0.0.1:1", "token"))
    asked = replace(settings, policy_from_cluster=True, kubeconfig=str(config), cluster_timeout=0.2)
    assert prepare(asked) == UNABLE
    assert "the cluster has not told its policy within 0.2 s" in capsys.readouterr().err


def test_without_its_client_no_cluster_is_asked(settings, monkeypatch, capsys):
    monkeypatch.setattr(startup, "find_spec", lambda name: None)
    assert prepare(replace(settings, policy_from_cluster=True)) == WRONG
    assert "install outgate[kubernetes]" in capsys.readouterr().err


def test_the_line_for_readiness_names_every_place():
    places = [place(("0.0.0.0", 1)), place(("::", 1, 0, 0))]
    assert ready_line(Settings(), places, "abc") == "ready: transparent on 0.0.0.0:1, [::]:1, policy abc"
    assert ready_line(Settings(workers=2), places[:1], "abc").endswith("policy abc, 2 workers")


def test_what_cannot_be_said_stops_nobody(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        assert say("ready", 3) == 3
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
