from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.network.messages import RouterInfo
from actors.network.nat import ASKED_LIMIT, Suspects, Translation, document, is_stale, suspects
from tests.network.test_routing import INFO

IN = Translation("198.51.100.7", "203.0.113.51", "10.5.0.11", "198.51.100.7")  # to the floating IP
OUT = Translation("10.5.0.11", "198.51.100.7", "198.51.100.7", "203.0.113.51")  # from who has it
HIDDEN = Translation("10.5.0.12", "198.51.100.7", "198.51.100.7", "203.0.113.2")  # from who has none
HAIRPIN = Translation("10.5.0.12", "203.0.113.51", "10.5.0.11", "203.0.113.2")
PLAIN = Translation("10.5.0.12", "10.6.0.7", "10.6.0.7", "10.5.0.12")

GONE = replace(INFO, floating_ips=())
ELSEWHERE = replace(INFO, floating_ips=(("203.0.113.51", "10.5.0.99"),))
OPEN = replace(INFO, enable_snat=False)
CLOSED = replace(INFO, gateway=None)


@pytest.mark.parametrize(
    ("info", "stale"),
    [
        (INFO, []),
        (GONE, [IN, OUT, HAIRPIN]),
        (ELSEWHERE, [IN, OUT, HAIRPIN]),
        (OPEN, [HIDDEN]),
        (CLOSED, [IN, OUT, HIDDEN, HAIRPIN]),
    ],
)
def test_what_would_not_be_translated_so_now_is_stale(info: RouterInfo, stale: list[Translation]) -> None:
    assert [each for each in (IN, OUT, HIDDEN, HAIRPIN, PLAIN) if is_stale(each, info)] == stale


def test_who_gets_a_floating_ip_keeps_the_connections_that_it_has() -> None:
    later = replace(INFO, floating_ips=(*INFO.floating_ips, ("203.0.113.52", "10.5.0.12")))
    assert not is_stale(HIDDEN, later)


def test_only_those_are_looked_at_that_may_be_stale() -> None:
    assert suspects(INFO, INFO) == suspects(GONE, INFO) == suspects(CLOSED, GONE) == suspects(OPEN, INFO) == Suspects()
    assert suspects(INFO, GONE) == Suspects(frozenset({"10.5.0.11"}), frozenset({"203.0.113.51"}))
    assert suspects(INFO, ELSEWHERE) == suspects(INFO, GONE)
    many = replace(INFO, floating_ips=tuple((f"203.0.113.{n}", f"10.5.0.{n}") for n in range(ASKED_LIMIT + 1)))
    assert suspects(many, GONE).everybody
    for before, after in ((None, INFO), (INFO, OPEN), (INFO, CLOSED)):
        assert suspects(before, after).everybody


def rules(info: RouterInfo, chain: str) -> list[Any]:
    added = [command["add"] for command in document(info)["nftables"] if "add" in command]
    return [each["rule"]["expr"] for each in added if "rule" in each and each["rule"]["chain"] == chain]


def maps(info: RouterInfo) -> dict[str, list[list[str]]]:
    added = [command["add"] for command in document(info)["nftables"] if "add" in command]
    return {each["map"]["name"]: each["map"].get("elem", []) for each in added if "map" in each}


def test_floating_ips_lead_both_ways() -> None:
    assert maps(INFO) == {"floating": [["203.0.113.51", "10.5.0.11"]], "fixed": [["10.5.0.11", "203.0.113.51"]]}
    assert maps(CLOSED) == maps(GONE) == {"floating": [], "fixed": []}


def test_without_a_gateway_nothing_is_translated() -> None:
    assert rules(CLOSED, "source") == rules(CLOSED, "destination") == []
    assert len(rules(CLOSED, "forward")) == 1  # link-local addresses are led nowhere


def test_without_translation_what_comes_in_is_let_through_and_what_leaves_is_left_alone() -> None:
    drops = {"drop": None}
    unasked = [rule for rule in rules(INFO, "forward") if len(rule) == 2 and rule[1] == drops][1:]
    assert len(unasked) == 1
    assert unasked[0] not in rules(OPEN, "forward")
    own = {"snat": {"addr": "203.0.113.2", "flags": "fully-random"}}
    assert [rule[-1] for rule in rules(INFO, "source")].count(own) == 2
    assert [rule[-1] for rule in rules(OPEN, "source")].count(own) == 1  # only of who meets by floating IPs
