"""Bodies of requests to Network v2.0. What is not a field of this cloud is refused; the room judges the values.

A field that is left out stays as it is (PUT), or is the room's to choose (POST). Numbers and booleans may be text.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from actors.api.rest.bodies import Strict

BULK_LIMIT = 1_000  # rows of one request
ITEMS_LIMIT = 100  # of a list inside a row; the room has its own, lower ones

Text = Annotated[str, StringConstraints(max_length=255)]
Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Body(Strict):
    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    def given(self, *leave_out: str) -> dict[str, Any]:
        """The fields that the caller wrote, by their names here; nothing written is nothing said."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in leave_out}


class Owned(Body):
    project_id: Text = ""
    tenant_id: Text = ""

    @property
    def owner(self) -> str:
        return self.project_id or self.tenant_id


# ---------------------------------------------------------------- networks


class NetworkEdit(Body):
    name: Text = ""
    description: Text = ""
    admin_state_up: bool = True
    shared: bool = False
    port_security_enabled: bool = True
    mtu: Number = 0
    external: Annotated[bool, Field(alias="router:external")] = False
    dns_domain: Text = ""


class NetworkNew(NetworkEdit, Owned):
    network_type: Annotated[Text | None, Field(alias="provider:network_type")] = None
    physical_network: Annotated[Text | None, Field(alias="provider:physical_network")] = None
    segmentation_id: Annotated[Number | None, Field(alias="provider:segmentation_id")] = None
    availability_zone_hints: Annotated[list[Text], Field(max_length=ITEMS_LIMIT, default_factory=list)]
    is_default: Literal[False, None] = None


