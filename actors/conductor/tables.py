"""The tables of the cloud's database: each mirrors one struct of `actors/records.py`, column by field.

Owns the schema that the migrations must build (`migrations/versions/`); the store alone reads and writes it. Whole
numbers are 64 bits wide everywhere, nested fields are JSON. Indexed is what rows are looked for by; whatever a room
holds in memory needs no index. There are no foreign keys: each room has the one copy that decides and checks there.
"""

from __future__ import annotations

from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, Table, inspect
from sqlmodel import Field, SQLModel

from actors import records

Key = Annotated[str, Field(primary_key=True)]
Indexed = Annotated[str, Field(index=True)]
Whole = Annotated[int, Field(sa_type=BigInteger)]
Nested = Annotated[Any, Field(sa_type=JSON)]


class WriterRow(SQLModel, table=True):
    """Which conductor writes, of which cloud: `one_writer.py`, `ownership.py`. It alone mirrors no record."""

    __tablename__ = "writer"
    id: Annotated[int, Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})]
    life: Whole
    cloud: str
    place: str
    seen: Whole


class DomainRow(SQLModel, table=True):
    __tablename__ = "domains"
    id: Key
    name: str
    enabled: bool
    description: str
    options: Nested


class ProjectRow(SQLModel, table=True):
    __tablename__ = "projects"
    id: Key
    name: str
    domain_id: str
    enabled: bool
    description: str
    parent_id: str
    tags: Nested
    options: Nested
    extra: Nested


class UserRow(SQLModel, table=True):
    __tablename__ = "users"
    id: Key
    name: str
    password_hash: str
    domain_id: str
    default_project_id: str
    enabled: bool
    description: str
    email: str
    options: Nested
    extra: Nested


class GroupRow(SQLModel, table=True):
    __tablename__ = "user_groups"
    id: Key
    name: str
    domain_id: str
    description: str
    user_ids: Nested


class RoleRow(SQLModel, table=True):
    __tablename__ = "roles"
    id: Key
    name: str
    description: str
    options: Nested
    domain_id: str


class ImpliedRoleRow(SQLModel, table=True):
    __tablename__ = "implied_roles"
    id: Key
    prior_role_id: str
    implied_role_id: str


class RoleAssignmentRow(SQLModel, table=True):
    __tablename__ = "role_assignments"
    id: Key
    role_id: str
    user_id: str
    project_id: str
    group_id: str
    domain_id: str
    system: bool
    inherited: bool


class CatalogRegionRow(SQLModel, table=True):
    __tablename__ = "catalog_regions"
    id: Key
    description: str
    parent_region_id: str


class CatalogServiceRow(SQLModel, table=True):
    __tablename__ = "catalog_services"
    id: Key
    type: str
    name: str
    description: str
    enabled: bool


class CatalogEndpointRow(SQLModel, table=True):
    __tablename__ = "catalog_endpoints"
    id: Key
    service_id: str
    interface: str
    url: str
    region_id: str
    enabled: bool


class ApplicationCredentialRow(SQLModel, table=True):
    __tablename__ = "application_credentials"
    id: Key
    name: str
    user_id: str
    project_id: str
    secret_hash: str
    description: str
    role_ids: Nested
    unrestricted: bool
    expires_at: float


class CredentialRow(SQLModel, table=True):
    __tablename__ = "credentials"
    id: Key
    user_id: str
    type: str
    sealed: str
    project_id: str


class TrustRow(SQLModel, table=True):
    __tablename__ = "trusts"
    id: Key
    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str
    role_ids: Nested
    expires_at: float
    remaining_uses: Whole
    redelegation_count: Whole
    redelegated_trust_id: str


class SigningKeyRow(SQLModel, table=True):
    __tablename__ = "signing_keys"
    id: Key
    private_pem: str
    public_pem: str
    created_at: float


class RevokedTokenRow(SQLModel, table=True):
    __tablename__ = "revoked_tokens"
    id: Key
    expires_at: float


class FlavorRow(SQLModel, table=True):
    __tablename__ = "flavors"
    id: Key
    name: str
    vcpus: Whole
    ram_mib: Whole
    disk_gib: Whole
    ephemeral_gib: Whole
    swap_mib: Whole
    extra_specs: Nested
    is_public: bool
    description: str
    rxtx_factor: float


class FlavorAccessRow(SQLModel, table=True):
    __tablename__ = "flavor_accesses"
    id: Key
    flavor_id: str
    project_id: str


