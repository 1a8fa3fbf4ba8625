"""The durable rows of the cloud, as the rooms see them: one struct a table, keyed by `id`.

The conductor stores them (`actors/conductor/tables.py` mirrors each one, column by field); the room named beside a
struct is its one writer, holds the live copy in memory, loads it at start with `Ledger.load` and changes it only with
`Ledger.commit`, which returns when the change is on disk. Nested fields (tuples, dicts, structs) are JSON columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from actors.vifs import FixedIp as FixedIp
from actors.vifs import Vif

# ---------------------------------------------------------------- identity


class Domain(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Users, groups and projects have names of their own in each."""

    id: str
    name: str
    enabled: bool = True
    description: str = ""
    options: dict[str, Any] = {}  # as `identity.options` has them


class Project(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    domain_id: str = "default"
    enabled: bool = True
    description: str = ""
    parent_id: str = ""  # a project of the same domain; '' = the domain itself
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}  # fields of its owner's own


class User(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    password_hash: str
    domain_id: str = "default"
    default_project_id: str = ""
    enabled: bool = True
    description: str = ""
    email: str = ""
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class Group(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    domain_id: str = "default"
    description: str = ""
    user_ids: tuple[str, ...] = ()


class Role(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str  # admin, manager, member, reader, service, or an administrator's own
    description: str = ""
    options: dict[str, Any] = {}
    domain_id: str = ""  # '' = good everywhere; else it is given in that domain, and only what it implies counts


class ImpliedRole(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who has the one role has the other too."""

    id: str  # "<prior>:<implied>"
    prior_role_id: str
    implied_role_id: str


class RoleAssignment(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A role of a user or a group, in a project, in a domain, or in the system (all of the cloud)."""

    id: str  # "<role>:<user>:<project>", with "group=…", "domain=…" and "system" in their places; ":inherited" after it
    role_id: str
    user_id: str = ""
    project_id: str = ""
    group_id: str = ""
    domain_id: str = ""
    system: bool = False
    inherited: bool = False  # in all projects below that project or domain, and not there itself


class CatalogRegion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    description: str = ""
    parent_region_id: str = ""


class CatalogService(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    type: str
    name: str = ""
    description: str = ""
    enabled: bool = True


class CatalogEndpoint(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`url` may hold $(edge)s, where this cloud's own edge answers, $(project_id)s and $(user_id)s."""

    id: str
    service_id: str
    interface: str  # public, internal, admin
    url: str
    region_id: str = ""
    enabled: bool = True


class ApplicationCredential(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Lets a program act for a user in one project, with some of the user's roles."""

    id: str
    name: str
    user_id: str
    project_id: str
    secret_hash: str
    description: str = ""
    role_ids: tuple[str, ...] = ()
    unrestricted: bool = False  # may make and delete application credentials itself
    expires_at: float = 0.0  # 0 = never


class Credential(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is kept for a user and shown again: a pair of keys (ec2), the seed of one-time passwords, a certificate."""

    id: str
    user_id: str
    type: str
    sealed: str  # the blob, as `identity.sealing` has it
    project_id: str = ""


class Trust(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Lets one user act for another in a project, with some of the other's roles."""

    id: str
    trustor_user_id: str  # whose roles they are; of one that was passed on: who passed it on, or for whom
    trustee_user_id: str  # who acts
    impersonation: bool  # as the trustor, or else as itself
    project_id: str = ""
    role_ids: tuple[str, ...] = ()
    expires_at: float = 0.0  # 0 = never
    remaining_uses: int = -1  # tokens that it still gives; -1 = without end
    redelegation_count: int = 0  # how often it may be passed on
    redelegated_trust_id: str = ""  # the one that was passed on


class SigningKey(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A key pair that signs tokens; the newest signs, all verify."""

    id: str
    private_pem: str
    public_pem: str
    created_at: float


class RevokedToken(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str  # the token's jti
    expires_at: float


# ---------------------------------------------------------------- compute's own nouns


class Flavor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    ephemeral_gib: int = 0
    swap_mib: int = 0
    extra_specs: dict[str, str] = {}
    is_public: bool = True
    description: str = ""
    rxtx_factor: float = 1.0


class FlavorAccess(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A project that may use a flavor that is not public."""

    id: str  # "<flavor>:<project>"
    flavor_id: str
    project_id: str


class Keypair(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str  # "<user>:<name>"
    user_id: str
    name: str
    public_key: str
    type: str = "ssh"  # ssh, x509
    created_at: float = 0.0


class ServerGroup(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Servers that share hosts or keep apart. Who its members are, the instances say (their hint `group`)."""

    id: str
    name: str
    project_id: str
    user_id: str
    policy: str  # affinity, anti-affinity, soft-affinity, soft-anti-affinity
    max_server_per_host: int = 1  # members that anti-affinity allows on one host
    created_at: float = 0.0


class Instance(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One server. Written by the conductor alone; `order` is what compute needs to build it again."""

    id: str
    name: str
    project_id: str
    user_id: str
    vm_state: str
    task_state: str
    power_state: str
    flavor: Flavor
    order: bytes  # msgpack: with a template what it has of its own (conductor.orders.Own), else the whole BootSpec
    host: str = ""
    node: str = ""
    attempt: int = 0
    failed_hosts: tuple[str, ...] = ()
    request_id: str = ""
    idempotency_key: str = ""
    created_at: float = 0.0
    launched_at: float = 0.0
    deleted_at: float = 0.0
    fault: dict[str, Any] = {}  # messages.BootFault as builtins; {} = none
    addresses: tuple[Vif, ...] = ()  # in the order of its interfaces
    root_device: str = ""
    deleting: bool = False
    locked_by: str = ""  # owner, admin; '' = it is not locked
    locked_reason: str = ""
    updated_at: float = 0.0
    interfaces_added: int = 0  # since it was booted: no two have the same place
    availability_zone: str = ""  # that of its host
    template: str = ""  # an OrderTemplate's id; '' = `order` is whole


class OrderTemplate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What many instances were ordered with. Never changed: its id is made of its content."""

    id: str
    spec: bytes  # msgpack of messages.BootSpec, without what each instance has of its own


class InstanceActionEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A part of an action, done by one host."""

    event: str  # compute_stop_instance …
    started_at: float
    finished_at: float = 0.0
    result: str = ""  # Success, Error
    host: str = ""
    traceback: str = ""


class InstanceAction(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that a user had done to a server. Written by the conductor; `act` is kept until it is finished."""

    id: str
    instance_id: str
    project_id: str
    user_id: str
    request_id: str
    name: str  # as Nova's instance actions name it
    started_at: float
    updated_at: float = 0.0
    finished_at: float = 0.0  # 0 = it is being done
    message: str = ""  # why it failed; '' = it did not
    act: dict[str, Any] = {}  # acts.AnyAct as builtins, with its secrets; {} once it is finished
    events: tuple[InstanceActionEvent, ...] = ()


class Move(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A server's resize, cold migration or evacuation [Nova: a migration]; written in one commit with its server."""

    id: str
    number: int  # what clients call its id
    instance_id: str
    project_id: str
    user_id: str  # who asked for it
    kind: str  # resize, migration, evacuation
    status: str  # as Nova names them: migrating, finished, confirmed …
    source_host: str
    source_node: str
    target_host: str = ""  # '' = none is known yet
    target_node: str = ""
    old_flavor: str = ""  # their ids
    new_flavor: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0


class Story(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An instance's timeline: a whole `conductor.timeline.Timeline` as msgpack, written again as it grows."""

    id: str  # the instance's id
    lines: bytes


class ComputeNode(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A worker node's compute service. A compute actor with an older epoch than this may not act (fencing)."""

    id: str  # the node's name
    epoch: int
    hosts: tuple[str, ...] = ()
    enabled: bool = True  # False: no new machines are placed here [Nova: a disabled compute service]
    disabled_reason: str = ""
    forced_down: bool = False  # an administrator says that it is down, whatever its heartbeats say
    gone: bool = False  # it left the cluster; nobody acts for it until a compute actor says hello again


class Aggregate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Hosts grouped by an administrator while the cloud runs. Its key `availability_zone` makes it a zone."""

    id: str
    number: int  # what clients call its id
    name: str
    hosts: tuple[str, ...] = ()
    properties: dict[str, str] = {}
    created_at: float = 0.0
    updated_at: float = 0.0


class ComputeQuota(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a project's limits of servers and what belongs to them differ from the cloud's, or the cloud's own."""

    id: str  # the project's, or `conductor.quotas.DEFAULT`
    limits: dict[str, int]  # as `conductor.quotas.LIMITS` names them; -1 = none


class Notification(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A versioned notification; `sequence` grows by one each and orders them."""

    id: str  # the sequence in twelve digits, so that ids are in the same order
    sequence: int
    event_type: str  # instance.create.start / .end / .error, instance.delete.start / .end
    instance_id: str
    project_id: str
    at: float
    payload: dict[str, Any]


# ---------------------------------------------------------------- compute API: Placement's providers that are no hosts


class Inventory(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How much a resource provider has of one resource class, and in which portions it is given."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = 2**31 - 1
    step_size: int = 1
    allocation_ratio: float = 1.0


class ResourceProvider(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One that somebody made; no host of this cloud is one. `generation` grows with each change of what it has."""

    id: str
    name: str
    parent_id: str = ""  # such a provider or a host of this cloud; '' = it is a root
    generation: int = 0
    inventories: dict[str, Inventory] = {}  # by resource class
    traits: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()  # ids, as their users made them up


class PlacementName(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A trait or a resource class that is not one of OpenStack's own."""

    id: str  # "<kind>:<name>"
    kind: str  # trait, class
    name: str  # CUSTOM_…


class Consumer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who holds something of such providers; one that holds nothing has no row."""

    id: str
    project_id: str
    user_id: str
    generation: int
    type: str = ""  # INSTANCE, or what its user says; '' = unknown
    allocations: dict[str, dict[str, int]] = {}  # provider's id → resource class → amount


# ---------------------------------------------------------------- image


class Image(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    project_id: str
    status: str  # as `actors/image/states.py` has them
    visibility: str  # public, private, shared, community
    disk_format: str  # raw, qcow2, vmdk, vdi, vhdx, iso; '' = not said yet
    container_format: str = "bare"
    size: int = 0  # bytes of data
    virtual_size: int = 0  # bytes of the disk that it describes
    checksum: str = ""  # md5 hex
    os_hash_algo: str = "sha512"
    os_hash_value: str = ""
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    properties: dict[str, str] = {}
    protected: bool = False  # nobody can delete it
    os_hidden: bool = False  # left out of lists, unless asked for
    tags: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0


class DeletedImage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An image had this id, and may have disks, orders and scripts that name it: no other ever has it."""

    id: str
    deleted_at: float


class ImageMember(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A project that a shared image was offered to."""

    id: str  # "<image>:<project>"
    image_id: str
    project_id: str
    status: str  # pending, accepted, rejected
    created_at: float = 0.0
    updated_at: float = 0.0


class MetadefAssociation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A kind of resource that a namespace's properties are for."""

    name: str  # OS::Nova::Flavor
    prefix: str = ""  # what stands before a property's name there
    properties_target: str = ""  # image, scheduler_hints; where a resource has several sets of properties
    created_at: float = 0.0


class MetadefObject(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Properties that belong together."""

    name: str
    description: str = ""
    required: tuple[str, ...] = ()  # names of properties
    properties: dict[str, dict[str, Any]] = {}  # by name, as `image.metadefs.forms` reads them
    created_at: float = 0.0
    updated_at: float = 0.0


class MetadefTag(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    name: str
    created_at: float = 0.0
    updated_at: float = 0.0


class MetadefNamespace(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Definitions of metadata that belong together; the image room's. Its parts are in the order of their making."""

    id: str
    namespace: str  # no two have the same
    project_id: str
    display_name: str = ""
    description: str = ""
    visibility: str = "private"  # or public
    protected: bool = False  # nobody can delete it, nor a part of it
    associations: tuple[MetadefAssociation, ...] = ()
    properties: dict[str, dict[str, Any]] = {}
    objects: tuple[MetadefObject, ...] = ()
    tags: tuple[MetadefTag, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0


class MetadefResourceType(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A kind of resource that a namespace was made for once; it stays when none is any more."""

    id: str  # its name
    created_at: float = 0.0


# ---------------------------------------------------------------- network


class Network(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    project_id: str
    network_type: str  # flat, vlan, vxlan
    segmentation_id: int = 0
    physical_network: str = ""
    mtu: int = 1450
    shared: bool = False
    admin_state_up: bool = True
    port_security_enabled: bool = True
    dhcp_host: str = ""  # the host whose agent serves DHCP
    external: bool = False  # routers may have their gateways in it, and floating IPs are its addresses
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0  # grows by one with each change of the row; set by the room where it stages the row
    zone_hints: tuple[str, ...] = ()  # zones that it was asked to be served in
    dns_domain: str = ""  # what it is called by in names outside; shown alone


class Subnet(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    network_id: str
    project_id: str
    cidr: str
    gateway_ip: str = ""  # '' = none
    pools: tuple[tuple[str, str], ...] = ()  # (first, last), inclusive
    dns_servers: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)
    enable_dhcp: bool = True
    subnetpool_id: str = ""  # the pool that its cidr came from
    ipv6_ra_mode: str = ""  # slaac, dhcpv6-stateful, dhcpv6-stateless; '' = nothing here announces the prefix
    ipv6_address_mode: str = ""  # the same words; '' = guests are not told their addresses by the network
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0


class AddressPair(msgspec.Struct, frozen=True, gc=False):
    ip_address: str
    mac_address: str = ""


class Port(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    network_id: str
    project_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...] = ()
    name: str = ""
    device_id: str = ""
    device_owner: str = ""  # compute:<zone>, network:dhcp, network:router_interface …; '' = nobody
    host: str = ""  # binding:host_id
    status: str = "DOWN"  # DOWN, BUILD, ACTIVE
    admin_state_up: bool = True
    security_groups: tuple[str, ...] = ()  # ids
    port_security_enabled: bool = True
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    vnic_type: str = "normal"
    profile: dict[str, str] = {}  # binding:profile (pci_slot, physical_network …)
    dns_name: str = ""
    made_for: str = ""  # the instance whose boot created it; '' = a user's own port
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0


class Router(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Forwards IPv4 between the subnets that it has interfaces in, and through its gateway to an external network.

    Its interfaces and its gateway are ports with its id as their `device_id`.
    """

    id: str
    name: str
    project_id: str
    admin_state_up: bool = True
    host: str = ""  # the node whose agent runs it; '' = none, since it has no port
    external_network_id: str = ""  # that its gateway is in; '' = it has none
    enable_snat: bool = True  # whether senders without a floating IP leave with the gateway's address
    routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0
    zone_hints: tuple[str, ...] = ()


class FloatingIp(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An address of an external network that its project may have lead to one of its ports."""

    id: str
    project_id: str
    network_id: str  # the external one
    address: str
    port_id: str = ""  # where it leads to; '' = nowhere
    fixed_ip: str = ""  # of that port
    router_id: str = ""  # that does it
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0


class SubnetPool(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Prefixes from which subnets get cidrs of their own, none of them twice."""

    id: str
    name: str
    project_id: str
    prefixes: tuple[str, ...]
    default_prefixlen: int
    min_prefixlen: int
    max_prefixlen: int
    shared: bool = False
    is_default: bool = False
    created_at: float = 0.0
    description: str = ""
    tags: tuple[str, ...] = ()
    updated_at: float = 0.0
    revision: int = 0
    default_quota: int = -1  # of one project: addresses of IPv4, /64s of IPv6; -1 = any number


class NetworkQuota(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an administrator allows a project; what is not named is as the cloud has it."""

    id: str  # the project
    limits: dict[str, int] = {}  # network, subnet, port, ... -> rows; -1 = no limit


class SecurityGroup(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    project_id: str
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0
    revision: int = 0


class SecurityGroupRule(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    security_group_id: str
    project_id: str
    direction: str  # ingress, egress
    ethertype: str = "IPv4"
    protocol: str = ""  # '', tcp, udp, icmp, or a number
    port_min: int = -1  # -1 = any; for icmp the type
    port_max: int = -1  # for icmp the code
    remote_ip_prefix: str = ""
    remote_group_id: str = ""
    description: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    revision: int = 0


class NetworkAgent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A host's network agent, as it last announced itself."""

    id: str  # the host
    underlay_ip: str = ""  # its VXLAN endpoint; '' = it has none
    physical_networks: tuple[str, ...] = ()  # that its node has devices for
    started_at: float = 0.0


# ---------------------------------------------------------------- volume


class Volume(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    project_id: str
    size_gib: int
    status: str  # as `actors/volume/states.py` has them
    bootable: bool = False
    image_id: str = ""
    snapshot_id: str = ""
    host: str = ""  # the volume backend's host
    made_for: str = ""  # the instance whose boot created it
    delete_on_termination: bool = False
    user_id: str = ""
    description: str = ""
    user_metadata: dict[str, str] = {}
    image_metadata: dict[str, str] = {}  # of the image that it was made of
    volume_type: str = ""  # id; '' = the default type
    availability_zone: str = "nova"
    source_volume_id: str = ""  # it began as a copy of that volume
    readonly: bool = False
    readonly_told: bool = False  # its owner has said so, or that it is not
    created_at: float = 0.0
    updated_at: float = 0.0


class VolumeSnapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    project_id: str
    volume_id: str
    size_gib: int
    status: str  # creating, available, deleting, error
    progress: str = ""  # as a user's tool has told it: '80%'
    user_id: str = ""
    description: str = ""
    user_metadata: dict[str, str] = {}
    created_at: float = 0.0
    updated_at: float = 0.0


class VolumeAttachment(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str  # "<volume>:<instance>"
    volume_id: str
    instance_id: str
    host: str
    attempt: int = 0
    device: str = ""
    of_server: bool = True  # a boot or a server holds it; False: whoever uses the attachments API
    attach_status: str = "attached"  # reserved, attaching, attached
    mode: str = "rw"  # rw, ro
    connector: dict[str, Any] = {}  # what the API's user said of its host
    attached_at: float = 0.0


class TypeEncryption(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    provider: str
    control_location: str  # front-end, back-end
    cipher: str = ""
    key_size: int = 0  # bits; 0 = not said
    created_at: float = 0.0
    updated_at: float = 0.0  # 0 = as it was made


class VolumeType(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    name: str
    description: str = ""
    is_public: bool = True
    extra_specs: dict[str, str] = {}
    projects: tuple[str, ...] = ()  # that may use one that is not public
    encryption: tuple[TypeEncryption, ...] = ()  # none, or the one that volumes of the type would need
    qos_id: str = ""  # of its QoS specs
    created_at: float = 0.0
    updated_at: float = 0.0


class QosSpecs(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What volumes of the types that are associated with it should be held to."""

    id: str
    name: str
    consumer: str  # front-end, back-end, both
    specs: dict[str, str] = {}
    created_at: float = 0.0


class VolumeTransfer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An offer of a volume to whoever has its key, of which only a hash is kept."""

    id: str
    volume_id: str
    name: str
    project_id: str  # that offers it
    salt: str
    key_hash: str
    no_snapshots: bool = False  # they stay where they are
    created_at: float = 0.0


class VolumeService(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an administrator has said of a host of volumes; of one that has no row nothing is said."""

    id: str  # the host
    disabled: bool = False
    disabled_reason: str = ""


class VolumeMessage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What went wrong with a volume, told to its project."""

    id: str
    project_id: str
    volume_id: str
    event: str  # as `actors/volume/user_messages.py` has them
    request_id: str = ""
    created_at: float = 0.0


class VolumeQuota(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a project's limits differ from the cloud's own."""

    id: str  # the project's
    limits: dict[str, int]  # volumes, snapshots, gigabytes, per_volume_gigabytes; -1 = none


Record = (
    Domain
    | Project
    | User
    | Group
    | Role
    | ImpliedRole
    | RoleAssignment
    | CatalogRegion
    | CatalogService
    | CatalogEndpoint
    | ApplicationCredential
    | Credential
    | Trust
    | SigningKey
    | RevokedToken
    | Flavor
    | FlavorAccess
    | Keypair
    | ServerGroup
    | Instance
    | OrderTemplate
    | InstanceAction
    | Move
    | Story
    | ComputeNode
    | Aggregate
    | ComputeQuota
    | Notification
    | ResourceProvider
    | PlacementName
    | Consumer
    | Image
    | DeletedImage
    | ImageMember
    | MetadefNamespace
    | MetadefResourceType
    | Network
    | Subnet
    | Port
    | Router
    | FloatingIp
    | SubnetPool
    | NetworkQuota
    | SecurityGroup
    | SecurityGroupRule
    | NetworkAgent
    | Volume
    | VolumeSnapshot
    | VolumeAttachment
    | VolumeType
    | QosSpecs
    | VolumeTransfer
    | VolumeService
    | VolumeMessage
    | VolumeQuota
)

RECORD_TYPES: tuple[type[Record], ...] = Record.__args__
Kind = TypeVar("Kind", bound=Record)


class Drop(msgspec.Struct, frozen=True, gc=False):
    """Deletes one row; deleting what is not there changes nothing."""

    kind: str  # the record type's name
    id: str


Change = Record | Drop


def drop(record: Record) -> Drop:
    return Drop(type(record).__name__, record.id)


def drop_of(kind: type[Record], row_id: str) -> Drop:
    return Drop(kind.__name__, row_id)


class Ledger(Protocol):
    """Where a room keeps its rows: the conductor, or a dictionary in a test."""

    async def load(self, kind: type[Kind]) -> list[Kind]:
        """Every row of a table."""

    async def commit(self, changes: list[Change]) -> None:
        """Write rows (insert or replace) and drops, in order, all or none; returns when durable."""


class Archive(Ledger, Protocol):
    """Where the conductor itself keeps all rows: some kinds are only ever added to."""

    async def newest(self, kind: type[Kind], order: str, limit: int) -> list[Kind]:
        """At most `limit` rows, those with the highest `order`, which is a field; in no particular order."""

    async def load_where(self, kind: type[Kind], column: str, values: Sequence[str | int | float]) -> list[Kind]:
        """The rows whose `column`, a field, holds one of `values`, in no particular order."""

    async def columns(self, kind: type[Kind], names: Sequence[str], order: str, limit: int) -> list[tuple[Any, ...]]:
        """These fields of what `newest` gives, highest first: where a row is big and little of it is wanted."""

    async def between(
        self, kind: type[Kind], names: Sequence[str], order: str, bounds: tuple[float, float], limit: int
    ) -> list[tuple[Any, ...]]:
        """These fields of at most `limit` rows whose `order`, a number, is above the first bound and below the second;
        lowest first.
        """

    async def distinct(self, kind: type[Kind], column: str) -> set[str]:
        """What there is in a field of text."""
