from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.network.rows import Rows
from actors.records import Change, Drop, FixedIp, Network, Port, SecurityGroup, SecurityGroupRule, Subnet

NETWORKS = [
    Network(id=f"n{number}", name="", project_id="p", network_type="vxlan", segmentation_id=number) for number in (1, 2)
]
SUBNETS = [
    Subnet(id=f"s{number}", name="", network_id=f"n{number}", project_id="p", cidr="10.0.0.0/28",
           pools=(("10.0.0.2", "10.0.0.14"),))
    for number in (1, 2)
]  # fmt: skip
GROUPS = [SecurityGroup(id=name, name=name, project_id="p") for name in ("g1", "g2")]


@st.composite
def ports(draw: st.DrawFn) -> Port:
    """Few ids and addresses, so that they meet; an address belongs to one port id, as the room sees to."""
    number, network = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2]))
    instance = draw(st.sampled_from(["", "i1", "i2"]))
    addresses = draw(st.sampled_from([(), (number,), (number, number + 6)]))
    return Port(
        id=f"port{number}-{number:06}",
        network_id=f"n{network}",
        project_id=draw(st.sampled_from(["p", "q"])),
        mac_address=f"m{number}",
        fixed_ips=tuple(FixedIp(f"s{network}", f"10.0.0.{address + 1}") for address in addresses),
        device_id=instance,
        made_for=draw(st.sampled_from(["", instance])),
        host=draw(st.sampled_from(["", "h1", "h2"])),
        device_owner=draw(st.sampled_from(["", "compute:nova", "network:dhcp"])),
        security_groups=draw(st.sampled_from([(), ("g1",), ("g1", "g2")])),
    )


DROPS = st.integers(1, 5).map(lambda number: Drop("Port", f"port{number}-{number:06}"))


@given(changes=st.lists(st.one_of(ports(), DROPS), max_size=40))
def test_every_index_follows_from_the_rows_alone(changes: list[Change]) -> None:
    fixed = [*NETWORKS, *SUBNETS, *GROUPS]
    rows = Rows(fixed)
    for change in changes:
        rows.apply(change)
        rows.apply(change)
    fresh = Rows([*fixed, *rows.ports.values()])
    for name in ("ports", "taps", "macs", "segments", "bridges", "ports_of_instance", "members_of", "networks_of"):
        assert getattr(rows, name) == getattr(fresh, name), name
    assert rows.groups_of == fresh.groups_of
    for name in ("ports_of", "nodes_of", "port_counts"):  # these may keep empty entries
        assert {k: v for k, v in getattr(rows, name).items() if v} == {
            k: v for k, v in getattr(fresh, name).items() if v
        }, name
    for subnet_id, book in rows.books.items():
        taken = {f"10.0.0.{n}" for n in range(16) if f"10.0.0.{n}" in book}
        assert taken == {ip.ip_address for p in rows.ports.values() for ip in p.fixed_ips if ip.subnet_id == subnet_id}


def test_who_names_a_group_is_counted_by_rules() -> None:
    rules = [
        SecurityGroupRule(
            id=f"r{number}", security_group_id="g1", project_id="p", direction="ingress", ethertype="IPv4",
            remote_group_id=remote,
        )
        for number, remote in enumerate(("g2", "g2", ""))
    ]  # fmt: skip
    rows = Rows([*GROUPS, *rules, *rules])
    assert rows.naming == {"g2": {"g1": 2}}
    for rule in rules:
        rows.apply(Drop("SecurityGroupRule", rule.id))
        rows.apply(Drop("SecurityGroupRule", rule.id))
    assert not rows.naming


def test_dropping_everything_leaves_nothing() -> None:
    rows = Rows([*NETWORKS, *SUBNETS, *GROUPS])
    for row in (*SUBNETS, *NETWORKS, *GROUPS):
        drop = Drop(type(row).__name__, row.id)
        assert rows.row_of(drop) == row
        rows.apply(drop)
        rows.apply(drop)
        assert rows.row_of(drop) is None
    assert not rows.networks and not rows.subnets and not rows.groups and not rows.books and not rows.segments
