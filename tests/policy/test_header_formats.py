"""Header values in Envoy's way: which are known, and what is said of the others."""

import pytest

from outgate.policy.header_formats import header_value, literal_fault
from outgate.policy.route_model import HeaderFormat, Operator


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", ""),
        ("plain", "plain"),
        ("100%%", "100%"),
        ("%%REQ(a)%%", "%REQ(a)%"),
        ("%REQ(X-A)%", HeaderFormat((Operator("REQ", "x-a"),))),
        ("%REQUEST_HEADER(X-A?:Path):7%", HeaderFormat((Operator("REQ", "x-a?:path", 7),))),
        ("%RESP(a)%", HeaderFormat((Operator("RESP", "a"),))),
        ("a %HOSTNAME% %%", HeaderFormat(("a ", Operator("HOSTNAME"), " ", "%"))),
        ("%UPSTREAM_HOST%", HeaderFormat((Operator("UPSTREAM_REMOTE_ADDRESS"),))),
    ],
)
def test_what_a_value_is(text, made):
    assert header_value(text) == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("%", 'write "%%"'),
        ("a%b", 'write "%%"'),
        ("%REQ(a)", 'write "%%"'),
        ("%req(a)%", 'write "%%"'),
        ("%REQ%", "takes a header"),
        ("%REQ()%", "does not take"),
        ("%REQ(a?b?c)%", "does not take"),
        ("%REQ(a b)%", "does not take"),
        ("%HOSTNAME(a)%", "takes no argument"),
        ("%HOSTNAME:3%", "takes no length"),
        ("%START_TIME(%s)%", 'write "%%"'),
        ("%START_TIME%", "is not known in a header; write one of DOWNSTREAM"),
        ("%DYNAMIC_METADATA(a)%", "is not known in a header"),
    ],
)
def test_what_is_not_known_is_said(text, told):
    with pytest.raises(ValueError, match="%") as refused:
        header_value(text)
    assert told in str(refused.value)
    assert literal_fault(text) == str(refused.value)


def test_what_a_limit_answers_is_the_same_for_all():
    assert "write it out" in literal_fault("%REQ(a)%")
    assert literal_fault("100%%") == ""
