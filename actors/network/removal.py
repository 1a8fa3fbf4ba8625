"""Finding a row as its caller may see it, and what deleting it takes away. Pure.

Called by `administration.py`; a refusal is raised as a `CallerError`. What a caller may not see is a 404.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors.errors import CallerError, conflict, not_found
from actors.messages import AuthContext
from actors.network import access, floating_ips
from actors.network.messages import Reference
from actors.network.naming import COMPUTE_OWNER, DEFAULT_GROUP, DHCP_OWNER, FLOATING_OWNER, NETWORK_OWNER
from actors.network.plan import is_by_mac
from actors.network.rows import Rows
from actors.records import Change, Network, Port, Record, SecurityGroup, SecurityGroupRule, Subnet, SubnetPool, drop

REMOVE_DEFAULT = "SecurityGroupCannotRemoveDefault"

# ---------------------------------------------------------------- find


def network(rows: Rows, reference: Reference, context: AuthContext) -> Network:
    found = rows.networks.get(reference.id)
    if found is None or not access.sees_network(context, found):
        raise _missing("Network", reference)
    return found


def subnet(rows: Rows, reference: Reference, context: AuthContext) -> Subnet:
    found = rows.subnets.get(reference.id)
    if found is None or not access.uses_network(context, rows.networks[found.network_id]):
        raise _missing("Subnet", reference)
    return found


def port(rows: Rows, reference: Reference, context: AuthContext) -> Port:
    found = rows.ports.get(reference.id)
    if found is None or not access.owns(context, found):
        raise _missing("Port", reference)
    return found


def group(rows: Rows, reference: Reference, context: AuthContext) -> SecurityGroup:
    found = rows.groups.get(reference.id)
    if found is None or not access.owns(context, found):
        raise _missing("Security group", reference)
    return found


def rule(rows: Rows, reference: Reference, context: AuthContext) -> SecurityGroupRule:
    found = rows.rules.get(reference.id)
    if found is None or not access.owns(context, found):
        raise _missing("Security group rule", reference)
    return found


def pool(rows: Rows, reference: Reference, context: AuthContext) -> SubnetPool:
    found = rows.pools.get(reference.id)
    if found is None or not (found.shared or access.owns(context, found)):
        raise _missing("Subnet pool", reference)
    return found


def _missing(noun: str, reference: Reference) -> CallerError:
    kind = "".join(word.capitalize() for word in noun.split()) + "NotFound"
    return CallerError(not_found("id", f"{noun} {reference.id} could not be found.", kind))


# ---------------------------------------------------------------- delete


def without_network(rows: Rows, found: Network, context: AuthContext) -> list[Change]:
    """With its subnets and the floating IPs that lead nowhere; refused while any other port but DHCP's is there."""
    access.check_owner(context, found, "network")
    ports = rows.ports_of.get(found.id, {}).values()
    idle = [one for one in rows.floating_ips.values() if one.network_id == found.id and not one.port_id]
    floating = {one.id for one in idle}
    held = [port for port in ports if port.device_owner == FLOATING_OWNER and port.device_id in floating]
    _check_unused("network", found.id, [port for port in ports if port not in held])
    served = rows.dhcp_port(found.id)
    gone: list[Record] = [
        *idle,
        *held,
        *([served] if served else []),
        *rows.subnets_of.get(found.id, {}).values(),
        found,
    ]
    return [drop(row) for row in gone]


def without_subnet(rows: Rows, found: Subnet, context: AuthContext) -> list[Change]:
    """Refused while a port other than DHCP's has an address in it.

    Addresses that are made of MACs go with it, as in Neutron, but for those of servers, which live with theirs.
    """
    access.check_owner(context, found, "subnet")
    ports = rows.ports_of.get(found.network_id, {}).values()
    there = [port for port in ports if any(ip.subnet_id == found.id for ip in port.fixed_ips)]
    freed = [port for port in there if is_by_mac(found) and not port.device_owner]
    _check_unused("subnet", found.id, [port for port in there if port not in freed])
    without = [tuple(ip for ip in port.fixed_ips if ip.subnet_id != found.id) for port in freed]
    return [*(replace(port, fixed_ips=left) for port, left in zip(freed, without, strict=True)), drop(found)]


def without_port(rows: Rows, found: Port, context: AuthContext) -> list[Change]:
    """Refused while an instance on a host, DHCP or a router uses it. A floating IP that leads to it leads nowhere then.
    A server that is on no host, as a shelved one, runs again without it."""
    if found.device_owner.startswith(COMPUTE_OWNER) and found.host:
        raise CallerError(conflict("id", f"Port {found.id} is in use by instance {found.device_id}.", "PortInUse"))
    if found.device_owner.startswith(NETWORK_OWNER):
        text = f"Port {found.id} cannot be deleted directly via the port API: has device owner {found.device_owner}."
        raise CallerError(conflict("id", text, "ServicePortInUse"))
    return [*floating_ips.freed_of(rows, found), drop(found)]


def without_group(rows: Rows, found: SecurityGroup, context: AuthContext) -> list[Change]:
    """With its rules, and those of other groups that let its members pass; refused while a port has it. As in Neutron,
    only an administrator takes away a project's default group, which is made again when the project next needs it."""
    if found.name == DEFAULT_GROUP and not context.is_admin:
        raise CallerError(conflict("id", "Insufficient rights for removing default security group.", REMOVE_DEFAULT))
    if rows.members_of.get(found.id):
        raise CallerError(conflict("id", f"Security Group {found.id} in use.", "SecurityGroupInUse"))
    rules = [rule for rule in rows.rules.values() if found.id in (rule.security_group_id, rule.remote_group_id)]
    return [*map(drop, rules), drop(found)]


def without_pool(rows: Rows, found: SubnetPool, context: AuthContext) -> list[Change]:
    """Refused while a subnet has its cidr from it."""
    access.check_owner(context, found, "subnet pool")
    if any(subnet.subnetpool_id == found.id for subnet in rows.subnets.values()):
        text = f"Subnet pool {found.id} could not be deleted: it has allocated subnets."
        raise CallerError(conflict("id", text, "SubnetPoolDeleteError"))
    return [drop(found)]


def without_rule(rows: Rows, found: SecurityGroupRule, context: AuthContext) -> list[Change]:
    return [drop(found)]


def _check_unused(noun: str, found_id: str, ports: list[Port]) -> None:
    users = [port.id for port in ports if port.device_owner != DHCP_OWNER]
    if users:
        text = (
            f"Unable to complete operation on {noun} {found_id}. There are one or more ports still in use on the {noun}"
            f", {len(users)} in all, such as {users[0]}."
        )
        raise CallerError(conflict("id", text, f"{noun.capitalize()}InUse"))