class KeypairRow(SQLModel, table=True):
    __tablename__ = "keypairs"
    id: Key
    user_id: str
    name: str
    public_key: str
    type: str
    created_at: float


class ServerGroupRow(SQLModel, table=True):
    __tablename__ = "server_groups"
    id: Key
    name: str
    project_id: str
    user_id: str
    policy: str
    max_server_per_host: Whole
    created_at: float


class InstanceRow(SQLModel, table=True):
    __tablename__ = "instances"
    id: Key
    name: str
    project_id: Indexed
    user_id: str
    vm_state: str
    task_state: str
    power_state: str
    flavor: Nested
    order: bytes
    host: str
    node: str
    attempt: Whole
    failed_hosts: Nested
    request_id: str
    idempotency_key: str
    created_at: float
    launched_at: float
    deleted_at: float
    fault: Nested
    addresses: Nested
    root_device: str
    deleting: bool
    locked_by: str
    locked_reason: str
    updated_at: float
    interfaces_added: Whole
    availability_zone: str
    template: str


class OrderTemplateRow(SQLModel, table=True):
    __tablename__ = "order_templates"
    id: Key
    spec: bytes


class InstanceActionRow(SQLModel, table=True):
    __tablename__ = "instance_actions"
    id: Key
    instance_id: Indexed
    project_id: str
    user_id: str
    request_id: str
    name: str
    started_at: float
    updated_at: float
    finished_at: float
    message: str
    act: Nested
    events: Nested


class MoveRow(SQLModel, table=True):
    __tablename__ = "moves"
    id: Key
    number: Whole
    instance_id: Indexed
    project_id: str
    user_id: str
    kind: str
    status: str
    source_host: str
    source_node: str
    target_host: str
    target_node: str
    old_flavor: str
    new_flavor: str
    created_at: float
    updated_at: float


class StoryRow(SQLModel, table=True):
    __tablename__ = "stories"
    id: Key
    lines: bytes


class ComputeNodeRow(SQLModel, table=True):
    __tablename__ = "compute_nodes"
    id: Key
    epoch: Whole
    hosts: Nested
    enabled: bool
    disabled_reason: str
    forced_down: bool
    gone: bool


class AggregateRow(SQLModel, table=True):
    __tablename__ = "aggregates"
    id: Key
    number: Whole
    name: str
    hosts: Nested
    properties: Nested
    created_at: float
    updated_at: float


class ComputeQuotaRow(SQLModel, table=True):
    __tablename__ = "compute_quotas"
    id: Key
    limits: Nested


class NotificationRow(SQLModel, table=True):
    __tablename__ = "notifications"
    id: Key
    sequence: Whole
    event_type: str
    instance_id: str
    project_id: str
    at: float
    payload: Nested


class ResourceProviderRow(SQLModel, table=True):
    __tablename__ = "resource_providers"
    id: Key
    name: str
    parent_id: str
    generation: Whole
    inventories: Nested
    traits: Nested
    aggregates: Nested


class PlacementNameRow(SQLModel, table=True):
    __tablename__ = "placement_names"
    id: Key
    kind: str
    name: str


class ConsumerRow(SQLModel, table=True):
    __tablename__ = "consumers"
    id: Key
    project_id: str
    user_id: str
    generation: Whole
    type: str
    allocations: Nested


class ImageRow(SQLModel, table=True):
    __tablename__ = "images"
    id: Key
    name: str
    project_id: str
    status: str
    visibility: str
    disk_format: str
    container_format: str
    size: Whole
    virtual_size: Whole
    checksum: str
    os_hash_algo: str
    os_hash_value: str
    min_disk_gib: Whole
    min_ram_mib: Whole
    properties: Nested
    protected: bool
    os_hidden: bool
    tags: Nested
    created_at: float
    updated_at: float


class DeletedImageRow(SQLModel, table=True):
    __tablename__ = "deleted_images"
    id: Key
    deleted_at: float


class ImageMemberRow(SQLModel, table=True):
    __tablename__ = "image_members"
    id: Key
    image_id: str
    project_id: str
    status: str
    created_at: float
    updated_at: float


class MetadefNamespaceRow(SQLModel, table=True):
    __tablename__ = "metadef_namespaces"
    id: Key
    namespace: str
    project_id: str
    display_name: str
    description: str
    visibility: str
    protected: bool
    associations: Nested
    properties: Nested
    objects: Nested
    tags: Nested
    created_at: float
    updated_at: float


