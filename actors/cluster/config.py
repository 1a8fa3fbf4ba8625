"""What a cloud and each of its nodes are told: read once at the edge, passed down, never global.

State lives in one folder (`NOVARAY_HOME`), laid out as `CloudConfig` and `NodeConfig` say, so that two clouds on one
machine do not meet.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

EvacuationPolicy = Literal["never", "volumes", "all"]
HypervisorName = Literal["libvirt", "simulated"]
SERVICE_DOWN_BEATS = 3  # heartbeats that a host may miss
NODE_FILE_VARIABLE = "NOVARAY_NODE_FILE"  # tells the actors on a node where their NodeConfig is
NODE_FILE = "/etc/novaray/node.json"  # where it is looked for else


Config = TypeVar("Config", bound=Struct)


class ConfigError(RuntimeError):
    """A file of the operator's can't be used. The message says which, and what is wrong with it."""


def from_json(kind: type[Config], text: bytes) -> Config:
    """Raises `msgspec.ValidationError` with the field and what is wrong with it. Fields that it doesn't know are left
    out, and numbers may be written as text."""
    return msgspec.json.decode(text, type=kind, strict=False, dec_hook=_path)


def to_json(config: Struct) -> bytes:
    """Raises as `from_json` does, so that what can't be is told to who writes it, and not to an actor that reads it."""
    text = msgspec.json.encode(config, enc_hook=str)
    from_json(type(config), text)
    return msgspec.json.format(text, indent=2)


def _path(kind: Any, value: Any) -> Any:
    """The only kind of field that msgspec doesn't know itself."""
    return kind(value)


def default_home() -> Path:
    return Path(os.environ.get("NOVARAY_HOME") or Path.home() / ".novaray").absolute()


class SimulatedConfig(Struct, frozen=True, kw_only=True):
    """A fleet of hosts without guests. Delays are uniform between the two bounds, faults a share of builds."""

    hosts: Annotated[int, Meta(ge=1, le=100_000)] = 1
    vcpus: int = 64
    ram_mib: int = 256 * 1024
    disk_gib: int = 2_000
    step_delay_s: tuple[float, float] = (0.0, 0.0)
    fault_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    seed: int = 0


class NodeConfig(Struct, kw_only=True):
    """One worker node. With `netns` set, its bridges, taps and hypervisor live in that network namespace."""

    host: str  # the name that hosts are keyed by: survives restarts, unlike Ray's node ids
    home: Path  # this node's own folder
    hypervisor: HypervisorName = "simulated"
    simulated: SimulatedConfig = SimulatedConfig()
    netns: str = ""
    underlay_ip: str = "127.0.0.1"  # VXLAN endpoint, inside `netns`
    underlay_device: str = ""
    physical_networks: dict[str, str] = {}  # name → device, for flat and VLAN networks
    external_cidr: str = ""  # of the network that joins the nodes in namespaces to this machine; '' = none does
    node_ip: str = "127.0.0.1"  # where other nodes reach this one's image data and relays
    libvirt_uri: str = ""  # '' = the node's own daemon under `home`
    virt_type: Literal["auto", "kvm", "qemu"] = "auto"
    ram_reserved_mib: int = 512
    disk_reserved_gib: int = 1
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    availability_zone: str = "nova"
    aggregates: dict[str, dict[str, str]] = {}  # host aggregates that this node's hosts are in → their metadata
    vif_plugging_timeout_s: float = 300.0  # Nova's default
    vif_plugging_is_fatal: bool = True
    strays: Literal["remove", "report"] = "remove"  # guests and their remains that belong to no server here
    sweep_s: Annotated[float, Meta(gt=0.0)] = 60.0  # between two looks for strays; one is removed when seen twice
    sync_power_state_interval: Annotated[float, Meta(gt=0.0)] = 600.0  # Nova's: between two looks for guests that ended
    remove_unused_base_images: bool = True  # of the node's image cache; as Nova's [image_cache], so the next two
    remove_unused_original_minimum_age_seconds: Annotated[float, Meta(ge=0.0)] = 86_400.0
    image_cache_manager_interval: Annotated[float, Meta(gt=0.0)] = 2_400.0  # seconds between two looks for such images
    graphics: Literal["vnc", "spice", "none"] = "vnc"
    pci_devices: dict[str, tuple[str, ...]] = {}  # alias → PCI addresses that guests may be given
    mdevs: tuple[str, ...] = ()  # UUIDs of mediated devices that guests may be given
    api_host: str = ""  # where its REST edge listens, if it advertises the resource `edge`; '' = its node_ip
    api_port: Annotated[int, Meta(ge=1, le=65_535)] = 8_774

    @classmethod
    def of_this_node(cls, node: str, ip: str = "127.0.0.1") -> NodeConfig:
        """What this node's file says. What it leaves out is that of a machine of its own, with the name and the
        address by which Ray knows it; without a file it is a simulated host. Raises `ConfigError`."""
        said: dict[str, object] = {}
        file = Path(os.environ.get(NODE_FILE_VARIABLE) or NODE_FILE)
        known = {"host": node, "home": str(default_home() / "nodes" / node), "node_ip": ip, "underlay_ip": ip}
        try:
            if file.exists() or NODE_FILE_VARIABLE in os.environ:
                said = json.loads(file.read_bytes())
            return msgspec.convert(known | said, cls, strict=False, dec_hook=_path)
        except (OSError, ValueError, TypeError, msgspec.ValidationError) as error:
            raise ConfigError(f"{file}: {error}") from None

    @property
    def instances(self) -> Path:
        return self.home / "instances"

    @property
    def image_cache(self) -> Path:
        return self.home / "cache"

    @property
    def dhcp(self) -> Path:
        return self.home / "dhcp"

    @property
    def routers(self) -> Path:
        return self.home / "routers"

    @property
    def libvirt(self) -> Path:
        return self.home / "libvirt"


