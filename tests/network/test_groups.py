from __future__ import annotations

import pytest

from actors.errors import CallerError
from actors.network.groups import RuleResolver, default_group, only_named, resolve
from actors.network.naming import default_group_id
from actors.network.rows import Rows
from actors.records import AddressPair, FixedIp, Port, SecurityGroup, SecurityGroupRule, Subnet

SUBNET = Subnet(id="s", name="", network_id="n", project_id="p", cidr="10.0.0.0/24")


def rows_with(*extra: SecurityGroupRule | Port | SecurityGroup) -> Rows:
    groups = [SecurityGroup(id=name, name=name.upper(), project_id="p") for name in ("web", "db")]
    return Rows([SUBNET, *groups, *extra])


def member(number: int, group: str, *pairs: str) -> Port:
    return Port(
        id=f"{number:036}", network_id="n", project_id="p", mac_address=f"m{number}", security_groups=(group,),
        fixed_ips=(FixedIp("s", f"10.0.0.{number}"),), allowed_address_pairs=tuple(map(AddressPair, pairs)),
    )  # fmt: skip


def rule(**fields: str) -> SecurityGroupRule:
    return SecurityGroupRule(id="r", security_group_id="web", project_id="p", direction="ingress", **fields)  # type: ignore[arg-type]


def test_the_default_group_is_made_once() -> None:
    rows = Rows()
    made = default_group(rows, "p")
    for change in made:
        rows.apply(change)
    assert len(made) == 5 and default_group(rows, "p") == []
    meanings = {(each.direction, each.ethertype, bool(each.remote_group_id)) for each in rows.rules.values()}
    assert meanings == {
        ("egress", "IPv4", False), ("egress", "IPv6", False), ("ingress", "IPv4", True), ("ingress", "IPv6", True)
    }  # fmt: skip


def test_names_become_ids() -> None:
    rows = rows_with()
    assert only_named(("default",)) == only_named(()) == () and only_named(("default", "web")) == ("default", "web")
    assert resolve(rows, "p", ("WEB", "db", "web"), "groups") == ("web", "db")
    assert resolve(rows, "p", ("default",), "groups") == (default_group_id("p"),)
    with pytest.raises(CallerError, match=r"groups\[0\].*not found"):
        resolve(rows, "another", ("web",), "groups")


def test_a_remote_group_is_its_members_addresses() -> None:
    rows = rows_with(rule(remote_group_id="db"), member(5, "db", "10.9.0.0/16", "fd00::1"), member(6, "web"))
    (resolved,) = RuleResolver(rows).rules_of(("web",))
    assert resolved.remote_prefixes == ("10.0.0.5", "10.9.0.0/16")
    six = rows_with(rule(remote_group_id="db", ethertype="IPv6"), member(5, "db", "fd00::1"))
    assert RuleResolver(six).rules_of(("web",))[0].remote_prefixes == ("fd00::1",)


def test_an_empty_remote_group_lets_nobody_pass() -> None:
    assert RuleResolver(rows_with(rule(remote_group_id="db"))).rules_of(("web",)) == ()
    assert RuleResolver(rows_with(rule())).rules_of(("web",))[0].remote_prefixes == ()  # any


def test_the_same_rule_of_two_groups_stands_once() -> None:
    twin = SecurityGroupRule(id="r2", security_group_id="db", project_id="p", direction="ingress")
    assert len(RuleResolver(rows_with(rule(), twin)).rules_of(("web", "db"))) == 1
