from pathlib import Path

from outgate.pki.problem import CertificateProblem, Exists, Unreadable
from outgate.problems import Where


def test_a_problem_reads_as_where_what_and_hint():
    error = CertificateProblem(Path("certs/a.crt"), "is odd", "replace it")
    assert str(error) == str(error.problem) == "certs/a.crt: is odd; replace it"
    assert str(CertificateProblem(Where("a", 3, 1), "is odd")) == "a:3:1: is odd"


def test_every_problem_is_a_value_error():
    assert all(issubclass(kind, ValueError) for kind in (CertificateProblem, Exists, Unreadable))
