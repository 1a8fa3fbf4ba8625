"""What the rooms say to each other on the way of a boot: typed, frozen, cheap to pickle, always in lists.

Requests that only one room's administration knows (making a subnet, uploading an image) stand in that room's own
`messages.py`; here is what crosses several rooms. Sizes carry their unit in the name. A reply list is as long as its
request list and holds a fault in the place of each refused item.

Messages and records are `gc=False`: what holds only words, numbers and other data is never part of a cycle, so Python's
collector would walk over all of it for nothing, for a tenth of a boot's cost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.records import AddressPair, Flavor
from actors.vifs import FixedIp
from actors.vifs import SubnetInfo as SubnetInfo
from actors.vifs import Vif as Vif

# ---------------------------------------------------------------- who asks


class AuthContext(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a verified token says (step 5). Times are seconds since the epoch."""

    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: tuple[str, ...]
    expires_at: float
    token_id: str
    issued_at: float = 0.0
    methods: tuple[str, ...] = ("password",)
    user_domain_id: str = "default"
    project_domain_id: str = "default"
    domain_id: str = ""  # the token is for a domain, and then for no project
    domain_name: str = ""
    system: bool = False  # the token is for the whole system, and then for no project
    credential_id: str = ""  # of the application credential that it was got with
    restricted: bool = False  # may not make or delete application credentials
    trust_id: str = ""  # of the trust by which it acts for another

    @property
    def is_admin(self) -> bool:
        """Of the cloud. Who is administrator in a domain alone administers that domain's users and projects."""
        return "admin" in self.roles and not self.domain_id

    @property
    def is_scoped(self) -> bool:
        return bool(self.project_id or self.domain_id or self.system)


SERVICE = AuthContext(
    user_id="", user_name="nova", project_id="", project_name="service", roles=("admin",), expires_at=0.0, token_id=""
)
"""As whom a server's own ports and volumes are given to it on another host: no user's token is needed for that."""


# ---------------------------------------------------------------- a boot's timeline