class NewNetworks(Body):
    network: NetworkNew | None = None
    networks: Annotated[list[NetworkNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class EditedNetwork(Body):
    network: NetworkEdit


# ---------------------------------------------------------------- subnets


class Pool(Body):
    start: Text
    end: Text


class Route(Body):
    destination: Text
    nexthop: Text


Ipv6Mode = Literal["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]


class SubnetEdit(Body):
    name: Text = ""
    description: Text = ""
    gateway_ip: Text | None = None
    allocation_pools: Annotated[list[Pool], Field(max_length=ITEMS_LIMIT)] | None = None
    dns_nameservers: Annotated[list[Text], Field(max_length=ITEMS_LIMIT)] | None = None
    host_routes: Annotated[list[Route], Field(max_length=ITEMS_LIMIT)] | None = None
    enable_dhcp: bool = True


class SubnetNew(SubnetEdit, Owned):
    network_id: Text
    cidr: Text | None = None
    ip_version: Literal[4, 6, "4", "6"] = 4
    subnetpool_id: Text | None = None
    use_default_subnetpool: bool = False
    prefixlen: Number | None = None
    ipv6_ra_mode: Ipv6Mode | None = None
    ipv6_address_mode: Ipv6Mode | None = None


class NewSubnets(Body):
    subnet: SubnetNew | None = None
    subnets: Annotated[list[SubnetNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class EditedSubnet(Body):
    subnet: SubnetEdit


class SubnetPoolEdit(Body):
    name: Text = ""
    description: Text = ""
    prefixes: Annotated[list[Text], Field(max_length=ITEMS_LIMIT, default_factory=list)]
    default_prefixlen: Number | None = None
    min_prefixlen: Number | None = None
    max_prefixlen: Number | None = None
    is_default: bool = False
    default_quota: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    address_scope_id: None = None


class SubnetPoolNew(SubnetPoolEdit, Owned):
    shared: bool = False


class NewSubnetPool(Body):
    subnetpool: SubnetPoolNew


class EditedSubnetPool(Body):
    subnetpool: SubnetPoolEdit


# ---------------------------------------------------------------- ports


class FixedIp(Body):
    subnet_id: Text | None = None
    ip_address: Text | None = None


class AddressPair(Body):
    ip_address: Text
    mac_address: Text | None = None


class PortEdit(Body):
    name: Text = ""
    description: Text = ""
    admin_state_up: bool = True
    mac_address: Text | None = None
    fixed_ips: Annotated[list[FixedIp], Field(max_length=ITEMS_LIMIT)] | None = None
    security_groups: Annotated[list[Text], Field(max_length=ITEMS_LIMIT)] | None = None
    allowed_address_pairs: Annotated[list[AddressPair], Field(max_length=ITEMS_LIMIT)] | None = None
    port_security_enabled: bool | None = None
    device_id: Text | None = None
    device_owner: Text | None = None
    dns_name: Text | None = None
    vnic_type: Annotated[Text, Field(alias="binding:vnic_type")] = "normal"
    profile: Annotated[dict[Text, Text] | None, Field(alias="binding:profile", max_length=ITEMS_LIMIT)] = None
    host: Annotated[Text | None, Field(alias="binding:host_id")] = None  # booting with a port binds it anew


class PortNew(PortEdit, Owned):
    network_id: Text


class NewPorts(Body):
    port: PortNew | None = None
    ports: Annotated[list[PortNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class EditedPort(Body):
    port: PortEdit


# ---------------------------------------------------------------- routers and floating IPs


class Gateway(Body):
    network_id: Text | None = None
    enable_snat: bool | None = None
    external_fixed_ips: Annotated[list[FixedIp], Field(max_length=ITEMS_LIMIT)] | None = None


class RouterEdit(Body):
    name: Text = ""
    description: Text = ""
    admin_state_up: bool = True
    external_gateway_info: Gateway | None = None


class RouterNew(RouterEdit, Owned):
    availability_zone_hints: Annotated[list[Text], Field(max_length=ITEMS_LIMIT, default_factory=list)]


class NewRouters(Body):
    router: RouterNew | None = None
    routers: Annotated[list[RouterNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class Routed(Body):
    routes: Annotated[list[Route], Field(max_length=ITEMS_LIMIT)] | None = None


class RoutedEdit(RouterEdit, Routed):
    pass


class EditedRouter(Body):
    router: RoutedEdit


class EditedRoutes(Body):
    router: Routed


class InterfaceWanted(Body):
    subnet_id: Text | None = None
    port_id: Text | None = None


class FloatingIpEdit(Body):
    description: Text = ""
    port_id: Text | None = None
    fixed_ip_address: Text | None = None


class FloatingIpNew(FloatingIpEdit, Owned):
    floating_network_id: Text
    floating_ip_address: Text | None = None
    subnet_id: Text | None = None
    dns_name: Literal[""] = ""
    dns_domain: Literal[""] = ""


class NewFloatingIps(Body):
    floatingip: FloatingIpNew | None = None
    floatingips: Annotated[list[FloatingIpNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class EditedFloatingIp(Body):
    floatingip: FloatingIpEdit


# ---------------------------------------------------------------- security groups


class GroupEdit(Body):
    name: Text = ""
    description: Text = ""
    stateful: Literal[True] = True


class GroupNew(GroupEdit, Owned):
    name: Text


class NewGroups(Body):
    security_group: GroupNew | None = None
    security_groups: Annotated[list[GroupNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


class EditedGroup(Body):
    security_group: GroupEdit


class RuleNew(Owned):
    security_group_id: Text
    direction: Text
    ethertype: Text | None = None
    protocol: Text | Annotated[int, Field(ge=-1, le=255)] | None = None
    port_range_min: Number | None = None
    port_range_max: Number | None = None
    remote_ip_prefix: Text | None = None
    remote_group_id: Text | None = None
    remote_address_group_id: None = None
    description: Text = ""


class NewRules(Body):
    security_group_rule: RuleNew | None = None
    security_group_rules: Annotated[list[RuleNew], Field(min_length=1, max_length=BULK_LIMIT)] | None = None


# ---------------------------------------------------------------- tags and quotas


class Tags(Body):
    tags: Annotated[list[str], Field(max_length=ITEMS_LIMIT)]


class Quota(Body):
    network: Number | None = None
    subnet: Number | None = None
    subnetpool: Number | None = None
    port: Number | None = None
    router: Number | None = None
    floatingip: Number | None = None
    security_group: Number | None = None
    security_group_rule: Number | None = None
    check_limit: bool = False
    force: bool = False
    project_id: Text | None = None
    tenant_id: Text | None = None


class EditedQuota(Body):
    quota: Quota
