from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.network.messages import RouterInfo
from actors.network.nat import ASKED_LIMIT, Suspects, Translation, document, is_stale, suspects
from tests.network.test_routing import INFO, INSIDE

IN = Translation("198.51.100.7", "203.0.113.51", "10.5.0.11", "198.51.100.7")  # to the floating IP
OUT = Translation("10.5.0.11", "198.51.100.7", "198.51.100.7", "203.0.113.51")  # from who has it
HIDDEN = Translation("10.5.0.12", "198.51.100.7", "198.51.100.7", "203.0.113.2")  # from who has none
HAIRPIN = Translation("10.5.0.12", "203.0.113.51", "10.5.0.11", "203.0.113.2")
PLAIN = Translation("10.5.0.12", "10.6.0.7", "10.6.0.7", "10.5.0.12")

FAR = replace(INSIDE, port_id="33333333-cccc", network_id="m", addresses=("10.6.0.1/24",))
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


def drops(info: RouterInfo, device: str) -> list[list[Any]]:
    """The sets of senders that are dropped, of rules for what comes in at a device."""
    at = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": device}}
    found = [rule[1:-1] for rule in rules(info, "forward") if rule[0] == at and rule[-1] == {"drop": None}]
    return [[(each["match"]["op"], each["match"]["right"]["set"]) for each in rule] for rule in found if rule]


def test_nobody_sends_as_somebody_in_another_network() -> None:
    def prefix(address: str, length: int) -> dict[str, Any]:
        return {"prefix": {"addr": address, "len": length}}

    near, far, out = prefix("10.5.0.0", 24), prefix("10.6.0.0", 24), prefix("203.0.113.0", 24)
    both = replace(INFO, interfaces=(INSIDE, FAR))
    assert drops(both, "qr-11111111-aa") == [[("==", [far, out])]]
    assert drops(both, "qr-33333333-cc") == [[("==", [near, out])]]
    assert [("==", [{"prefix": {"addr": "10.5.0.0", "len": 24}}, far])] in drops(both, "qg-22222222-bb")
    shared = replace(both, interfaces=(INSIDE, replace(FAR, network_id=INSIDE.network_id)))
    assert drops(shared, "qr-33333333-cc") == [[("==", [out])]]  # two subnets on one wire
    led = replace(both, routes=(("10.6.0.128/25", "10.5.0.9"), ("10.6.0.0/24", "10.5.0.9"), ("0.0.0.0/0", "10.5.0.9")))
    assert drops(led, "qr-11111111-aa") == [[("!=", [prefix("10.6.0.128", 25)]), ("==", [far, out])]]


def test_what_leaves_untranslated_is_from_behind_the_router() -> None:
    def known(info: RouterInfo) -> list[list[Any]]:
        return [
            rule[2]["match"]["right"]["set"]
            for rule in rules(info, "forward")
            if len(rule) == 4 and "set" in str(rule[2])
        ]

    near = {"prefix": {"addr": "10.5.0.0", "len": 24}}
    beyond = {"prefix": {"addr": "192.0.2.0", "len": 24}}
    assert known(INFO) == []
    assert known(OPEN) == [[near]]
    assert known(replace(OPEN, routes=(("192.0.2.0/24", "10.5.0.9"), ("198.51.100.0/24", "203.0.113.9")))) == [
        [near, beyond]
    ]
    assert known(replace(OPEN, routes=(("0.0.0.0/0", "10.5.0.9"),))) == []


def test_without_translation_what_comes_in_is_let_through_and_what_leaves_is_left_alone() -> None:
    unasked = [rule for rule in rules(INFO, "forward") if len(rule) == 2 and rule[1] == {"drop": None}][1:]
    assert len(unasked) == 1
    assert unasked[0] not in rules(OPEN, "forward")
    own = {"snat": {"addr": "203.0.113.2", "flags": "fully-random"}}
    assert [rule[-1] for rule in rules(INFO, "source")].count(own) == 2
    assert [rule[-1] for rule in rules(OPEN, "source")].count(own) == 1  # only of who meets by floating IPs
