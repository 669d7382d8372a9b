"""Injected headers follow their files, are never half there, and never break out of their line."""

import os
import pickle
from pathlib import Path

import pytest

from outgate.policy.model import HeaderInjection
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.headers import LONGEST, InjectedHeaders
from outgate.upstream.watch import MAX_BYTES


@pytest.fixture
def problems() -> list:
    return []


@pytest.fixture
def headers(problems, clock) -> InjectedHeaders:
    return InjectedHeaders(problems.append, clock)


@pytest.fixture
def token(tmp_path) -> Path:
    path = tmp_path / "token"
    path.write_bytes(b"Bearer first-token\n")
    return path


def injection(path: Path, name: str = "Authorization") -> tuple[HeaderInjection, ...]:
    return (HeaderInjection(name, file=str(path)),)


def revealed(headers: InjectedHeaders, injections) -> list[tuple[str, bytes]]:
    return [(name, secret.reveal()) for name, secret in headers.of(injections).headers]


def refused(headers: InjectedHeaders, injections) -> str:
    with pytest.raises(UpstreamError) as error:
        headers.of(injections)
    assert error.value.code is Failure.IDENTITY_FAILED
    return error.value.message


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_value_is_the_file_without_its_last_newline(headers, token, end):
    token.write_bytes(b"Bearer first-token" + end)
    assert revealed(headers, injection(token)) == [("authorization", b"Bearer first-token")]


def test_values_of_the_policy_are_set_and_not_masked(headers, token):
    given = (HeaderInjection("X-Env", value="production"), *injection(token))
    injected = headers.of(given)
    assert [name for name, _ in injected.headers] == ["x-env", "authorization"]
    assert injected.mask(b"production first-token") == b"production ***********"
    assert injected.echoes
    assert not headers.of(given[:1]).echoes


def test_a_stream_is_masked_across_its_pieces(headers, token):
    stream = headers.of(injection(token)).stream()
    assert stream.feed(b"echo: first-") + stream.feed(b"token.") + stream.finish() == b"echo: ***********."


def test_a_rotated_file_is_noticed_within_a_second(headers, token, clock):
    begun = headers.of(injection(token))
    token.write_bytes(b"Bearer second-token")
    assert revealed(headers, injection(token))[0][1] == b"Bearer first-token"
    clock.now += 1
    assert revealed(headers, injection(token))[0][1] == b"Bearer second-token"
    # What was sent with a request is what hides its echo.
    assert begun.mask(b"first-token second-token") == b"*********** second-token"
    assert headers.of(injection(token)).mask(b"first-token second-token") == b"first-token ************"


def test_a_swapped_link_is_noticed(headers, tmp_path, clock):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"token-{name}")
    link = tmp_path / "data"
    link.symlink_to("one")
    assert revealed(headers, injection(link / "token"))[0][1] == b"token-one"
    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", link)
    clock.now += 1
    assert revealed(headers, injection(link / "token"))[0][1] == b"token-two"


@pytest.mark.parametrize(
    "content", [b"a\r\nX-Admin: 1", b"a\nb", b"a\rb", b"a\0b", b"a\x1bb", b"", b"\n", b" \n", b"a" * (LONGEST + 1)]
)
def test_a_value_that_would_break_out_or_be_nothing_is_refused(headers, token, problems, content):
    token.write_bytes(content)
    assert str(token) in refused(headers, injection(token))
    assert len(problems) == 1


def test_without_its_file_a_request_does_not_go_without_its_credential(headers, tmp_path, clock, problems):
    path = tmp_path / "late"
    for _ in range(2):
        assert "cannot be read: No such file" in refused(headers, injection(path))
        clock.now += 1
    assert len(problems) == 1
    path.write_text("late-token")
    clock.now += 1
    assert revealed(headers, injection(path))[0][1] == b"late-token"


def test_a_file_without_end_is_refused_too(headers, token, problems):
    with token.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "is larger than" in refused(headers, injection(token))
    assert len(problems) == 1


def test_a_pipe_is_refused_and_not_waited_for(headers, tmp_path, problems):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert "is no regular file" in refused(headers, injection(path))
    assert len(problems) == 1


def test_a_file_that_goes_bad_leaves_the_old_value_in_use(headers, token, clock, problems):
    headers.of(injection(token))
    for change in (lambda: token.write_bytes(b"bad\nvalue"), token.unlink):
        change()
        clock.now += 1
        assert revealed(headers, injection(token))[0][1] == b"Bearer first-token"
    assert ["stays in use" in problem.hint for problem in problems] == [True, True]


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Connection", "a b", "a:b", "a\r\n", ""]
)
def test_a_header_that_frames_or_breaks_the_request_is_not_set(headers, name):
    assert "cannot be set" in refused(headers, (HeaderInjection(name, value="x"),))


def test_a_value_too_short_to_mask_is_reported(headers, token, problems):
    token.write_text("short")
    headers.of(injection(token))
    assert "not masked" in problems[0].what


def test_a_value_is_never_shown(headers, token):
    injected = headers.of(injection(token))
    secret = injected.headers[0][1]
    shown = f"{secret} {secret!r} {secret:>20} {injected} {injected.headers}"
    assert "first" not in shown
    assert "[redacted]" in shown
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(secret)
