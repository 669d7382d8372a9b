"""What was seen is counted by canonical place, and what no registry should hold is set aside, and bounded."""

import pytest

from outgate.learning import places as module
from outgate.learning.places import At, LeftOut, Places
from outgate.learning.seen import Seen, Speech


def placed(*seen, **options):
    made = Places(**options)
    for each in seen:
        made.add(each)
    return made


def to(host, port=443, speech=Speech.HTTPS, **facts):
    return Seen(speech, host, port, **facts)


def test_spellings_of_one_name_are_one_place():
    made = placed(to("API.example."), to("api.example", caller="prod/web"), to("api.example", speech=Speech.TLS))
    (place,) = made.places.values()
    assert (place.at, place.count, place.speeches) == (At("api.example", 443), 3, {Speech.HTTPS, Speech.TLS})
    assert place.callers == {"": 2, "prod/web": 1}


def test_an_address_in_the_notation_of_the_other_version_is_the_same():
    assert list(placed(to("::ffff:93.184.216.34")).places) == [At("93.184.216.34", 443)]


@pytest.mark.parametrize(
    ("seen", "where", "why"),
    [
        (to("a_b.example"), "a_b.example:443", "no host has such a name"),
        (to("a.example", 0), "a.example:0", "there is no such port"),
        (to("a.example", 65536), "a.example:65536", "there is no such port"),
        (to("169.254.169.254", 80), "169.254.169.254:80", "is a metadata address"),
        (to("127.0.0.1", 80), "127.0.0.1:80", "is a loopback address"),
        (to("api.example", denied="names_disagree"), "api.example:443", "denied as names_disagree"),
        (to("api.example", denied="path_ambiguous"), "api.example:443", "denied as path_ambiguous"),
    ],
)
def test_what_should_not_be_possible_is_left_out(seen, where, why):
    ((left, number),) = placed(seen).left_out.items()
    assert (left.where, number) == (where, 1)
    assert why in left.why


def test_it_is_proposed_where_that_is_asked_for_and_it_has_a_name():
    made = placed(to("169.254.169.254", 80), to("a_b"), to("api.example", denied="loop"), include_denied=True)
    assert list(made.places) == [At("169.254.169.254", 80), At("api.example", 443)]
    assert list(made.left_out) == [LeftOut("a_b:443", "no host has such a name")]


def test_what_was_denied_for_want_of_a_document_is_proposed():
    assert placed(to("api.example", denied="unregistered")).places[At("api.example", 443)].denied == 1


def test_an_address_inside_the_mesh_is_no_private_one_to_be_wary_of():
    assert placed(to("10.0.0.7", 80, internal=True)).places[At("10.0.0.7", 80)].internal


def test_places_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    made = placed(to("a.example"), to("b.example"), to("a.example"), to("a_b"), to("b_c"))
    assert (len(made.places), len(made.left_out), made.beyond, made.seen) == (1, 1, 2, 5)
