"""No two values share a fake while there are enough, and a value keeps its own."""

import threading

from outgate.redact.replace import rolls
from outgate.redact.replace.formats import card, email, letters, number
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.rolls import Rolls

KEYS = Keys(bytes(32), "e", "p")


def test_every_value_of_a_small_domain_has_its_own_and_keeps_it():
    made = Rolls(KEYS)
    values = [f"{one}{two}" for one in "abcdefgh" for two in "abcdefghijklmnop"]
    fakes = [made.another("letters", letters, value) for value in values]
    assert len(set(fakes)) == len(values)
    assert all(fake != value for fake, value in zip(fakes, values, strict=True))
    assert [made.another("letters", letters, value) for value in values] == fakes


def test_one_fake_is_shared_where_there_are_no_more():
    made = Rolls(KEYS)
    fakes = [made.another("number", number, digit) for digit in "123456789"]
    assert all(fake in "123456789" and fake != digit for fake, digit in zip(fakes, "123456789", strict=True))
    assert fakes == [made.another("number", number, digit) for digit in "123456789"]


def test_what_is_noted_is_bounded_and_values_keep_their_fakes_beyond(monkeypatch):
    monkeypatch.setattr(rolls, "MOST", 10)
    made = Rolls(KEYS)
    values = [f"{each:04}" for each in range(200)]
    fakes = [made.another("letters", letters, value) for value in values]
    assert len(made._owners) == 10
    assert [made.another("letters", letters, value) for value in values] == fakes


def test_what_is_long_is_not_noted():
    made = Rolls(KEYS)
    made.another("email", email, "a@b.example")
    assert not made._owners
    made.another("card", card, "4242424242424242")
    assert len(made._owners) == 1


def test_what_has_nothing_to_replace_has_no_other():
    assert Rolls(KEYS).another("letters", letters, "--") is None


def test_threads_see_one_fake_of_a_value():
    made, found = Rolls(KEYS), []

    def run():
        found.append([made.another("letters", letters, f"{each:03}") for each in range(300)])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found[0])) == 300
    assert all(each == found[0] for each in found)
