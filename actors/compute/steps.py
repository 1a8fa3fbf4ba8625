"""What each row of the NODE table (`actors/boot.py`) does and undoes, for a cohort of builds.

Each function asks another room or the hypervisor driver, in one message for the whole cohort, and stores what it
learnt on the builds. Undo functions read only `build.order`: they work after a crash, twice, and on nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from actors.compute.block_info import disks_for, named_volumes
from actors.compute.build import Build, Disk
from actors.errors import CallerFault, Fault, HostFault
from actors.messages import (
    AllocateRequest,
    AttachRequest,
    BlockDevice,
    BootSpec,
    DeallocateRequest,
    DestroyOrder,
    DetachRequest,
    ImageRequest,
)
from actors.saga import Failures
from actors.vifs import alike

if TYPE_CHECKING:
    from actors.compute.service import Compute

Reply = TypeVar("Reply")


def _sorted_out(
    builds: list[Build], replies: Sequence[Reply | CallerFault | HostFault]
) -> tuple[list[tuple[Build, Reply]], Failures]:
    """Replies by build: those that came, and the faults of the others."""
    good: list[tuple[Build, Reply]] = []
    failures: Failures = {}
    for build, reply in zip(builds, replies, strict=True):
        if isinstance(reply, CallerFault | HostFault):
            failures[build.id] = reply
        else:
            good.append((build, reply))
    return good, failures


# ---------------------------------------------------------------- 13-18: the claim, checked by the host itself


async def check_claim(node: Compute, builds: list[Build]) -> Failures:
    return {build.id: fault for build in builds if (fault := node.hosts.claim(build.order.claim)) is not None}


async def drop_claim(node: Compute, builds: list[Build]) -> None:
    for build in builds:
        node.hosts.drop(build.order.host, build.id)


# ---------------------------------------------------------------- 19-21: the image


async def fetch_image(node: Compute, builds: list[Build]) -> Failures:
    wanted = [build for build in builds if build.order.spec.image_id]
    if not wanted:
        return {}
    requests = [ImageRequest(token=b.order.spec.token, image_id=b.order.spec.image_id) for b in wanted]
    located, failures = _sorted_out(wanted, await node.located.ask(requests))
    for build, location in located:
        build.image = location
    return failures | await node.hypervisor.fetch_images([build for build, _ in located])


# ---------------------------------------------------------------- 22-24: networks


async def allocate_networks(node: Compute, builds: list[Build]) -> Failures:
    replies = await node.network.allocate([_network_request(node, build) for build in builds])
    allocated, failures = _sorted_out(builds, replies)
    for build, vifs in allocated:
        build.vifs = tuple(map(alike, vifs))
    return failures


def _network_request(node: Compute, build: Build) -> AllocateRequest:
    spec = build.order.spec
    return AllocateRequest(
        token=spec.token,
        instance_id=build.id,
        project_id=spec.project_id,
        host=build.order.host,
        hostname=spec.hostname,
        networks=spec.networks,
        auto=spec.auto_network,
        security_groups=spec.security_groups,
        availability_zone=spec.availability_zone.partition(":")[0] or node.config.availability_zone,
        again=build.order.again,
        epoch=node.epoch,
    )


async def deallocate_networks(node: Compute, builds: list[Build]) -> None:
    """A server that has run before keeps its ports where it can't be built again."""
    await node.network.deallocate(
        [
            DeallocateRequest(instance_id=build.id, host=build.order.host, keep=_is_kept(build), epoch=node.epoch)
            for build in builds
        ]
    )


def _is_kept(build: Build) -> bool:
    order = build.order
    return order.again and not (isinstance(order, DestroyOrder) and order.deleting)


# ---------------------------------------------------------------- 25-27: block devices


async def attach_block_devices(node: Compute, builds: list[Build]) -> Failures:
    """Volumes are attached in one message; then every disk of the guest gets its bus and device name."""
    requests = [(build, request) for build in builds if (request := _attach_request(node, build)).devices]
    failures: Failures = {}
    if requests:
        replies = await node.volume.attach([request for _, request in requests])
        attached, failures = _sorted_out([build for build, _ in requests], replies)
        for build, connections in attached:
            build.connections = connections
    _name_disks([build for build in builds if build.id not in failures])
    return failures


def _name_disks(builds: list[Build]) -> None:
    """Boots that are alike come in rows, and have the same disks if they have no volumes."""
    like: BootSpec | None = None
    disks: list[Disk] = []
    for build in builds:
        spec = build.order.spec
        if like is None or build.connections or not _same_disks(like, spec):
            disks, like = disks_for(spec, build.connections), None if build.connections else spec
        build.disks = disks


