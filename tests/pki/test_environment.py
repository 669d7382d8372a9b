import shlex
import subprocess

from outgate.pki.environment import listing, variables, write_environment
from pki import odd


def test_variables_name_only_what_is_there(tmp_path):
    assert variables(tmp_path) == {}
    odd.put(tmp_path / "truststore.p12", b"")
    assert list(variables(tmp_path)) == ["JAVA_TOOL_OPTIONS"]
    odd.put(tmp_path / "ca-bundle.pem", b"")
    odd.put(tmp_path / "outgate-ca.pem", b"")
    found = variables(tmp_path)
    wanted = {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE"}
    assert {found[name] for name in wanted} == {str(tmp_path / "ca-bundle.pem")}
    assert found["NODE_EXTRA_CA_CERTS"] == str(tmp_path / "outgate-ca.pem")


def test_paths_are_absolute(tmp_path, monkeypatch):
    odd.put(tmp_path / "ca-bundle.pem", b"")
    monkeypatch.chdir(tmp_path)
    assert variables(type(tmp_path)())["SSL_CERT_FILE"] == str(tmp_path / "ca-bundle.pem")


def test_a_shell_reads_back_what_was_listed(tmp_path):
    directory = tmp_path / 'it\'s $HOME; "odd"'
    directory.mkdir()
    for name in ("ca-bundle.pem", "outgate-ca.pem", "truststore.p12"):
        odd.put(directory / name, b"")
    (path,) = write_environment(directory)
    script = f"set -a; . {shlex.quote(str(path))}; env -0"
    output = subprocess.run(
        ["sh", "-c", script], capture_output=True, check=True, timeout=20, env={"PATH": "/bin:/usr/bin"}
    )
    read = dict(line.split("=", 1) for line in output.stdout.decode().split("\0") if line)
    assert variables(directory).items() <= read.items()


def test_one_assignment_a_line_after_a_comment():
    assert listing({"A": "b", "C": "d e"}).splitlines()[1:] == ["A=b", "C='d e'"]
    assert listing({}).startswith("#")
