"""What the driver does to a libvirt domain, each act blocking and harmless when repeated.

Called through `Connection.call`, so in threads. Domains are looked up by the instance id, which is their UUID.
"""

from __future__ import annotations

from collections.abc import Callable

import libvirt

UNDEFINE_FLAGS = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
ALIVE = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED)
ON_THE_WAY = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_NOSTATE)
STATE_NAMES = {
    libvirt.VIR_DOMAIN_NOSTATE: "in no state",
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "blocked",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "shutting down",
    libvirt.VIR_DOMAIN_SHUTOFF: "shut off",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}


def find(connection: libvirt.virConnect, instance_id: str) -> libvirt.virDomain | None:
    try:
        return connection.lookupByUUIDString(instance_id)
    except libvirt.libvirtError as error:
        if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_INVALID_ARG):  # gone, or no UUID
            return None
        raise


def define(connection: libvirt.virConnect, definition: str) -> None:
    connection.defineXML(definition)


def undefine(connection: libvirt.virConnect, instance_id: str) -> None:
    domain = find(connection, instance_id)
    if domain is not None:
        _unless_gone(domain.undefineFlags, UNDEFINE_FLAGS)


def start_paused(connection: libvirt.virConnect, instance_id: str) -> None:
    """A guest that runs already is left as it is."""
    domain = connection.lookupByUUIDString(instance_id)
    if not domain.isActive():
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def resume(connection: libvirt.virConnect, instance_id: str) -> None:
    domain = connection.lookupByUUIDString(instance_id)
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def destroy(connection: libvirt.virConnect, instance_id: str) -> None:
    domain = find(connection, instance_id)
    if domain is not None and domain.isActive():
        _unless_gone(domain.destroy)


def state(connection: libvirt.virConnect, instance_id: str) -> int:
    return int(connection.lookupByUUIDString(instance_id).state()[0])


def definitions(connection: libvirt.virConnect) -> list[str]:
    return [domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) for domain in connection.listAllDomains()]


def states(connection: libvirt.virConnect) -> dict[str, bool]:
    """Every guest by its instance id, and whether it is active."""
    return {domain.UUIDString(): bool(domain.isActive()) for domain in connection.listAllDomains()}


def _unless_gone(act: Callable[..., int], *arguments: int) -> None:
    """Another's act, or the guest's own end, may come between looking and acting."""
    try:
        act(*arguments)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            raise
