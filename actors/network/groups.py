"""Security groups: the default one of each project, names to ids, and rules with their remote groups resolved. Pure.

Called by `plan.py` (boots), `administration.py` (ports) and `views.py` (firewalls).
"""

from __future__ import annotations

from ipaddress import ip_interface

from actors.errors import CallerError, bad_request, conflict
from actors.network.messages import FirewallRule
from actors.network.naming import DEFAULT_GROUP, default_group_id, default_rule_id
from actors.network.rows import Rows
from actors.records import Change, SecurityGroup, SecurityGroupRule


def default_group(rows: Rows, project_id: str) -> list[Change]:
    """The rows of a project's default group if it has none yet: everything out, in only from members. As Neutron."""
    group_id = default_group_id(project_id)
    if group_id in rows.groups:
        return []
    group = SecurityGroup(id=group_id, name=DEFAULT_GROUP, project_id=project_id, description="Default security group")
    return [group, *egress_rules(group), *(_rule(group, "ingress", family, group_id) for family in ("IPv4", "IPv6"))]


def egress_rules(group: SecurityGroup) -> list[SecurityGroupRule]:
    """What every new group starts with: its members may send anything."""
    return [_rule(group, "egress", family, "") for family in ("IPv4", "IPv6")]


def _rule(group: SecurityGroup, direction: str, ethertype: str, remote_group_id: str) -> SecurityGroupRule:
    return SecurityGroupRule(
        id=default_rule_id(group.id, direction, ethertype),
        security_group_id=group.id,
        project_id=group.project_id,
        direction=direction,
        ethertype=ethertype,
        remote_group_id=remote_group_id,
    )


def only_named(names: tuple[str, ...]) -> tuple[str, ...]:
    """What was asked for beyond the default group that a port gets anyway (Nova puts `default` into every request)."""
    return () if set(names) == {DEFAULT_GROUP} else names


def resolve(rows: Rows, project_id: str, names: tuple[str, ...], field: str) -> tuple[str, ...]:
    """Ids for names or ids of the project's groups; `CallerError` for unknown (400) and ambiguous (409) ones."""
    groups = rows.groups_of.get(project_id, {})
    ids: dict[str, None] = {}
    for index, name in enumerate(names):
        where = f"{field}[{index}]"
        named = [group.id for group in groups.values() if group.name == name]
        if name in groups:
            ids[name] = None
        elif name == DEFAULT_GROUP:
            ids[default_group_id(project_id)] = None
        elif len(named) > 1:
            raise CallerError(conflict(where, f"Multiple security groups are named {name!r}. Use an id instead."))
        elif not named:
            text = f"Security group {name!r} not found for project {project_id}."
            raise CallerError(bad_request(where, text, "SecurityGroupNotFound"))
        else:
            ids[named[0]] = None
    return tuple(ids)


class RuleResolver:
    """Rules of groups for firewalls; each remote group's members are looked up once in a call."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._members: dict[tuple[str, str], tuple[str, ...]] = {}
        self._rules: dict[tuple[str, ...], tuple[FirewallRule, ...]] = {}

    def rules_of(self, group_ids: tuple[str, ...]) -> tuple[FirewallRule, ...]:
        """Each rule once; ports with the same groups share one tuple, which may hold thousands of addresses."""
        if group_ids not in self._rules:
            rules = [rule for group_id in group_ids for rule in self._resolve(group_id)]
            self._rules[group_ids] = tuple(dict.fromkeys(rules))
        return self._rules[group_ids]

    def _resolve(self, group_id: str) -> list[FirewallRule]:
        resolved: list[FirewallRule] = []
        for rule in self._rows.rules_of.get(group_id, {}).values():
            prefixes: tuple[str, ...] = (network_of(rule),) if rule.remote_ip_prefix else ()
            if rule.remote_group_id:
                prefixes = self.addresses_of(rule.remote_group_id, rule.ethertype)
                if not prefixes:
                    continue  # a group without members lets nobody pass, and () would mean anybody
            resolved.append(
                FirewallRule(
                    direction=rule.direction,
                    ethertype=rule.ethertype,
                    protocol=rule.protocol,
                    port_min=rule.port_min,
                    port_max=rule.port_max,
                    remote_prefixes=prefixes,
                )
            )
        return resolved

    def addresses_of(self, group_id: str, ethertype: str) -> tuple[str, ...]:
        """Fixed addresses and allowed pairs of a group's members."""
        key = group_id, ethertype
        if key not in self._members:
            found: dict[str, None] = {}
            for port_id in self._rows.members_of.get(group_id, {}):
                port = self._rows.ports[port_id]
                addresses = [ip.ip_address for ip in port.fixed_ips]
                addresses += [pair.ip_address for pair in port.allowed_address_pairs]
                found.update((address, None) for address in addresses if (":" in address) == (ethertype == "IPv6"))
            self._members[key] = tuple(found)
        return self._members[key]


def network_of(rule: SecurityGroupRule) -> str:
    """The prefix that the rule means; '' for anybody, or a group."""
    return str(ip_interface(rule.remote_ip_prefix).network) if rule.remote_ip_prefix else ""
