"""The order of checks, and that one which fails is told and stops none of the others."""

from outgate.doctor import checkup
from outgate.doctor.checkup import Patient, examine
from outgate.doctor.finding import Outcome, ok
from outgate.settings import ListenMode, Settings


def test_a_check_that_fails_is_a_finding_and_the_others_are_made(monkeypatch):
    def _breaks(patient):
        raise RuntimeError("a defect")

    def _fine(patient):
        return [ok("fine", "yes")]

    monkeypatch.setattr(checkup, "CHECKS", (_breaks, _fine))
    first, second = examine(Patient(Settings(), {}))
    assert (first.check, first.outcome) == ("breaks", Outcome.WRONG)
    assert "RuntimeError: a defect" in first.what
    assert second.outcome is Outcome.OK


def test_other_modes_have_no_redirect_to_look_at():
    [finding] = checkup._redirect(Patient(Settings(mode=ListenMode.REGULAR), {}))
    assert finding.outcome is Outcome.NOTE


def test_this_program_is_what_it_should_be():
    assert [finding.outcome for finding in checkup._program(Patient(Settings(), {}))] == [Outcome.OK, Outcome.OK]


def test_what_is_wrong_always_has_a_fix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkup.surroundings, "resolvers", lambda: ())
    settings = Settings(mode=ListenMode.REGULAR, admin="")
    found = list(examine(Patient(settings, {"SSLKEYLOGFILE": "x"})))
    wrong = [finding for finding in found if finding.outcome is Outcome.WRONG]
    assert {"key log", "CA", "policy", "resolver"} <= {finding.check for finding in wrong}
    assert all(finding.fix for finding in wrong)
