"""One build in the hands of a compute actor: the order, and what its steps have found so far.

Each field below `order` is written by exactly one step (named behind it) and read by later ones; undo steps read only
`order`, because after a crash nothing else is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from actors.acts import ActOrder
from actors.messages import BootSpec, BuildOrder, Claim, ConnectionInfo, DestroyOrder, ImageLocation, Vif


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of the guest, as its definition needs it."""

    role: str  # root, ephemeral, swap, config, volume
    device: str  # vda, vdb, hda …
    bus: str  # virtio, ide, sata, scsi
    format: str  # qcow2, raw
    path: Path | None = None  # a local file, or else `connection`
    connection: ConnectionInfo | None = None
    kind: str = "disk"  # disk, cdrom
    boot_index: int = -1
    serial: str = ""
    tag: str = ""
    size_mib: int = 0  # of ephemeral disks and swap; the root disk's is the flavor's, a volume's its own
    guest_format: str = ""  # what an ephemeral disk is formatted with


@dataclass(frozen=True, slots=True)
class ResizeMark:
    """In the definition of a guest whose resize is not confirmed: the act that resized it, and its flavor since."""

    act_id: str
    flavor_id: str


@dataclass(slots=True)
class Build:
    order: BuildOrder | DestroyOrder
    id: str = field(init=False)  # the instance's
    image: ImageLocation | None = None  # image
    image_path: Path | None = None  # image: the cached file on this node
    vifs: tuple[Vif, ...] = ()  # networks
    connections: tuple[ConnectionInfo, ...] = ()  # block_devices
    kept_ports: tuple[str, ...] = ()  # plug_vifs: those whose tap was there already, so that no event may come
    mark: ResizeMark | None = None  # of a guest that is there and is defined anew, by another flavor
    before: Build | None = None  # of one that has a mark and is not there: what it may be again
    disks: list[Disk] = field(default_factory=list)  # block_devices: bus and device name for each, in order

    def __post_init__(self) -> None:
        self.id = self.order.instance_id

    @property
    def root_device(self) -> str:
        return next((disk.device for disk in self.disks if disk.boot_index == 0), "")


def spec_elsewhere(spec: BootSpec) -> BootSpec | None:
    """The order as it is on the other of the two hosts between which its server goes; None = as it is here."""
    other = spec.moving.other if spec.moving else None
    return msgspec.structs.replace(spec, flavor=other) if other else None


def order_again(order: ActOrder, epoch: int, spec: BootSpec, claim: Claim) -> BuildOrder:
    """To make a guest that was built before, or a part of it, once more, for an act on it. `epoch`: of the actor."""
    return BuildOrder(
        instance_id=order.instance_id,
        attempt=order.attempt,
        host=order.host,
        epoch=epoch,
        spec=spec,
        claim=claim,
        again=True,
    )