class CloudConfig(Struct, frozen=True, kw_only=True):
    """One cloud. `home` holds everything that it keeps."""

    home: Path = field(default_factory=default_home)
    hypervisor: HypervisorName = "libvirt"
    database_url: str = ""  # '' = SQLite under `home`
    cloud_id: str = ""  # whose the database at that URL is; `up` makes and writes it down, '' = nobody asks
    place: str = ""  # the same for people
    placement_profile: str = "spread"  # spread, pack, nova
    max_attempts: Annotated[int, Meta(ge=1)] = 3  # hosts tried for one boot
    boots_in_flight_limit: Annotated[int, Meta(ge=1)] = 20_000  # accepted and not ended; more are told to come again
    boot_deadline_s: float = 900.0
    evacuate: EvacuationPolicy = "never"  # servers of a node that left, by themselves: see `evacuation.py`
    evacuate_after_s: Annotated[float, Meta(ge=0.0)] = 60.0  # for a node that only restarts to be back with its guests
    token_lifetime_s: float = 24 * 3600.0
    heartbeat_s: Annotated[float, Meta(gt=0.0)] = 2.0
    user_data_limit: int = 65_535  # characters of base64, Nova's limit
    dns_domain: str = "openstacklocal"
    vxlan_range: tuple[int, int] = (1, 1 << 20)
    api_host: str = "127.0.0.1"  # where the REST edge listens
    api_port: Annotated[int, Meta(ge=0, le=65_535)] = 0  # 0 = whichever is free; `up` writes down which it was
    compute_quotas: dict[str, int] = {}  # of one project, where they shall not be Nova's defaults; -1 = unlimited
    volume_quotas: dict[str, int] = {}  # the same, where they shall not be Cinder's
    network_quotas: dict[str, int] = {}  # the same, where they shall not be Neutron's

    @property
    def service_down_s(self) -> float:
        """A host not heard from for so long is down."""
        return SERVICE_DOWN_BEATS * self.heartbeat_s

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'cloud.sqlite'}"

    @property
    def api_url(self) -> str:
        """Where clients on this machine reach the REST edge."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
        host = anywhere.get(self.api_host, self.api_host)
        return f"http://[{host}]:{self.api_port}" if ":" in host else f"http://{host}:{self.api_port}"

    @property
    def images(self) -> Path:
        return self.home / "images"

    @property
    def volumes(self) -> Path:
        return self.home / "volumes"

    @property
    def nodes(self) -> Path:
        return self.home / "nodes"

    @property
    def policy(self) -> Path:
        """Where an operator's own rules for REST stand."""
        return self.home / "policy.yaml"

    @property
    def file(self) -> Path:
        return self.home / "cloud.json"