def _same_disks(one: BootSpec, other: BootSpec) -> bool:
    return (
        bool(one.image_id) == bool(other.image_id)
        and one.flavor == other.flavor
        and one.block_devices == other.block_devices
        and one.config_drive == other.config_drive
        and one.image_properties == other.image_properties
    )


def _volumes(build: Build) -> tuple[BlockDevice, ...]:
    return tuple(device for device in build.order.spec.block_devices if device.destination_type == "volume")


def _attach_request(node: Compute, build: Build) -> AttachRequest:
    spec = build.order.spec
    return AttachRequest(
        token=spec.token,
        instance_id=build.id,
        attempt=build.order.attempt,
        project_id=spec.project_id,
        host=build.order.host,
        devices=named_volumes(spec),
        epoch=node.epoch,
    )


async def detach_block_devices(node: Compute, builds: list[Build]) -> None:
    """A failed boot gives a user's volumes back untouched; a deleted instance takes those marked so with it.

    Of a server that has run before, a build that fails deletes nothing.
    """
    await node.volume.detach([_detach_request(node, build) for build in builds if _volumes(build)])


def _detach_request(node: Compute, build: Build) -> DetachRequest:
    order = build.order
    ended = isinstance(order, DestroyOrder) and order.deleting
    kept = tuple(device.source_id for device in _volumes(build)) if _is_kept(build) else ()
    return DetachRequest(
        instance_id=build.id,
        host=order.host,
        failed_boot=not ended,
        volume_ids=kept,
        keep=bool(kept) and (order.spec.shelved is not None or order.spec.moving is not None),
        epoch=node.epoch,
    )


# ---------------------------------------------------------------- 28: the guest


async def write_config_drive(node: Compute, builds: list[Build]) -> Failures:
    return await node.hypervisor.write_config_drives(builds)


async def remove_config_drive(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.remove_config_drives(builds)


async def make_root_disk(node: Compute, builds: list[Build]) -> Failures:
    return await node.hypervisor.make_root_disks(builds)


async def remove_root_disk(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.remove_root_disks(builds)


async def make_ephemeral_disks(node: Compute, builds: list[Build]) -> Failures:
    return await node.hypervisor.make_ephemeral_disks(builds)


async def remove_ephemeral_disks(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.remove_ephemeral_disks(builds)


async def expect_plugged(node: Compute, builds: list[Build]) -> Failures:
    """Listen for network-vif-plugged before anything is plugged, so that no event is missed."""
    for build in builds:
        node.plugs.expect(build.id, [vif.port_id for vif in build.vifs])
    return {}


async def stop_expecting(node: Compute, builds: list[Build]) -> None:
    for build in builds:
        node.plugs.forget(build.id)


async def plug_vifs(node: Compute, builds: list[Build]) -> Failures:
    """Make the taps. The node's L2 agent notices, wires and filters them; the network service answers.

    Of a tap that an earlier run of this build made, the answer may have been given to that run: it is asked for.
    """
    failures = await node.hypervisor.plug(builds)
    await plug_kept(node, builds)
    return failures


async def plug_kept(node: Compute, builds: list[Build]) -> None:
    kept = [(build, port_id) for build in builds for port_id in build.kept_ports]
    if not kept:
        return
    active = await node.network.ports_active([port_id for _, port_id in kept])
    for build, port_id in compress(kept, active):
        node.plugs.tell(build.id, port_id)


async def unplug_vifs(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.unplug(builds)


async def define_guest(node: Compute, builds: list[Build]) -> Failures:
    return await node.hypervisor.define(builds)


async def undefine_guest(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.undefine(builds)


async def start_paused(node: Compute, builds: list[Build]) -> Failures:
    await node.standing.hold([build.id for build in builds])
    return await node.hypervisor.start_paused(builds)


async def stop_guest(node: Compute, builds: list[Build]) -> None:
    await node.hypervisor.stop(builds)


async def await_plugged(node: Compute, builds: list[Build]) -> Failures:
    """Wait for the event of every port, with Nova's deadline; going on without is the operator's choice."""
    timeout_s = node.config.vif_plugging_timeout_s
    missing = await node.plugs.plugged([build.id for build in builds], timeout_s)
    failures: dict[str, Fault] = {}
    for build in builds:
        ports = missing.get(build.id)
        if ports and node.config.vif_plugging_is_fatal:
            cause = f"no network-vif-plugged for port {', '.join(sorted(ports))} within {timeout_s:g} s"
            failures[build.id] = HostFault("await_plugged", build.order.host, cause)
        else:
            node.plugs.forget(build.id)
    return failures


async def resume_guest(node: Compute, builds: list[Build]) -> Failures:
    await node.standing.hold([build.id for build in builds])
    return await node.hypervisor.resume(builds)


async def await_running(node: Compute, builds: list[Build]) -> Failures:
    return await node.hypervisor.await_running(builds)
