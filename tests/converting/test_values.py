"""Values that no native kind can say."""

import pytest

from outgate.converting.values import Unwritable, change
from outgate.policy.header_formats import header_value
from outgate.policy.route_model import HeaderChange


@pytest.mark.parametrize("verb", ["set", "add"])
def test_a_header_that_is_made_of_the_request_cannot_be_written(verb):
    assert change(HeaderChange(**{verb: (("x", header_value("100%%")),)})) == {verb: {"x": "100%"}}
    with pytest.raises(Unwritable, match="x: a value that is made of each request"):
        change(HeaderChange(**{verb: (("x", header_value("%REQ(y)%")),)}))
