"""Checks of the machine: each finds what it is for, and is silent where nothing is wrong."""

import os
import socket
import threading
from ipaddress import ip_address

import pytest

from outgate.doctor import machine
from outgate.doctor.finding import Outcome

HERE = ip_address("127.0.0.1")


def test_an_old_python_is_found():
    assert machine.python((3, 11, 4)).outcome is Outcome.WRONG
    assert machine.python((3, 12, 0)).outcome is Outcome.OK


@pytest.mark.parametrize(("installed", "wanted", "outcome"), [("", "12.2.3", "wrong"), ("12.2.4", "12.2.3", "wrong")])
def test_another_mitmproxy_is_found(installed, wanted, outcome):
    found = machine.mitmproxy(installed, wanted)
    assert found.outcome == outcome
    assert "mitmproxy==12.2.3" in found.fix


@pytest.mark.parametrize(("installed", "wanted"), [("12.2.3", "12.2.3"), ("12.2.3", "")])
def test_the_mitmproxy_that_is_declared_is_right(installed, wanted):
    assert machine.mitmproxy(installed, wanted).outcome is Outcome.OK


@pytest.mark.parametrize("name", machine.KEY_LOGS)
def test_a_key_log_is_found_by_name(name):
    found = machine.key_logs({name: "/tmp/keys"})
    assert found.outcome is Outcome.WRONG
    assert name in found.what
    assert machine.key_logs({name: ""}).outcome is Outcome.OK


def test_a_clock_before_the_program_was_made_is_found():
    assert machine.clock(1000.0, 1000.0 + 2 * 86400).outcome is Outcome.WRONG
    assert machine.clock(1000.0, 1000.0 + 3600).outcome is Outcome.OK


def test_too_few_descriptors_are_found_with_the_number_that_is_needed():
    found = machine.descriptors(1024, 4096)
    assert found.outcome is Outcome.WRONG
    assert "ulimit -n 16640" in found.fix
    assert machine.descriptors(20000, 4096).outcome is Outcome.OK
    assert machine.descriptors(-1, 4096).outcome is Outcome.OK


def test_an_address_that_is_not_reached_is_found():
    assert machine.loopback("255.255.255.255").outcome is Outcome.WRONG
    assert machine.loopback().outcome is Outcome.OK


@pytest.mark.parametrize(
    ("refusal", "there", "architecture", "told"),
    [
        ("the kernel refuses", True, "x86_64", "user namespaces cannot be made (the kernel refuses)"),
        ("", False, "x86_64", "ip is not here"),
        ("", True, "m68k", "it cannot run on m68k"),
    ],
)
def test_what_keeps_exec_from_running_is_a_note_with_a_fix(refusal, there, architecture, told):
    found = machine.confinement(refusal, {"ip": there}, architecture)
    assert found.outcome is Outcome.NOTE
    assert told in found.what
    assert found.fix
    assert machine.confinement("", {"ip": True}, "aarch64").outcome is Outcome.OK


def test_a_refusal_in_the_child_is_told(monkeypatch):
    def refuse():
        raise OSError

    monkeypatch.setattr(machine.users, "enter_as_root", refuse)
    assert machine.user_namespace_refusal() == "the kernel refuses"
    monkeypatch.setattr(machine.users, "enter_as_root", os.getpid)
    assert machine.user_namespace_refusal() == ""


@pytest.fixture
def server():
    """A name server on loopback that answers with what it is told to: its port, and the answers."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))

        def serve():
            query, source = made.recvfrom(512)
            made.sendto(answers[0] or query[:2] + b"\x81\x80", source)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield made.getsockname()[1], answers
        thread.join(5)


def test_a_name_server_that_answers_is_right(server):
    port, answers = server
    answers.append(b"")
    assert machine.resolver([HERE], port).outcome is Outcome.OK


def test_one_that_answers_something_else_is_found(server):
    port, answers = server
    answers.append(b"nonsense")
    found = machine.resolver([HERE], port)
    assert found.outcome is Outcome.WRONG
    assert "answers something else" in found.what


def test_one_of_several_that_does_not_answer_is_a_note(server):
    port, answers = server
    answers.append(b"")
    assert machine.resolver([ip_address("127.0.0.9"), HERE], port).outcome is Outcome.NOTE


def test_nobody_and_no_server_at_all_are_found():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.2", 0))
        refusing = machine.resolver([HERE], taken.getsockname()[1])
    assert (refusing.outcome, refusing.what) == (Outcome.WRONG, "no server answers: 127.0.0.1 refuses")
    assert machine.resolver([]).outcome is Outcome.WRONG