class StoryLine(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line of a server's timeline. `took_ms` is how long the step took (-1 while it runs)."""

    at: float
    step: str
    flow: str  # the rows of BOOT_FLOW
    phase: str
    host: str
    attempt: int
    took_ms: float
    note: str = ""


# ---------------------------------------------------------------- what a user asks for


class NetworkRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One interface: a port of the user's own, or a network (by id) with an optional fixed address."""

    network_id: str = ""
    port_id: str = ""
    fixed_ip: str = ""
    tag: str = ""


class BlockDevice(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One row of block_device_mapping_v2, with Nova's own meanings."""

    source_type: str  # image, volume, snapshot, blank
    destination_type: str  # local, volume
    source_id: str = ""  # image, volume or snapshot id
    boot_index: int = -1  # 0 = boots from it; negative = never
    size_gib: int = 0
    guest_format: str = ""  # swap, ext4, vfat …; for blank local disks
    delete_on_termination: bool = False
    device_name: str = ""
    disk_bus: str = ""
    tag: str = ""
    device_type: str = ""  # disk, cdrom; '' = disk
    volume_type: str = ""  # id or name, of a volume that the boot makes; '' = its source's, or the default one
    id_version: int = 5  # of the UUID of a volume that the boot makes; orders since 2026-11-27 say 4


class Evacuation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """From where a server goes, since its node is no more."""

    host: str
    node: str
    to: str = ""  # the host that an administrator chose; '' = the scheduler chooses
    stopped: bool = False  # as it was there, and shall be again


class Pruned(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What was forgotten of deleted servers; `more`: there is as much again, or more."""

    servers: int
    notifications: int
    more: bool = False


class DeleteRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A server is to go; by whom and in which request is told in its actions."""

    instance_id: str
    user_id: str = ""
    request_id: str = ""


class EvacuateRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Build a server of a node that is no more again on another host. `token`: who may use what it has.

    Repeatable by `id`: that of the instance action which this is, which the asker makes.
    """

    id: str
    token: str
    instance_id: str
    user_id: str
    request_id: str
    host: str = ""  # '' = the scheduler chooses
    from_image: bool = False  # also where its root disk is lost and must be made of its image again
    stop: bool = False  # it is stopped there, whatever it was


class UnshelveRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Have a shelved server run again. `token`: who may use what it has. Repeatable by `id`, as `EvacuateRequest`."""

    id: str
    token: str
    instance_id: str
    user_id: str
    request_id: str
    zone: str | None = None  # where it belongs from now on; '' = anywhere; None = where it did
    host: str = ""  # '' = the scheduler chooses
    above_locks: bool = False


class Resized(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a server was, or is, given another flavor. `edition` grows with each change of what it holds on its host."""

    edition: int
    to: Flavor | None = None  # asked for; its host has yet to say whether there is room
    other: Flavor | None = None  # beside its flavor, room is held for this one: it may be what it is again, or was
    stopped: bool = False  # it was off when it was resized


class KeptPlace(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A host that has something of a server which is, or goes, elsewhere: room is held there by an id of its own."""

    host: str
    node: str
    claim_id: str
    flavor: Flavor | None = None  # that it has there; None = its own


class Moving(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a server goes to another host, or is there and may go back. Until then its first host keeps its disks."""

    act_id: str  # the instance action that it is
    claim_id: str  # by which room is held where its row does not say that it is
    host: str  # where it was, and is again where this fails
    node: str
    zone: str = ""  # its availability zone
    to: str = ""  # the host that an administrator chose; '' = the scheduler chooses
    target_host: str = ""  # '' = none has been found yet
    target_node: str = ""
    target_zone: str = ""
    stopped: bool = False  # it was off, and is so afterwards
    back: bool = False  # it is on its way back
    given_up: bool = False  # what it has where it went may be thrown away by now: it can only go back
    why: str = ""  # it goes back, '' = its user said so; until a host has been found, why its own is none for it
    other: Flavor | None = None  # that it has where its row does not say that it is; None = the same


class DiskOffer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A disk of a guest that goes to another host, which fetches it there. `secret`: whoever has it may."""

    name: str  # of its file in the guest's folder
    url: str
    size: int  # bytes
    sha512: str
    secret: str
    cdrom: bool = False  # it is what the guest boots from, as a CD-ROM


class Shelved(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a server is being shelved, or is shelved. `image_id`: what its root disk is in meanwhile."""

    image_id: str = ""  # '' = it boots from a volume
    to: str = ""  # the host that an administrator chose for it to run on again; '' = the scheduler chooses


class BootSpec(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True
):  # it is written with each instance
    """A whole accepted request: everything that a build needs, so that compute never has to ask (steps 14-18)."""

    name: str
    hostname: str
    project_id: str
    user_id: str
    token: str
    flavor: Flavor
    image_id: str = ""  # '' = boots from a volume
    networks: tuple[NetworkRequest, ...] = ()
    auto_network: bool = False  # Nova's networks: auto
    security_groups: tuple[str, ...] = ()  # names or ids
    block_devices: tuple[BlockDevice, ...] = ()
    user_data: str = ""  # base64, as received
    key_name: str = ""
    public_key: str = ""
    metadata: dict[str, str] = {}
    admin_password: str = ""
    config_drive: bool = True
    availability_zone: str = ""
    hints: dict[str, tuple[str, ...]] = {}
    image_properties: dict[str, str] = {}
    request_id: str = ""
    idempotency_key: str = ""
    instance_ids: tuple[str, ...] = ()  # as many as machines asked for
    batch: str = ""  # of machines that belong together: the id of the first
    min_count: int = 0  # a host is found for at least so many of the batch, or for none; 0 = each for itself
    description: str = ""
    tags: tuple[str, ...] = ()
    fewest: int = 0  # where the quota allows no more, so many are enough; 0 = all or none
    wait_for_capacity_s: float = 0.0  # where no host has room: wait for one so long, from acceptance; 0 = fail at once
    pinned_zone: str = ""  # the zone that the user named
    disk_config: str = "MANUAL"  # OS-DCF:diskConfig: MANUAL, AUTO
    access_ip_v4: str = ""  # how the user says that it is reached; nothing here looks at it
    access_ip_v6: str = ""
    reservation_id: str = ""
    launch_index: int = 0
    files: tuple[tuple[str, str], ...] = ()  # personality: (path, content in base64)
    door: tuple[StoryLine, ...] = ()  # what happened before it was accepted (steps 1-5)
    evacuation: Evacuation | None = None  # while it is built again elsewhere, and where that failed
    resized: Resized | None = None  # once it was, or was to be
    shelved: Shelved | None = None  # from when that is accepted until it runs again, or goes on as it was
    moving: Moving | None = None  # while it goes to another host, and until that is confirmed or reverted
    left_behind: tuple[KeptPlace, ...] = ()  # hosts that it left for good, and that have yet to let go of it
    adrift: bool = False  # its ports and volumes are bound to no host, perhaps: its next act has them bound
    unwanted_images: tuple[str, ...] = ()  # ids of those that shelving it made, and that are to be deleted


# ---------------------------------------------------------------- scheduler


class PlaceRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Find a host for one instance and claim its resources there (steps 8-11). `attempt` makes it repeatable."""

    instance_id: str
    attempt: int
    project_id: str
    flavor: Flavor
    root_gib: int  # disk on the host: 0 when it boots from a volume
    availability_zone: str = ""
    image_properties: dict[str, str] = {}
    hints: dict[str, tuple[str, ...]] = {}
    ignore_hosts: tuple[str, ...] = ()
    destination: str = ""  # the host that an administrator chose for one that moves; it must pass every filter
    batch: str = ""  # requests of one message that belong together
    least: int = 0  # so many of the batch are placed, or none
    beside: str = ""  # an instance that holds room already, and is judged as if it were not there: it may go there


class Exchange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An instance is on `host` from now on, where `claim_id` held room for it; that has what it held."""

    instance_id: str
    claim_id: str
    host: str


class Placed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    host: str
    node: str  # the compute actor's node: actors named compute@<node>, agent@<node>
    zone: str = ""  # the host's availability zone


class NoHostFound(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """No host passed.

    `reasons`: filter name → hosts it removed, in filter order; `nearest`: what the nearest misses lacked.
    """

    reasons: dict[str, int]
    nearest: tuple[str, ...] = ()
    note: str = ""  # what else is to be known: of a batch, how many had found a host

    @property
    def message(self) -> str:
        removed = ", ".join(f"{name} removed {count}" for name, count in self.reasons.items())
        lacked = f"; nearest: {'; '.join(self.nearest)}" if self.nearest else ""
        note = f" ({self.note})" if self.note else ""
        return f"No valid host was found{note}: {removed or 'there are no hosts'}{lacked}"


class HostSeen(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A host as the scheduler has it. What is used counts claims, where the host itself does not tell of more."""

    report: HostReport  # its last heartbeat
    up: bool
    zone: str
    vcpus_used: int
    ram_used_mib: int
    disk_used_gib: int
    instances: int


class Claim(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one instance takes on a host."""

    instance_id: str
    host: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    group_id: str = ""  # its server group
    edition: int = 0  # as of `Resized`


class ClaimChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Conductor → scheduler: what an instance holds on its host changes, in place. One of an older edition is late."""

    asked: PlaceRequest  # of the flavor that it is to have
    host: str
    edition: int


class HostReport(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A host's heartbeat: what it really has, and the claims of what it really runs or builds."""

    host: str
    node: str
    hypervisor: str  # QEMU, simulated
    hypervisor_version: int  # a*1_000_000 + b*1_000 + c
    architecture: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    vcpus_used: int = 0
    ram_used_mib: int = 0
    disk_used_gib: int = 0
    instances: int = 0
    traits: tuple[str, ...] = ()
    enabled: bool = True
    availability_zone: str = "nova"
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    supported: tuple[tuple[str, str, str], ...] = ()  # (architecture, hypervisor, vm mode)
    io_ops: int = 0  # instances that are being built there
    aggregates: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()  # (name, its metadata as sorted pairs)
    host_ip: str = ""
    images: tuple[str, ...] = ()  # ids of images that the host has in its cache
    epoch: int = 0  # of the compute actor that reports
    at: float = 0.0


# ---------------------------------------------------------------- compute


class BuildOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Conductor → compute (steps 12-13): build this instance on that host. Repeatable by (instance, attempt)."""

    instance_id: str
    attempt: int
    host: str
    epoch: int
    spec: BootSpec
    claim: Claim
    again: bool = False  # the server has run before: what it has besides the host is kept where this fails
    by: int = 0  # which conductor says so: the number of its life


class DestroyOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Conductor → compute: undo every step of the instance's build, whatever was reached."""

    instance_id: str
    attempt: int
    host: str
    epoch: int
    spec: BootSpec
    claim: Claim
    deleting: bool = True  # the instance ends; False: only this attempt is taken back
    again: bool = False  # as in the order to build it
    by: int = 0  # as in the order to build it


class StepTold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    step: str
    phase: str
    at: float
    note: str = ""


class StepReport(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Compute → conductor, cast: steps have begun, ended, failed or been undone for the builds that run together."""

    builds: tuple[tuple[str, int], ...]  # (instance id, attempt)
    node: str
    epoch: int
    steps: tuple[StepTold, ...]  # as they happened


LOST = "lost"  # the step of a fault that is no failure of the host: its node left, or the attempt was taken back


class BootFault(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Why a boot failed, as the user sees it."""

    code: int
    message: str
    step: str = ""
    host: str = ""
    details: dict[str, Any] = {}
    at: float = 0.0


class BuildEnded(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Compute → conductor: the guest runs (`fault` None), or all of it has been undone."""

    instance_id: str
    attempt: int
    host: str
    node: str
    epoch: int
    at: float
    vifs: tuple[Vif, ...] = ()
    root_device: str = ""
    fault: BootFault | None = None
    retry: bool = False  # the host's fault: another host may do better
    undone: bool = True  # False: something of it could not be taken back yet


class InstanceFound(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a guest's metadata is made of."""

    spec: BootSpec
    vifs: tuple[Vif, ...]


class Hello(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A compute actor starts: it asks for its epoch and for what it had in hand."""

    node: str
    hosts: tuple[str, ...]


class Welcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    epoch: int
    unfinished: tuple[BuildOrder, ...]
    running: tuple[Claim, ...]  # what the database says runs on these hosts
    enabled: bool = True  # False: the node is drained, its hosts take no new machines
    kept: tuple[Claim, ...] = ()  # of servers that are elsewhere now, and may be here again
    by: int = 0  # which conductor says so: the number of its life


# ---------------------------------------------------------------- image


class ImageRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`by_service`: a room asks, on behalf of who asked it once, and goes on though the token has ended since. What
    comes in from outside never says so."""

    token: str
    image_id: str
    by_service: bool = False


class ImageLocation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An image's metadata and where its data can be had (steps 19-21)."""

    image_id: str
    disk_format: str
    size: int
    virtual_size: int
    os_hash_value: str  # sha512 hex of the data
    properties: dict[str, str]
    urls: tuple[str, ...]  # http; the same token in X-Auth-Token
    min_disk_gib: int = 0
    min_ram_mib: int = 0


# ---------------------------------------------------------------- network


class AllocateRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Compute → network (steps 22-24): ports for one instance on one host. Repeatable by instance id."""

    token: str
    instance_id: str
    project_id: str
    host: str
    hostname: str
    networks: tuple[NetworkRequest, ...]
    auto: bool
    security_groups: tuple[str, ...]
    availability_zone: str = "nova"
    first_place: int = 0  # among the instance's interfaces: what is made here gets its id by its place
    again: bool = False  # these are the ports that it had when it ran before; those that it has no more are left out
    epoch: int = 0  # of the compute actor that asks; 0 = nobody who could be stale


class DeallocateRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Delete the ports that the boot made, unbind the user's own. Repeatable."""

    instance_id: str
    host: str  # only what is bound to this host (or unbound) is touched; '' = wherever it is
    port_ids: tuple[str, ...] = ()  # only these; () = all
    keep: bool = False  # all stay the instance's, and only leave the host
    epoch: int = 0


class PortDetails(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Network → L2 agent: what the port behind a new tap needs (section D)."""

    device: str
    port_id: str
    network_id: str
    network_type: str
    segmentation_id: int
    physical_network: str
    mac_address: str
    mtu: int
    fixed_ips: tuple[FixedIp, ...]
    device_owner: str
    device_id: str
    allowed_address_pairs: tuple[AddressPair, ...]
    port_security_enabled: bool
    admin_state_up: bool
    security_groups: tuple[str, ...]
    profile: dict[str, str]


class FloatingIps(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Network → conductor: the floating IPs that lead to an instance's port now."""

    instance_id: str
    port_id: str
    floating_ips: tuple[tuple[str, str], ...]  # (floating, fixed)


class PlugEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Network → compute: network-vif-plugged (or -unplugged) of one port."""

    name: str
    instance_id: str
    port_id: str
    at: float


# ---------------------------------------------------------------- volume


class AttachRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Compute → volume (steps 25-27): make where asked, reserve and export the block devices of one instance."""

    token: str
    instance_id: str
    attempt: int
    project_id: str
    host: str
    devices: tuple[BlockDevice, ...]  # those whose destination is a volume, in order
    epoch: int = 0  # of the compute actor that asks; 0 = nobody who could be stale


class ConnectionInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How the hypervisor reaches one attached volume."""

    volume_id: str
    size_gib: int
    export: str  # NBD export name
    unix_socket: str = ""  # a path on this machine, or else:
    host: str = ""
    port: int = 0
    serial: str = ""  # what the guest sees as the disk's serial number
    bootable: bool = False


class ReimageRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Compute → volume: write an image over the volume that a server boots from, while it has no guest.

    Repeatable by `act_id`, the rebuild's: what was written is not written again.
    """

    act_id: str
    token: str
    instance_id: str
    volume_id: str
    image_id: str
    host: str
    epoch: int = 0


class DetachRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Unexport and release the volumes of one instance on one host. Repeatable.

    When the instance ends, those marked `delete_on_termination` are deleted; when its boot failed, exactly those that
    the boot made are, and the user's own are spared whatever their mark: the next attempt needs them.
    """

    instance_id: str
    host: str  # '' = wherever they are attached
    failed_boot: bool = False
    volume_ids: tuple[str, ...] = ()  # only these, and none of them is deleted; () = all
    keep: bool = False  # all stay the instance's, and only leave the host
    epoch: int = 0


# ---------------------------------------------------------------- what a user is shown


class ServerStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """As little of a server as one needs who waits for it."""

    status: str  # BUILD, ACTIVE, SHUTOFF, PAUSED, SUSPENDED, RESCUE, RESIZE, VERIFY_RESIZE, REBOOT, HARD_REBOOT, ERROR
    project_id: str
    locked_by: str = ""  # owner, admin; '' = it is not locked


class Launched(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Servers that were accepted, by their ids, and how each was when none was in BUILD any more, or the time was up.

    A status of '' is that of a server that is gone. No `statuses`: they were accepted before, and nobody waited.
    """

    server_ids: list[str]
    statuses: list[str] = []


class ProjectQuota(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A project's limits by name (-1 = none), those that were set for it, and its instances, cores and MiB of ram."""

    limits: dict[str, int]
    own: dict[str, int]
    used: dict[str, int]


class ServerView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One server as its owner sees it (section E)."""

    id: str
    name: str
    status: str
    vm_state: str
    task_state: str | None
    power_state: str
    host: str
    node: str
    flavor: str
    image_id: str
    project_id: str
    created_at: float
    launched_at: float
    addresses: tuple[Vif, ...]
    deleted_at: float = 0.0  # 0 = it is not
    fault: BootFault | None = None
    metadata: dict[str, str] = {}
    key_name: str = ""
    server_group: str = ""  # id
    description: str = ""
    tags: tuple[str, ...] = ()
    hostname: str = ""
    locked_by: str = ""  # owner, admin; '' = it is not locked
    locked_reason: str = ""
    updated_at: float = 0.0  # 0 = not since it was made
    volumes: tuple[BlockDevice, ...] = ()  # those attached, as `block_device_mapping_v2` would name them
    image_properties: dict[str, str] = {}
    request_id: str = ""  # of its boot
    user_id: str = ""
    embedded_flavor: Flavor | None = None  # as it was when the server was booted
    availability_zone: str = ""  # its host's; '' = it has none yet
    pinned_zone: str = ""
    security_groups: tuple[str, ...] = ()
    config_drive: bool = True
    disk_config: str = "MANUAL"
    access_ip_v4: str = ""
    access_ip_v6: str = ""
    root_device: str = ""
    user_data: str = ""
    reservation_id: str = ""
    launch_index: int = 0
    kept_places: tuple[KeptPlace, ...] = ()  # other hosts that have something of it
