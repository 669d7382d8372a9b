"""Secrets that a name in a text tells, and what only has such a name."""

import pytest

from outgate.redact.detect.assignments import stands_for_nothing
from outgate.redact.detect.search import Detectors
from redact.samples import sample

SECRETS = Detectors(["secrets"])


def found(text):
    return [text[hit.start : hit.end] for hit in SECRETS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password=tiger", "tiger"),
        ("db.password: s3cret", "s3cret"),
        ("'client_secret' => 'abc def'", "abc def"),
        ('{"api-key": "sesame"}', "sesame"),
        (r"{\"password\":\"tiger\"}", "tiger"),
        ("ACCESS_KEY := k1-2-3", "k1-2-3"),
        ("--auth-token t0ken-value", "t0ken-value"),
        ('["--password", "hunter2"]', "hunter2"),
        ("https://a.example/?x=1&token=abcdefgh&y=2", "abcdefgh"),
        ("https://a.example/cb#x&code=SplxlOBe", "SplxlOBe"),
        ("Server=db; Pwd = a&b c;Encrypt=true", "a&b c"),
        ("curl -X POST --user ann:tiger https://a.example", "ann:tiger"),
        ("Authorization: Bearer abc123", "abc123"),
        ("authorization=Token abc123", "abc123"),
        ('"Cookie":"a=b; c=d"', "a=b; c=d"),
        ("your password is tiger7.", "tiger7."),
        ('if (password == "tiger") {', "tiger"),
        ("secret := `be quiet`", "be quiet"),
        ('string password = @"C:tiger";', "C:tiger"),
        ("env[\"DB_PASSWORD\"] = 'tiger'", "tiger"),
        ("create user ann identified by 'tiger'", "tiger"),
        ("-Password 'tiger7'", "tiger7"),
        ("activation key: tiger-7", "tiger-7"),
        ('db_password   = "tiger"', "tiger"),
        ("password\t\t: tiger7", "tiger7"),
        ("ansible_become_pass: tiger7", "tiger7"),
        ("SMTP_PASS=tiger", "tiger"),
        ("MYSQLPASS: tiger7", "tiger7"),
        ('process.env.API_TOKEN || "tiger-7"', "tiger-7"),
        ("os.getenv('DB_PASSWORD') or 'tiger-7'", "tiger-7"),
        ("os.environ.get('DB_PASSWORD', 'tiger-7')", "tiger-7"),
        ("CREATE USER jane ACCOUNT UNLOCK IDENTIFIED BY t1ger;", "t1ger"),
        ('set password "tiger7"', "tiger7"),
        ("bind.pw = tiger7", "tiger7"),
        ("define( 'DB_PASSWORD', 'tiger7' );", "tiger7"),
        ("define('AUTH_KEY', 'b|6%{Tz ,q');", "b|6%{Tz ,q"),
        ('os.environ.setdefault("API_TOKEN", "tIgEr")', "tIgEr"),
        (r"conf.set(\"api_key\", \"tiger-7\")", "tiger-7"),
    ],
)
def test_the_value_is_found(text, value):
    assert found(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "acme_key = '{}'",
        "Using Key={}",
        "authKey: `{}`",
        'acmeKey := "{}"',
        "Incorrect API key provided: {}",
        "invalid token ({})",
        "acme token - '{}'",
        "the key is {}.",
    ],
)
@pytest.mark.parametrize("template", ["{w32}", "{l40}", "{h40}"])
def test_what_a_machine_drew_is_found_behind_a_name_that_is_often_a_secrets(text, template):
    drawn = sample(template)
    assert found(text.format(drawn)) == [drawn]


def test_identifiers_are_secrets_where_something_says_so():
    identifier = sample("{h8}-{h4}-{h4}-{h4}-{h12}")
    assert found(f"the token is {identifier}") == [identifier]
    assert found(f"acme_key = {identifier}") == []


@pytest.mark.parametrize(
    "text",
    [
        "key: checkout-session-2026-summary-page",
        "cache_key = 2026/11/30/08/report-final-version-2",
        "token classification-of-many-texts-2026",
        "the token endpoint of {}",
        "monkey={}",
    ],
)
def test_what_only_stands_near_such_a_name_is_left_alone(text):
    assert found(text.format(sample("{w32}"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "password_hint=the usual",
        "token_type=bearer&expires_in=3600",
        "max_tokens: 1024",
        "secret: be kind",
        "password = request.form.password",
        "token = self.tokens",
        "password=********",
        "api_key=${API_KEY}",
        "secret: <your secret>",
        "https://a.example/?page_token=abcdefgh&max_tokens=123456",
        "--token TOKEN",
        "--password $PASSWORD",
        "Authorization: required",
        "the password is required",
        "curl -u ann: https://a.example",
        "pass: 100%, fail = 0",
        "process.env.API_TOKEN || 'none of these'",
        "the secret or 'what it stands for'",
        "compass: north-east7",
        "a user is identified by CVE-2026-1234",
        "pw = 3.5",
        "bypass: 1234",
        "define('AUTH_KEY', 'put your unique phrase here');",
        "t('password', 'Password7')",
        "form.set('password', 'Password')",
        "getenv('API_TOKEN')",
        "connect(host=settings.DB_HOST, password=settings.DB_PASSWORD)",
        'e.secret=t.secret||"",e.token=null',
        "headers.Authorization = `Bearer ${token}`;",
        "# public key: age1gl73vexpaal68c7ytpxy0c5tkvvvs9ss66dg9ugnymgj6dwp7lxjarvd",
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "value", ["***", "xxxx", "$HOME", "<token>", "{{ secret }}", "null", "REDACTED", "your-key-here"]
)
def test_placeholders_stand_for_nothing(value):
    assert stands_for_nothing(value)


@pytest.mark.parametrize("value", ["tiger", "nullable", "x-1", "hunter2"])
def test_values_stand_for_something(value):
    assert not stands_for_nothing(value)


@pytest.mark.parametrize(
    "text",
    [
        "the password is {}",
        "your temporary password was {}, sorry",
        "mon mot de passe est {} .",
        "la contraseña es {}",
        "a senha é {}",
        "das Passwort ist {}",
        "hasło to {}",
        "user opslead pw {} - pls rotate",
        "login: jane / pass: {}",
    ],
)
def test_a_password_is_told_in_a_sentence(text):
    assert found(text.format("Lantern$pebble54")) == ["Lantern$pebble54"]
