import json
import os
import pty
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner
from cryptography import x509

from outgate.cli.certs import certs
from outgate.pki.authority import load_authority


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(certs, arguments)


def ok(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_init_makes_an_authority_that_loads(directory):
    output = ok("init", "--name", "my CA", "--days", "30", "--permit", "a.example", "--permit", "b.example")
    authority = load_authority(directory / "certs/outgate-ca.crt", directory / "certs/outgate-ca.key")
    assert authority.certificate.subject.rfc4514_string() == "CN=my CA"
    assert authority.may_sign("x.b.example")
    assert not authority.may_sign("c.example")
    assert "signs a.example, b.example and all below" in output
    assert stat.S_IMODE((directory / "certs/outgate-ca.key").stat().st_mode) == 0o600


def test_init_overwrites_only_with_force(directory):
    ok("init")
    before = (directory / "certs/outgate-ca.key").read_bytes()
    result = run("init")
    assert result.exit_code == 2
    assert result.stderr.startswith("certs/outgate-ca.crt: an authority exists already; ")
    assert result.stdout == ""
    assert (directory / "certs/outgate-ca.key").read_bytes() == before
    ok("init", "--force")
    assert (directory / "certs/outgate-ca.key").read_bytes() != before
    load_authority(directory / "certs/outgate-ca.crt", directory / "certs/outgate-ca.key")


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "--permit", "*.a.example"],
        ["init", "--days", "0"],
        ["init", "--name", ""],
        ["issue"],
        ["issue", "Bad_name"],
        ["issue", "--uri", "nonsense"],
        ["inspect", "-o", "yaml"],
        ["bundle", "--format", "jks"],
        ["nonsense"],
    ],
)
def test_wrong_usage_exits_2(directory, arguments):
    if arguments[0] != "init":
        ok("init")
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize("arguments", [["issue", "a.example"], ["inspect"], ["bundle"], ["bundle", "--format", "env"]])
def test_absent_files_exit_2_and_are_named(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("certs")
    assert "; " in result.stderr


def test_issue_writes_a_pair_beside_the_authority(directory):
    ok("init")
    output = ok("issue", "a.example", "192.0.2.1", "--days", "9")
    assert output.startswith("certs/a.example.crt: server certificate for a.example, 192.0.2.1\n")
    made = x509.load_pem_x509_certificate((directory / "certs/a.example.crt").read_bytes())
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 9
    assert stat.S_IMODE((directory / "certs/a.example.key").stat().st_mode) == 0o600
    assert run("issue", "a.example").exit_code == 2
    ok("issue", "a.example", "--force")


def test_issue_makes_client_certificates_elsewhere(directory):
    ok("init")
    ok("issue", "--client", "--uri", "spiffe://td/ns/a/sa/web", "--out", "out")
    made = x509.load_pem_x509_certificate((directory / "out/web.crt").read_bytes())
    purposes = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_issue_outside_the_constraints_exits_1(directory):
    ok("init", "--permit", "a.example")
    result = run("issue", "b.example")
    assert result.exit_code == 1
    assert result.stderr.startswith("certs/outgate-ca.crt: its name constraints do not permit 'b.example'; ")
    assert not (directory / "certs/b.example.key").exists()


def test_issue_with_an_exposed_key_exits_1_and_says_what_to_run(directory):
    ok("init")
    (directory / "certs/outgate-ca.key").chmod(0o644)
    result = run("issue", "a.example")
    assert result.exit_code == 1
    assert "run chmod 600 certs/outgate-ca.key" in result.stderr


def test_issue_prints_warnings_aside(directory):
    ok("init", "--days", "5")
    result = run("issue", "a.example")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: certs/outgate-ca.crt: the authority expires in 4 days; ")


def test_inspect_of_what_is_sound_exits_0():
    ok("init", "--permit", "a.example")
    ok("issue", "a.example")
    output = ok("inspect")
    assert "certs/a.example.crt:1:1: CN=a.example\n" in output
    assert "    permits     DNS:a.example\n" in output
    assert "key         EC secp256r1, authority; certs/outgate-ca.key fits\n" in output
    assert "\x1b" not in output


def test_inspect_exits_1_on_problems_and_prints_them(directory):
    ok("init")
    (directory / "certs/outgate-ca.key").chmod(0o644)
    result = run("inspect")
    assert result.exit_code == 1
    assert "error: certs/outgate-ca.key: the private key is open to every user (mode 0644); run chmod" in result.stdout
    assert run("inspect", "certs/outgate-ca.crt", "--within", "400").stdout.count("expires in 364 days") == 1


def test_inspect_gives_one_json_document(directory):
    ok("init")
    (directory / "certs/outgate-ca.key").chmod(0o640)
    result = run("inspect", "-o", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert list(document) == ["certificates", "keys", "problems"]
    (fact,) = document["certificates"]
    assert fact["where"] == {"file": "certs/outgate-ca.crt", "line": 1, "column": 1}
    assert fact["not_after"].endswith("+00:00")
    assert (fact["is_ca"], fact["key_matches"], len(fact["fingerprint"])) == (True, True, 64)
    assert document["keys"][0]["mode"] == "0640"
    assert document["problems"][0]["severity"] == "warning"


def test_inspect_on_a_terminal_draws_a_table():
    ok("init")
    reader, writer = pty.openpty()
    program = "from outgate.cli.certs import certs; certs()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "100"}
    with os.fdopen(reader, "rb", 0) as terminal:
        subprocess.run(
            [sys.executable, "-c", program, "inspect"],
            stdout=writer,
            stderr=writer,
            check=True,
            timeout=30,
            env=environment,
        )
        os.close(writer)
        shown = terminal.read(65536).decode()
    assert "│" in shown
    assert "CN=outgate development CA" in shown


def test_bundle_writes_every_form_and_no_key(directory):
    ok("init")
    listed = ok("bundle").splitlines()
    names = ["ca-bundle.pem", "outgate-ca.pem", "truststore.p12", "outgate.env"]
    assert listed == [f"certs/bundle/{name}" for name in names]
    assert sorted(path.name for path in (directory / "certs/bundle").iterdir()) == sorted(names)
    for path in (directory / "certs/bundle").iterdir():
        assert b"PRIVATE KEY" not in path.read_bytes()
    assert f"SSL_CERT_FILE={directory}/certs/bundle/ca-bundle.pem" in (directory / listed[-1]).read_text()


@pytest.mark.parametrize(
    ("form", "files"), [("pem", ["ca-bundle.pem", "outgate-ca.pem"]), ("pkcs12", ["truststore.p12"])]
)
def test_bundle_writes_one_form(directory, form, files):
    ok("init")
    ok("bundle", "--format", form, "--out", "out")
    assert sorted(path.name for path in (directory / "out").iterdir()) == files
    assert ok("bundle", "--format", "env", "--out", "out") == "out/outgate.env\n"


def test_bundle_takes_roots_by_name(directory):
    ok("init", "--dir", "other", "--name", "corporate")
    ok("init")
    ok("bundle", "--roots", "other/outgate-ca.crt", "--out", "out")
    assert (directory / "out/ca-bundle.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 2


def test_bundle_needs_no_key(directory):
    ok("init")
    (directory / "certs/outgate-ca.key").unlink()
    ok("bundle")


def test_the_group_loads_neither_cryptography_nor_rich():
    program = (
        "import sys; import outgate.cli.certs; "
        "sys.exit(', '.join({n.split('.')[0] for n in sys.modules} & {'cryptography', 'rich', 'mitmproxy'}) or None)"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, env=environment)
