"""`export` redacts once more, and gives nothing away that a second look finds something in."""

import base64
import json
import re

import pytest

from capture.exchanges import exchange, sealed
from outgate.capture.formats.har import HarWriter
from outgate.capture.record import write
from outgate.cli.export import FORMATS, WIREMOCK
from outgate.proxy.flowfile import FlowFileWriter
from outgate.redact.redacted import Manifest, seal

SECRET = "correct-horse-7"
TOKEN = re.compile(r"tok_secret_[a-z2-7]{16}")
JSON = (b"content-type", b"application/json")
FORMS = [*FORMATS, WIREMOCK]


def signed_in(value=SECRET):
    return seal(
        exchange(
            "https://api.example/login",
            "POST",
            json.dumps({"password": value}).encode(),
            fields=[JSON, (b"x-api-key", value.encode())],
            answered=[JSON],
            answer=json.dumps({"password": value, "n": 1}).encode(),
        ),
        Manifest(),
    )


def page(text):
    return sealed("https://api.example/page", answered=[(b"content-type", b"text/html")], answer=text.encode())


def recorded(terminal, *kept, name="capture.ndjson"):
    (terminal.path / name).write_bytes(b"".join(map(write, kept)))
    return name


def imported(terminal, *kept, writer=HarWriter, name="from.har"):
    with (terminal.path / name).open("wb") as out:
        made = writer(out)
        for each in kept:
            made.write(each)
        made.close()
    return name


def content(path):
    return b"".join(file.read_bytes() for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("named", [True, False])
def test_a_leak_is_told_and_leaves_nothing(terminal, form, named):
    if form == WIREMOCK and not named:
        pytest.skip("a folder has a name")
    capture = recorded(terminal, sealed(), sealed(answered=[(b"set-cookie", b"sid=" + SECRET.encode())]))
    result = terminal.run("export", capture, "-f", form, *(["-o", "out"] if named else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "leak: exchange 2: default rules, set-cookie, as it is" in result.stderr
    assert "1 leak, so nothing is written; a rule of --redaction takes it where it stands" in result.stderr
    assert SECRET not in result.output
    assert [path.name for path in terminal.path.iterdir()] == [capture]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("writer", [HarWriter, FlowFileWriter])
def test_what_others_have_written_is_redacted(terminal, form, writer):
    source = imported(terminal, signed_in(), page("nothing"), writer=writer)
    result = terminal.run("export", source, "-f", form, "-o", "out")
    assert result.exit_code == 0, result.output
    assert SECRET.encode() not in content(terminal.path / "out")
    assert "default-headers" in result.stderr
    assert TOKEN.search(content(terminal.path / "out").decode("latin-1"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("written", [SECRET, SECRET.encode().hex(), base64.b64encode(f"is {SECRET}".encode()).decode()])
def test_what_was_taken_of_one_exchange_and_stands_in_another_is_a_leak(terminal, form, written):
    source = imported(terminal, page(f"it is {written} here"), signed_in())
    result = terminal.run("export", source, "-f", form, "-o", "out")
    assert result.exit_code == 1, result.output
    assert "leak: exchange 1: default-" in result.stderr
    assert SECRET not in result.output
    assert not (terminal.path / "out").exists()


REDACTION = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: more}
    spec:
      rules:
        - {name: names, select: {jsonPath: ["$.name"]}, replace: token}
        - {name: sessions, select: {cookie: [sid]}, replace: keep}
"""


def test_documents_redact_once_more(terminal):
    terminal.write("more.yaml", REDACTION)
    body = json.dumps({"name": "Ann Lee", "n": 1.10}).encode()
    capture = recorded(terminal, sealed(answered=[JSON], answer=body, marks=[("response.body.$.n", "constant")]))
    result = terminal.run("export", capture, "-f", "ndjson", "--redaction", "more.yaml")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert re.fullmatch(r'\{"name": "tok_\w+", "n": 1.1\}', record["response"]["body"]["text"])
    marks = {(where, strategy) for where, _, strategy in record["redaction"]["marks"]}
    assert marks == {("response.body.$.n", "constant"), ("response.body.$.name", "token")}
    assert "names" in result.stderr


def test_what_documents_keep_is_no_leak(terminal):
    terminal.write("more.yaml", REDACTION)
    capture = recorded(terminal, sealed(answered=[(b"set-cookie", b"sid=" + SECRET.encode())]))
    assert terminal.run("export", capture, "-o", "out").exit_code == 1
    assert terminal.run("export", capture, "-o", "out", "--redaction", "more.yaml").exit_code == 0
    assert SECRET.encode() in content(terminal.path / "out")


def test_a_mode_alone_is_that_of_the_default_rules(terminal):
    capture = recorded(terminal, sealed(answered=[JSON], answer=b'{"city": "Springfield", "n": 1}'))
    result = terminal.run("export", capture, "-f", "ndjson", "--mode", "allow")
    assert result.exit_code == 0, result.output
    assert "Springfield" not in result.stdout
    assert '\\"n\\": 1' in result.stdout


def test_equal_values_join_within_an_export_and_not_across_exports(terminal):
    first, second = signed_in(), signed_in()
    source = imported(terminal, first, second)
    tokens = []
    for name in ("one", "two"):
        assert terminal.run("export", source, "-f", "ndjson", "-o", name).exit_code == 0
        found = set(TOKEN.findall((terminal.path / name).read_text()))
        assert len(found) == 1
        tokens.append(found)
    assert tokens[0] != tokens[1]
    again = []
    for name in ("three", "four"):
        assert terminal.run("export", "one", "-f", "ndjson", "-o", name, "--mode", "detect").exit_code == 0
        found = set(TOKEN.findall((terminal.path / name).read_text()))
        assert len(found) == 1, "what was redacted before joins as it did"
        again.append(found)
    assert len({*map(frozenset, [*tokens, *again])}) == 4


def test_names_that_are_taken_are_gone_from_what_was_done_before(terminal):
    key, marks = "ann.lee@corp.example", [("response.body.$['ann.lee@corp.example'].card", "constant")]
    body = json.dumps({key: {"card": "REDACTED"}}).encode()
    capture = recorded(terminal, sealed(answered=[JSON], answer=body, marks=marks))
    result = terminal.run("export", capture, "-f", "ndjson", "--mode", "detect")
    assert result.exit_code == 0, result.output
    assert key not in result.stdout
    record = json.loads(result.stdout)
    (name,) = json.loads(record["response"]["body"]["text"])
    assert f"response.body.$['{name}'].card" in {where for where, _, _ in record["redaction"]["marks"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--redaction", "none.yaml"], "none.yaml"),
        (["--redaction", "other.yaml"], 'there is no EgressRedaction in "other.yaml"'),
        (["--mode", "some"], "'detect', 'allow'"),
    ],
)
def test_documents_that_cannot_be_used_say_why(terminal, arguments, message):
    terminal.write(
        "other.yaml", "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: x}\nspec: {}\n"
    )
    result = terminal.run("export", recorded(terminal, sealed()), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
