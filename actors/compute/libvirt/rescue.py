"""Makes a guest boot from a rescue disk and from its own again: the files and the definition. Thin.

Called by `guests.py`, of a guest that is off. Invariant: the definition is either the guest's own or the rescued one;
files of a rescue that nothing boots from are harmless, and go with the guest at the latest.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import libvirt

from actors.compute.build import Build, Disk
from actors.compute.config_drive import iso_image
from actors.compute.libvirt import disks, domains
from actors.compute.libvirt.connection import Connection
from actors.compute.libvirt.hardware import hardware_of
from actors.compute.libvirt.rescue_xml import (
    RESCUE,
    RESCUE_CONFIG,
    RescuePlan,
    act_of,
    rescued,
    unrescued,
)
from actors.compute.metadata import drive_documents
from actors.compute.rescue_disk import rescue_disk

SEED_BYTES = 512  # of randomness for the guest, as Nova gives


async def rescued_by(connection: Connection, instance_id: str) -> str:
    definition = await connection.call(_definition, instance_id)
    return act_of(definition) if definition else ""


async def rescue(connection: Connection, folder: Path, build: Build, act_id: str) -> None:
    """Raises `CallerError` for an image that is not fit for it, and what disks and libvirt raise."""
    assert build.image is not None and build.image_path is not None, "the image was fetched"
    spec = build.order.spec
    plan = RescuePlan(act_id, folder, rescue_disk(build.image), hardware_of(spec))
    definition = await connection.call(_definition, build.id)
    anew = rescued(unrescued(definition), plan)
    await asyncio.to_thread(disks.make_rescue_disk, build.image_path, build.image, folder / RESCUE)
    if spec.config_drive:
        root = Disk(role="root", device="", bus=plan.disk.bus, format="qcow2", boot_index=0)
        documents = drive_documents(spec, build.id, build.vifs, [root], os.urandom(SEED_BYTES))
        await asyncio.to_thread(lambda: disks.write_file(folder / RESCUE_CONFIG, iso_image(documents)))
    await connection.call(domains.define, anew)


async def unrescue(connection: Connection, folder: Path, instance_id: str) -> None:
    definition = await connection.call(_definition, instance_id)
    if definition and act_of(definition):
        await connection.call(domains.define, unrescued(definition))
    await asyncio.to_thread(disks.remove_files, folder, RESCUE, RESCUE_CONFIG)


def _definition(connection: libvirt.virConnect, instance_id: str) -> str:
    """As it starts the next time; '' where there is no such guest."""
    domain = domains.find(connection, instance_id)
    return "" if domain is None else domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
