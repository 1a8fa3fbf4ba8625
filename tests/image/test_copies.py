"""Who is named for an image: those that have it and are there, each about equally often."""

from __future__ import annotations

from collections import Counter
from random import Random

from actors.image.copies import PEERS_TOLD, Copies, data_url


def test_nobody_is_named_for_an_image_that_nobody_has() -> None:
    assert Copies(Random(1)).urls("i") == ()


def test_all_are_asked_about_equally_often() -> None:
    copies = Copies(Random(1))
    for number in range(10):
        copies.add(f"n{number}", ["i", "j"], f"http://n{number}:1")
    first = Counter(copies.urls("i")[0] for _ in range(1_000))
    assert len(first) == 10 and min(first.values()) > 60
    assert {len(set(copies.urls("i"))) for _ in range(10)} == {PEERS_TOLD}


def test_one_that_left_or_begins_anew_is_named_for_what_it_has() -> None:
    copies = Copies(Random(1))
    copies.add("a", ["i", "j"], "http://a:1")
    copies.add("a", ["i"], "http://a:1")
    assert copies.nodes("i") == ["a"]
    copies.add("a", ["j"], "http://a:2")  # its compute actor began anew, with an empty cache but for j
    assert copies.nodes("i") == [] and copies.urls("j") == (data_url("http://a:2", "j"),)
    copies.drop("j")
    assert copies.urls("j") == ()
    copies.add("a", ["i"], "http://a:2")
    copies.forget("a")
    copies.forget("a")
    assert copies.urls("i") == ()
