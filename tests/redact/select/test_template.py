"""Templates take what stands where the braces are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.select.steps import SelectorError
from outgate.redact.select.template import compiled


def taken(template, path):
    return [path[start:end] for start, end in compiled(template)(path)]


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/users/{id}", "/users/42", ["42"]),
        ("/users/{id}", "/users/42/", []),
        ("/users/{id}", "/users/", []),
        ("/users/{id}", "/v1/users/42", []),
        ("/users/{id}/*", "/users/42/orders/7", ["42"]),
        ("/users/{id}/*", "/users/42/", ["42"]),
        ("/users/{id}/*", "/users/42", []),
        ("/*/{id}/x", "/anything/a%20b/x", ["a%20b"]),
        ("/*/{id}/x", "/any/thing/b/x", []),
        ("/{a}/{b}", "/one/two", ["one", "two"]),
        ("/files/{name}.json", "/files/report.json", ["report"]),
        ("/files/{name}.json", "/files/report.jsonl", []),
        ("/at/@{name}", "/at/@ann", ["ann"]),
        ("/a.b/{}", "/a.b/c", ["c"]),
        ("/a.b/{}", "/aXb/c", []),
    ],
)
def test_what_is_taken(template, path, values):
    assert taken(template, path) == values


@pytest.mark.parametrize(
    ("template", "what", "hint"),
    [
        ("", "is no path", "begin with a slash, as in /users/{id}/*"),
        ("users/{id}", "is no path", "begin with a slash"),
        ("/users/*", "takes nothing", "put braces where the value stands: /users/{id}"),
        ("/users/{id", "cannot be read at '{id'", "/files/{name}.json"),
        ("/{a}{b}", "cannot be read at '{a}{b}'", "braces once"),
        ("/{a}/b*", "cannot be read at 'b*'", "a segment is text"),
        ("/{a}?x=y", "cannot be read", "a segment is text"),
    ],
)
def test_what_is_wrong_is_said(template, what, hint):
    with pytest.raises(SelectorError) as raised:
        compiled(template)
    assert what in raised.value.what
    assert hint in raised.value.hint


@given(st.text(max_size=30))
def test_any_segment_is_taken_whole(value):
    path = f"/a/{value}"
    assert taken("/a/{v}", path) == ([value] if value and "/" not in value else [])
