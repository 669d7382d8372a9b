"""Places are written one way, and no two of them alike."""

from hypothesis import given
from hypothesis import strategies as st

from outgate.redact import places

paths = st.lists(st.integers(0, 20) | st.text(max_size=6), max_size=4).map(tuple)


def test_they_read_as_json_paths_do():
    assert (
        places.written(("items", 0, "card-no", "@id", "a.b", "it's", ""))
        == r"$.items[0].card-no.@id['a.b']['it\'s']['']"
    )
    assert places.body("response", ("items", 0)) == "response.body.$.items[0]"
    assert places.body("request") == "request.body"
    assert places.message(3, ("card",)) == "message[3].$.card"
    assert places.message(3) == "message[3]"
    assert places.named("request", "header", "Authorization") == "request.header.authorization"
    assert places.named("request", "query", "Token") == "request.query.Token"
    assert places.segment(1) == "request.path[1]"


@given(paths, paths)
def test_two_places_are_never_written_alike(one, other):
    assert (places.written(one) == places.written(other)) == (one == other)