class MetadefResourceTypeRow(SQLModel, table=True):
    __tablename__ = "metadef_resource_types"
    id: Key
    created_at: float


class NetworkRow(SQLModel, table=True):
    __tablename__ = "networks"
    id: Key
    name: str
    project_id: str
    network_type: str
    segmentation_id: Whole
    physical_network: str
    mtu: Whole
    shared: bool
    admin_state_up: bool
    port_security_enabled: bool
    dhcp_host: str
    external: bool
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole
    zone_hints: Nested
    dns_domain: str


class SubnetRow(SQLModel, table=True):
    __tablename__ = "subnets"
    id: Key
    name: str
    network_id: str
    project_id: str
    cidr: str
    gateway_ip: str
    pools: Nested
    dns_servers: Nested
    host_routes: Nested
    enable_dhcp: bool
    subnetpool_id: str
    ipv6_ra_mode: str
    ipv6_address_mode: str
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole


class PortRow(SQLModel, table=True):
    __tablename__ = "ports"
    id: Key
    network_id: str
    project_id: str
    mac_address: str
    fixed_ips: Nested
    name: str
    device_id: str
    device_owner: str
    host: str
    status: str
    admin_state_up: bool
    security_groups: Nested
    port_security_enabled: bool
    allowed_address_pairs: Nested
    vnic_type: str
    profile: Nested
    dns_name: str
    made_for: str
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole


class RouterRow(SQLModel, table=True):
    __tablename__ = "routers"
    id: Key
    name: str
    project_id: str
    admin_state_up: bool
    host: str
    external_network_id: str
    enable_snat: bool
    routes: Nested
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole
    zone_hints: Nested


class FloatingIpRow(SQLModel, table=True):
    __tablename__ = "floating_ips"
    id: Key
    project_id: str
    network_id: str
    address: str
    port_id: str
    fixed_ip: str
    router_id: str
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole


class SubnetPoolRow(SQLModel, table=True):
    __tablename__ = "subnet_pools"
    id: Key
    name: str
    project_id: str
    prefixes: Nested
    default_prefixlen: Whole
    min_prefixlen: Whole
    max_prefixlen: Whole
    shared: bool
    is_default: bool
    created_at: float
    description: str
    tags: Nested
    updated_at: float
    revision: Whole
    default_quota: Whole


class NetworkQuotaRow(SQLModel, table=True):
    __tablename__ = "network_quotas"
    id: Key
    limits: Nested


class SecurityGroupRow(SQLModel, table=True):
    __tablename__ = "security_groups"
    id: Key
    name: str
    project_id: str
    description: str
    tags: Nested
    created_at: float
    updated_at: float
    revision: Whole


class SecurityGroupRuleRow(SQLModel, table=True):
    __tablename__ = "security_group_rules"
    id: Key
    security_group_id: str
    project_id: str
    direction: str
    ethertype: str
    protocol: str
    port_min: Whole
    port_max: Whole
    remote_ip_prefix: str
    remote_group_id: str
    description: str
    created_at: float
    updated_at: float
    revision: Whole


class NetworkAgentRow(SQLModel, table=True):
    __tablename__ = "network_agents"
    id: Key
    underlay_ip: str
    physical_networks: Nested
    started_at: float


class VolumeRow(SQLModel, table=True):
    __tablename__ = "volumes"
    id: Key
    name: str
    project_id: str
    size_gib: Whole
    status: str
    bootable: bool
    image_id: str
    snapshot_id: str
    host: str
    made_for: str
    delete_on_termination: bool
    user_id: str
    description: str
    user_metadata: Nested
    image_metadata: Nested
    volume_type: str
    availability_zone: str
    source_volume_id: str
    readonly: bool
    readonly_told: bool
    created_at: float
    updated_at: float


class VolumeSnapshotRow(SQLModel, table=True):
    __tablename__ = "volume_snapshots"
    id: Key
    name: str
    project_id: str
    volume_id: str
    size_gib: Whole
    status: str
    progress: str
    user_id: str
    description: str
    user_metadata: Nested
    created_at: float
    updated_at: float


