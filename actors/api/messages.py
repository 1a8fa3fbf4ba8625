"""What a driver asks the compute API for. Every request carries the caller's token; names or ids are welcome."""

from __future__ import annotations

import msgspec

from actors.messages import BlockDevice, NetworkRequest
from actors.records import Keypair


class BootRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Launch `count` servers alike. `networks` empty = `network_mode`: Nova's `auto` or `none`."""

    token: str
    name: str
    flavor: str  # name or id
    image: str = ""  # name or id; '' = boots from a volume
    count: int = 1
    min_count: int = 0  # a host is found for at least so many, or for none; 0 = each for itself
    wait_for_capacity_s: float = 0.0  # where no host has room: wait for one so long; 0 = fail at once
    networks: tuple[NetworkRequest, ...] = ()  # network ids or names
    network_mode: str = "auto"
    security_groups: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    user_data: str = ""  # base64
    key_name: str = ""
    public_key: str = ""  # a key that is not stored; instead of key_name
    metadata: dict[str, str] = {}
    config_drive: bool = True
    availability_zone: str = ""  # zone, or zone:host for administrators
    hints: dict[str, tuple[str, ...]] = {}
    idempotency_key: str = ""  # repeated, it is answered with the servers of the first time, deleted ones too
    request_id: str = ""
    fewest: int = 0  # where the quota allows no more, so many servers are enough; 0 = all or none
    description: str = ""
    tags: tuple[str, ...] = ()
    hostname: str = ""  # '' = made of the name
    admin_password: str = ""  # '' = made up
    disk_config: str = "MANUAL"  # OS-DCF:diskConfig: MANUAL, AUTO
    access_ip_v4: str = ""
    access_ip_v6: str = ""
    reservation_id: str = ""
    files: tuple[tuple[str, str], ...] = ()  # personality: (path, content in base64)
    login_at: float = 0.0  # when the caller authenticated (steps 1-2), for the timeline
    login_took_ms: float = 0.0


class ServersRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Some servers of the caller's."""

    token: str
    server_ids: tuple[str, ...]
    wait_s: float = 0.0
    request_id: str = ""  # of a deletion; '' = made up


class CreateFlavor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Administrators only. `id` '' = made up."""

    token: str
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
    id: str = ""
    repeatable: bool = True  # the very same flavor again is no conflict


class ChangeFlavor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Administrators only. None = as it is; `extra_specs` are all that there shall be."""

    token: str
    flavor_id: str
    description: str | None = None
    extra_specs: dict[str, str] | None = None


class CreateKeypair(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Without a public key a pair is made. `user_id` '' = the caller's own; another user's needs an administrator."""

    token: str
    name: str
    public_key: str = ""
    type: str = "ssh"  # ssh, x509
    user_id: str = ""
    repeatable: bool = True  # the very same key again is no conflict


class KeypairMade(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    keypair: Keypair
    private_key: str = ""  # '' = the public key was brought


class CreateServerGroup(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    token: str
    name: str
    policy: str  # affinity, anti-affinity, soft-affinity, soft-anti-affinity
    max_server_per_host: int = 1  # for anti-affinity
    repeatable: bool = True  # the very same group again is no second one


class ServerGroupRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One server group of the caller's project."""

    token: str
    group_id: str


class SetNode(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whether new machines are placed on a worker node."""

    token: str
    node: str
    enabled: bool
    reason: str = ""  # why it is disabled


class EvacuateServer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Build a server again on another host, since its node is no more. `host`: '' = the scheduler chooses."""

    token: str
    server_id: str
    host: str = ""
    from_image: bool = True  # also where its root disk must be made of its image again
    stop: bool = False  # it is stopped there, whatever it was
    request_id: str = ""


class EvacuateNode(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The same for every server of a worker node that left, or is said to be down."""

    token: str
    node: str
    from_image: bool = False


class Evacuated(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What comes of one server; `why_not`: '' = it is on its way.

    `may_come`: it left the node to migrate, and has not arrived. Where that comes to nothing it is the node's again.
    """

    server_id: str
    name: str
    why_not: str = ""
    may_come: bool = False


class ForceDown(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whether a worker node's hosts are taken to be down, whatever they say."""

    token: str
    node: str
    down: bool
