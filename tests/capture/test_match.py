"""A request finds what was recorded for it; what was not recorded finds the nearest and how it differs."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchanges import body_of, exchange, sealed
from outgate.capture.match import Ending, Matcher, Miss, Scope
from outgate.redact.encoding import encode
from outgate.redact.exchange import Body


def matcher(*kept, **facts):
    made = Matcher(**facts)
    for each in kept:
        made.add(each.exchange, each.manifest)
    return made


def asked(*arguments, **facts):
    return exchange(*arguments, **facts).request


def found(made, *arguments, scope=Scope.PLACE, **facts):
    """The number of the entry that answers, or None."""
    answer = made.find(asked(*arguments, **facts), scope)
    return None if isinstance(answer, Miss) else answer.number


def post(content, kind="application/json", url="https://api.example/items", **facts):
    return (url, "POST", content), {"fields": [(b"content-type", kind.encode())], **facts}


def recorded(content, kind="application/json", **facts):
    arguments, facts = post(content, kind, **facts)
    return sealed(*arguments, **facts)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example/a?x=1&y=2&x=3",
        "https://api.example/%61?y=2&x=3&x=%31",
        "https://API.example:443/a?y=2&x=3&x=1",
    ],
)
def test_the_same_address_in_other_words(url):
    assert found(matcher(sealed("https://api.example/a?x=1&x=3&y=2")), url) == 1


@pytest.mark.parametrize(
    ("method", "url", "place"),
    [
        ("HEAD", "https://api.example/a?x=1", "method"),
        ("GET", "http://api.example/a?x=1", "scheme"),
        ("GET", "https://api.example:8443/a?x=1", "port"),
        ("GET", "https://www.example/a?x=1", "host"),
        ("GET", "https://api.example/a/b?x=1", "path[1]"),
        ("GET", "https://api.example/b?x=1", "path[0]"),
        ("GET", "https://api.example/a?x=2", "query.x"),
        ("GET", "https://api.example/a?x=1&x=1", "query.x"),
        ("GET", "https://api.example/a?x=1&y=", "query.y"),
        ("GET", "https://api.example/a", "query.x"),
    ],
)
def test_another_address_is_a_miss_that_says_what_differs(method, url, place):
    miss = matcher(sealed("https://api.example/a?x=1")).find(asked(url, method))
    assert isinstance(miss, Miss)
    assert place in [each.place for each in miss.difference]
    assert miss.nearest.number == 1


def test_it_is_found_where_the_request_does_not_tell_its_host():
    made = matcher(sealed("https://api.example/a"), sealed("https://www.example/b"))
    assert found(made, "http://127.0.0.1:8080/b", scope=Scope.ANY) == 2
    assert found(made, "http://www.example:8080/b", scope=Scope.HOST) == 2
    assert found(made, "http://api.example:8080/b", scope=Scope.HOST) is None
    assert found(made, "http://127.0.0.1:8080/b") is None
    miss = made.find(asked("http://127.0.0.1:8080/bb"), Scope.ANY)
    assert [str(each) for each in miss.difference] == ['path[0]: recorded "b", asked "bb"']


def test_a_difference_says_where_and_what():
    made = matcher(recorded(b'{"items": [{"qty": 2, "note": null}], "old": true}'))
    arguments, facts = post(b'{"items": [{"qty": 3, "note": ""}], "new": "x\\ny"}')
    miss = made.find(asked(*arguments, **facts))
    assert sorted(map(str, miss.difference)) == [
        'body.$.items[0].note: recorded null, asked ""',
        "body.$.items[0].qty: recorded 2, asked 3",
        'body.$.new: was not recorded, asked "x\\ny"',
        "body.$.old: recorded true, is not asked",
    ]
    assert miss.why == "it differs from what was recorded"


def test_the_nearest_is_the_one_that_differs_least():
    made = matcher(*(recorded(json.dumps({"a": n, "b": n, "c": 1}).encode()) for n in (1, 2, 3)))
    arguments, facts = post(b'{"a": 2, "b": 2, "c": 2}')
    miss = made.find(asked(*arguments, **facts))
    assert (miss.nearest.number, len(miss.difference)) == (2, 1)


def test_an_empty_capture_has_nothing():
    assert Matcher().find(asked()) == Miss("nothing was recorded")


def test_a_request_is_found_whatever_its_coding():
    made = matcher(recorded(b'{"a": 1}'))
    packed = Body(encode(b'{ "a": 1.0 }', ("gzip", "br")))
    facts = {"fields": [(b"content-type", b"application/json"), (b"Content-Encoding", b"gzip, br")]}
    assert found(made, "https://api.example/items", "POST", packed, **facts) == 1
    assert found(made, "https://api.example/items", "POST", replace(packed, content=b"broken"), **facts) is None


# What redaction has left.


def test_a_redacted_place_takes_any_value_and_an_equal_one_is_better():
    made = matcher(
        recorded(b'{"user": "a", "password": "tok_1"}', marks=[("request.body.$.password", "token")]),
        recorded(b'{"user": "a", "password": "tok_2"}', marks=[("request.body.$.password", "token")]),
    )
    arguments, facts = post(b'{"password": "tok_2", "user": "a"}')
    assert found(made, *arguments, **facts) == 2
    arguments, facts = post(b'{"password": "hunter2", "user": "a"}')
    assert found(made, *arguments, **facts) == 1
    arguments, facts = post(b'{"password": "hunter2", "user": "b"}')
    assert found(made, *arguments, **facts) is None


@pytest.mark.parametrize(
    ("sent", "mark", "also"),
    [
        (b'{"a": {"card": 1}}', "request.body.$.a", b'{"a": {"card": 2, "name": ""}}'),
        (b'{"a": "{\\"card\\": 1}"}', "request.body.$.a.card", b'{"a": "{\\"card\\": 2}"}'),
        (b"{}", "request.body.$.removed", b'{"removed": "x"}'),
        (b"gone", "request.body", b'{"anything": 1}'),
    ],
)
def test_what_is_within_or_around_a_redacted_place_fits(sent, mark, also):
    made = matcher(recorded(sent, marks=[(mark, "remove")]))
    arguments, facts = post(also)
    assert found(made, *arguments, **facts) == 1
    arguments, facts = post(b'{"another": 1}')
    assert (found(made, *arguments, **facts) is None) == (mark != "request.body")


def test_queries_forms_parts_and_xml_have_redacted_places_too():
    made = matcher(
        sealed("https://api.example/a?token=x&page=1", marks=[("request.query.token", "constant")]),
        recorded(b"user=a&pass=x", "application/x-www-form-urlencoded", marks=[("request.body.$.pass", "mask")]),
        recorded(b"<o><c n='1'>x</c></o>", "text/xml", marks=[("request.body.$.o.c", "mask")]),
    )
    assert found(made, "https://api.example/a?page=1&token=mine") == 1
    assert found(made, "https://api.example/a?page=1") == 1
    assert found(made, "https://api.example/a?page=2&token=x") is None
    arguments, facts = post(b"pass=secret&user=a", "application/x-www-form-urlencoded")
    assert found(made, *arguments, **facts) == 2
    arguments, facts = post(b"<o><c n='2'>secret</c></o>", "text/xml")
    assert found(made, *arguments, **facts) == 3


def test_a_redacted_segment_of_a_path_takes_any():
    made = matcher(
        sealed("https://api.example/users/tok_1/cards", marks=[("request.path[1]", "token")]),
        sealed("https://api.example/users/me/cards"),
    )
    assert found(made, "https://api.example/users/alice/cards") == 1
    assert found(made, "https://api.example/users/me/cards") in (1, 2)
    assert found(made, "https://api.example/users/alice/keys") is None


def test_a_pseudonym_has_to_be_sent_as_it_was_got():
    made = matcher(recorded(b'{"mail": "u_1@example.com"}', marks=[("request.body.$.mail", "format")]))
    arguments, facts = post(b'{"mail": "u_1@example.com"}')
    assert found(made, *arguments, **facts) == 1
    arguments, facts = post(b'{"mail": "real@corp.example"}')
    assert found(made, *arguments, **facts) is None


def test_a_body_that_was_not_kept_fits_any():
    made = matcher(recorded(Body(None, missing="too_large")))
    arguments, facts = post(b'{"a": 1}')
    assert found(made, *arguments, **facts) == 1


def test_what_changes_with_each_call_does_not_count():
    made = matcher(recorded(b'{"a": 1, "nonce": "x"}', url="https://api.example/a?X-Amz-Date=1&page=2"))
    arguments, facts = post(
        b'{"a": 1, "nonce": "y"}', url="https://api.example/a?page=2&X-Amz-Date=7&x-amz-signature=0"
    )
    assert found(made, *arguments, **facts) == 1
    arguments, facts = post(b'{"a": 1, "page": "y"}', url="https://api.example/a?page=3")
    assert found(made, *arguments, **facts) is None
    assert (
        found(matcher(*(each for each in [recorded(b'{"a": 1}')]), volatile=frozenset({"A"})), *post(b'{"a": 2}')[0])
        == 1
    )


# Several answers.


def answers(made, count, *arguments, **facts):
    return [found(made, *arguments, **facts) for _ in range(count)]


@pytest.mark.parametrize(
    ("ending", "given"),
    [
        (Ending.REPEAT_LAST, [1, 3, 4, 4, 4]),
        (Ending.CYCLE, [1, 3, 4, 1, 3]),
        (Ending.ERROR, [1, 3, 4, None, None]),
    ],
)
def test_answers_come_in_the_order_of_the_recording(ending, given):
    polled = "https://api.example/jobs/1"
    made = matcher(sealed(polled), sealed("https://api.example/jobs/2"), sealed(polled), sealed(polled), ending=ending)
    assert answers(made, 5, polled) == given
    assert [entry.number for entry in made.unused] == [2]


def test_an_exhausted_series_is_told_of():
    made = matcher(sealed(), ending=Ending.ERROR)
    assert found(made) == 1
    miss = made.find(asked())
    assert (miss.why, miss.nearest.number) == ("all of its recorded answers were given", 1)


def test_headers_tell_answers_apart_and_are_not_needed():
    made = matcher(
        sealed(fields=[(b"accept", b"text/html")]),
        sealed(fields=[(b"accept", b"application/json")]),
        sealed(fields=[(b"if-none-match", b'"1"')], status=304),
    )
    assert found(made, fields=[(b"Accept", b"application/json")]) == 2
    assert found(made, fields=[(b"If-None-Match", b'"1"')]) == 3
    assert found(made, fields=[(b"accept", b"image/png")]) == 1


def test_operations_of_graphql_do_not_answer_for_each_other():
    def operation(text, **variables):
        return post(json.dumps({"query": text, "variables": variables}).encode(), url="https://api.example/graphql")

    texts = [("query A { a }", {"n": 1}), ("query B { b }", {"n": 1}), ("query A { a }", {"n": 2})]
    made = matcher(*(sealed(*arguments, **facts) for arguments, facts in (operation(text, **v) for text, v in texts)))
    for number, (text, variables) in enumerate(texts, 1):
        arguments, facts = operation(text, **variables)
        assert found(made, *arguments, **facts) == number


def test_a_query_may_be_graphql():
    made = matcher(sealed('https://api.example/graphql?query=query A{a}&variables={"n":1}'.replace(" ", "%20")))
    assert found(made, 'https://api.example/graphql?variables={"n":1.0}&query=query%20A{a%20b}') == 1
    assert found(made, 'https://api.example/graphql?variables={"n":2}&query=query%20A{a}') is None


def test_tunnels_answer_nothing():
    kept = sealed()
    made = Matcher()
    made.add(replace(kept.exchange, request=None), kept.manifest)
    assert made.entries == []


bodies = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2), max_size=3
)


@given(st.lists(bodies, min_size=1, max_size=8), bodies)
def test_it_is_found_if_and_only_if_it_was_recorded(bodies, wanted):
    """The index says what comparing each with each would say."""
    made = matcher(*(recorded(json.dumps(each).encode()) for each in bodies))
    arguments, facts = post(json.dumps(dict(reversed(wanted.items()))).encode())
    answer = made.find(asked(*arguments, **facts))
    assert isinstance(answer, Miss) == (wanted not in bodies)
    if isinstance(answer, Miss):
        assert answer.difference
    else:
        assert answer.number == bodies.index(wanted) + 1


def test_many_of_one_address_are_found_by_what_they_say():
    """Not by comparing each with each, which would take minutes here."""
    made = matcher(*(recorded(json.dumps({"id": number, "page": [1] * 20}).encode()) for number in range(3000)))
    for number in range(3000):
        arguments, facts = post(json.dumps({"page": [1] * 20, "id": number}).encode())
        assert found(made, *arguments, **facts) == number + 1
    assert made.unused == []


def test_a_body_without_content_is_no_other():
    made = matcher(sealed(method="DELETE", sent=body_of(b"x")), sealed(method="DELETE"))
    assert found(made, method="DELETE") == 2
    assert found(made, method="DELETE", sent=b"x") == 1