class VolumeAttachmentRow(SQLModel, table=True):
    __tablename__ = "volume_attachments"
    id: Key
    volume_id: str
    instance_id: Indexed
    host: str
    attempt: Whole
    device: str
    of_server: bool
    attach_status: str
    mode: str
    connector: Nested
    attached_at: float


class VolumeTypeRow(SQLModel, table=True):
    __tablename__ = "volume_types"
    id: Key
    name: str
    description: str
    is_public: bool
    extra_specs: Nested
    projects: Nested
    encryption: Nested
    qos_id: str
    created_at: float
    updated_at: float


class QosSpecsRow(SQLModel, table=True):
    __tablename__ = "volume_qos_specs"
    id: Key
    name: str
    consumer: str
    specs: Nested
    created_at: float


class VolumeTransferRow(SQLModel, table=True):
    __tablename__ = "volume_transfers"
    id: Key
    volume_id: str
    name: str
    project_id: str
    salt: str
    key_hash: str
    no_snapshots: bool
    created_at: float


class VolumeServiceRow(SQLModel, table=True):
    __tablename__ = "volume_services"
    id: Key
    disabled: bool
    disabled_reason: str


class VolumeMessageRow(SQLModel, table=True):
    __tablename__ = "volume_messages"
    id: Key
    project_id: str
    volume_id: str
    event: str
    request_id: str
    created_at: float


class VolumeQuotaRow(SQLModel, table=True):
    __tablename__ = "volume_quotas"
    id: Key
    limits: Nested


ROWS: dict[type[records.Record], type[SQLModel]] = {
    records.Domain: DomainRow,
    records.Project: ProjectRow,
    records.User: UserRow,
    records.Group: GroupRow,
    records.Role: RoleRow,
    records.ImpliedRole: ImpliedRoleRow,
    records.RoleAssignment: RoleAssignmentRow,
    records.CatalogRegion: CatalogRegionRow,
    records.CatalogService: CatalogServiceRow,
    records.CatalogEndpoint: CatalogEndpointRow,
    records.ApplicationCredential: ApplicationCredentialRow,
    records.Credential: CredentialRow,
    records.Trust: TrustRow,
    records.SigningKey: SigningKeyRow,
    records.RevokedToken: RevokedTokenRow,
    records.Flavor: FlavorRow,
    records.FlavorAccess: FlavorAccessRow,
    records.Keypair: KeypairRow,
    records.ServerGroup: ServerGroupRow,
    records.Instance: InstanceRow,
    records.OrderTemplate: OrderTemplateRow,
    records.InstanceAction: InstanceActionRow,
    records.Move: MoveRow,
    records.Story: StoryRow,
    records.ComputeNode: ComputeNodeRow,
    records.Aggregate: AggregateRow,
    records.ComputeQuota: ComputeQuotaRow,
    records.Notification: NotificationRow,
    records.ResourceProvider: ResourceProviderRow,
    records.PlacementName: PlacementNameRow,
    records.Consumer: ConsumerRow,
    records.Image: ImageRow,
    records.DeletedImage: DeletedImageRow,
    records.ImageMember: ImageMemberRow,
    records.MetadefNamespace: MetadefNamespaceRow,
    records.MetadefResourceType: MetadefResourceTypeRow,
    records.Network: NetworkRow,
    records.Subnet: SubnetRow,
    records.Port: PortRow,
    records.Router: RouterRow,
    records.FloatingIp: FloatingIpRow,
    records.SubnetPool: SubnetPoolRow,
    records.NetworkQuota: NetworkQuotaRow,
    records.SecurityGroup: SecurityGroupRow,
    records.SecurityGroupRule: SecurityGroupRuleRow,
    records.NetworkAgent: NetworkAgentRow,
    records.Volume: VolumeRow,
    records.VolumeSnapshot: VolumeSnapshotRow,
    records.VolumeAttachment: VolumeAttachmentRow,
    records.VolumeType: VolumeTypeRow,
    records.QosSpecs: QosSpecsRow,
    records.VolumeTransfer: VolumeTransferRow,
    records.VolumeService: VolumeServiceRow,
    records.VolumeMessage: VolumeMessageRow,
    records.VolumeQuota: VolumeQuotaRow,
}


def _table(row: type[SQLModel]) -> Table:
    table = inspect(row).local_table
    assert isinstance(table, Table)
    return table


TABLES: dict[str, Table] = {kind.__name__: _table(row) for kind, row in ROWS.items()}
"""By the name of the record type, as `records.Drop` says it."""
