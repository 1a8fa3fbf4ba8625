"""What must be true of a simulated cloud once it is quiet: each law finds what breaks it, as lines for people.

Reads everything from outside: the disk, the machines, the rooms' own worlds; asks nobody. Empty = all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actors.cluster import names
from actors.conductor.device_ends import LEFT
from actors.network.naming import COMPUTE_OWNER, DHCP_OWNER, tap_device
from actors.records import Instance, InstanceAction, Notification, Port, Volume, VolumeAttachment
from benchmarks.simulation.cloud import SimulatedCloud
from benchmarks.simulation.stands import PROJECT
from benchmarks.simulation.trouble import Weather
from benchmarks.simulation.users import Users

ONCE = tuple(f"instance.{verb}.{phase}" for verb in ("create", "delete") for phase in ("start", "end", "error"))
BUILDS = "instance.create", "instance.evacuate", "instance.rebuild"


@dataclass(slots=True)
class Quiet:
    """A cloud in which nothing moves, looked at once."""

    cloud: SimulatedCloud
    users: Users
    weather: Weather

    def rows(self, kind: type[Any]) -> list[Any]:
        return list(self.cloud.disk.ledger.rows.get(kind.__name__, {}).values())

    def room(self, name: str) -> Any:
        process = self.cloud.wire.processes.get(name)
        return process.room if process is not None and not process.dead else None

    @property
    def instances(self) -> dict[str, Instance]:
        return {row.id: row for row in self.rows(Instance)}

    def placed(self) -> dict[str, Instance]:
        """Those that have room on a host: they run, or ended with their machine and can be started."""
        return {row.id: row for row in self.rows(Instance) if row.vm_state in ("active", "stopped")}

    def owners(self) -> dict[str, Instance]:
        """Those that have ports and volumes: also what was evacuated or shelved, and has no host for now."""
        there = ("active", "stopped", "shelved_offloaded")
        return {row.id: row for row in self.rows(Instance) if row.vm_state in there or _homeless(row)}

    def homes(self) -> dict[str, str]:
        """Where each instance is whose guest can be looked at: not on machines that were switched off since, or are no
        part of the cloud any more."""
        there = self.placed().values()
        return {row.id: row.host for row in there if row.vm_state == "active" and not self.lost(row)}

    def on_volumes(self) -> set[str]:
        """Those that boot from one: they have no root disk."""
        return {i for promise in self.users.promises if not promise.request.image for i in promise.ids}

    def ended(self, row: Instance) -> bool:
        """It is off, and may be: a machine that it was on was switched off."""
        return row.vm_state == "stopped" and row.power_state == "SHUTDOWN" and bool(self.cloud.gone_at)

    def lost(self, row: Instance) -> bool:
        """With its machine, and not started there again."""
        gone = row.launched_at < self.cloud.gone_at.get(row.host, 0.0) and row.power_state != "RUNNING"
        return row.host not in self.members() or gone

    def bound(self, row: Instance) -> tuple[str, ...]:
        """Where its ports and volumes may be: one that was on its way as its node left could be put back nowhere."""
        if _homeless(row):
            return ("",)
        boot = self.room(names.CONDUCTOR).boot(row.id)
        is_adrift = boot is not None and boot.spec().adrift and row.host not in self.members()
        return ("", row.host) if is_adrift else (row.host,)

    def members(self) -> list[str]:
        return [name for name in self.cloud.machines if names.compute_name(name) in self.cloud.wire.processes]

    def moving(self) -> bool:
        """Something has yet to end."""
        if not self.users.done or self.cloud.leaving:
            return True
        if any(self.room(name) is None for name in self.cloud.wire.processes):
            return True
        return any(row.deleting or row.vm_state in ("building", "shelved") for row in self.rows(Instance))


def _homeless(row: Instance) -> bool:
    """It has run, and could not be built elsewhere when its node was lost."""
    return row.vm_state == "error" and row.launched_at > 0.0


async def broken(quiet: Quiet) -> list[str]:
    found = [*_promises(quiet), *_ends(quiet), *_notifications(quiet), *_guests(quiet)]
    found += [*_ports(quiet, await _up(quiet)), *_volumes(quiet), *_evacuations(quiet)]
    found += await _books(quiet)
    found += await _machines(quiet)
    return found + _deaths(quiet)


def _promises(quiet: Quiet) -> Iterable[str]:
    """A key is one boot; whoever was answered is on disk; whoever asked was answered."""
    made = Counter(row.idempotency_key for row in quiet.rows(Instance))
    for promise in quiet.users.promises:
        key, count = promise.request.idempotency_key, promise.request.count
        if promise.unheard:
            yield f"{key}: {promise.unheard} was never answered"
        if len(set(promise.answers)) > 1:
            yield f"{key}: the same request was answered with {promise.answers}"
        if promise.answers and made[key] != count:
            yield f"{key}: {count} machines were asked for, {made[key]} were made"
        if promise.answers and promise.refused:
            yield f"{key}: accepted, and then refused: {promise.refused.message}"
        lost = set(promise.ids) - quiet.instances.keys()
        if lost:
            yield f"{key}: accepted and nowhere: {sorted(lost)}"


def _ends(quiet: Quiet) -> Iterable[str]:
    wanted = {i for promise in quiet.users.promises if promise.deleted for i in promise.ids}
    for row in quiet.rows(Instance):
        at_rest = row.vm_state in ("active", "shelved_offloaded", "error", "deleted") or quiet.ended(row)
        if not at_rest or row.task_state or row.deleting:
            yield f"{row.id} is stuck: {row.vm_state}/{row.task_state or '-'} on {row.host or 'no host'}"
        elif row.id in wanted and row.vm_state != "deleted":
            yield f"{row.id} was to be deleted and is {row.vm_state}"
        elif row.vm_state == "error" and not _rightly(row, quiet.weather):
            yield f"{row.id} ended in ERROR for no good reason: {row.fault}"


def _rightly(row: Instance, weather: Weather) -> bool:
    """For a reason that is the user's or the hardware's."""
    message = str(row.fault.get("message", ""))
    if "a simulated fault" in message:
        return True
    return "No valid host" in message and (weather.may_lack_room or weather.size.fault_share > 0)


def _notifications(quiet: Quiet) -> Iterable[str]:
    rows: list[Notification] = sorted(quiet.rows(Notification), key=lambda row: row.sequence)
    told: dict[str, list[str]] = {}
    for row in rows:
        told.setdefault(row.instance_id, []).append(row.event_type)
    for instance in quiet.rows(Instance):
        events = told.get(instance.id, [])
        if not _tells(instance, events):
            yield f"{instance.id} is {instance.vm_state}, and its notifications are {events}"
        repeated = [event for event, count in Counter(events).items() if count > 1 and event in ONCE]
        if repeated:
            yield f"{instance.id}: told twice: {repeated}"
    heard = [row.id for row in quiet.users.heard]
    if heard != [row.id for row in rows]:
        yield f"a follower heard {len(heard)} notifications of {len(rows)}: {heard} of {[row.id for row in rows]}"


def _tells(instance: Instance, events: list[str]) -> bool:
    """The last of them is how what was done to it last ended; of one that is deleted, that it is."""
    last = events[-1] if events else ""
    if instance.vm_state == "deleted" or last == "instance.delete.end":
        return instance.vm_state == "deleted" and last == "instance.delete.end"
    if instance.vm_state == "error":
        return last.endswith((".error", ".update"))
    only_built = all(event.startswith(BUILDS) for event in events)
    return last.endswith(".end" if only_built else (".end", ".error", ".update"))


def _evacuations(quiet: Quiet) -> Iterable[str]:
    """Each that was asked for is begun once, however often its message is executed, and has ended."""
    asked = Counter(row.instance_id for row in quiet.rows(InstanceAction) if row.name == "evacuate")
    begun = Counter(row.instance_id for row in quiet.rows(Notification) if row.event_type == "instance.evacuate")
    for instance_id in asked.keys() | begun.keys():
        if asked[instance_id] != begun[instance_id]:
            yield f"{instance_id}: {asked[instance_id]} evacuations were asked for, {begun[instance_id]} were begun"
    for row in quiet.rows(InstanceAction):
        if row.name == "evacuate" and not row.finished_at and quiet.instances[row.instance_id].vm_state != "deleted":
            yield f"{row.instance_id}: its evacuation {row.id} has not ended"


def _guests(quiet: Quiet) -> Iterable[str]:
    homes = quiet.homes()
    members = quiet.members()
    running = {i: here for i, where in quiet.cloud.guests.on.items() if (here := [m for m in where if m in members])}
    for instance_id, host in homes.items():
        if running.get(instance_id) != [host]:
            yield f"{instance_id} is ACTIVE on {host}, and runs on {running.get(instance_id, [])}"
    for instance_id in running.keys() - homes.keys():
        yield f"a guest runs that is nobody's: {instance_id} on {running[instance_id]}"


async def _up(quiet: Quiet) -> set[str]:
    """Ids of the ports that are."""
    network = quiet.room(names.NETWORK)
    return set((await network.world())["up"]) if network is not None else set()


def _ports(quiet: Quiet, up: set[str]) -> Iterable[str]:
    ports: list[Port] = quiet.rows(Port)
    owners = quiet.owners()
    for what, values in (
        ("MAC", [port.mac_address for port in ports]),
        ("address", [ip.ip_address for port in ports for ip in port.fixed_ips]),
    ):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            yield f"{what} given twice: {twice}"
    for port in ports:
        owner = owners.get(port.made_for or port.device_id)
        if port.device_owner.startswith(COMPUTE_OWNER) or port.made_for:
            if owner is None:
                yield f"port {port.id} is left behind by {port.made_for or port.device_id}"
            elif port.host not in quiet.bound(owner):
                yield f"port {port.id} of {owner.id} is bound to {port.host}, which runs on {owner.host}"
            elif port.id not in up and port.host and not quiet.lost(owner):
                yield f"port {port.id} of {owner.id} is not up"
    for row in owners.values():
        held = {port.id for port in ports if port.device_id == row.id}
        wanted = {vif.port_id for vif in row.addresses}
        if held != wanted:
            yield f"{row.id} shows the ports {sorted(wanted)} and has {sorted(held)}"


def _volumes(quiet: Quiet) -> Iterable[str]:
    owners, attachments = quiet.owners(), quiet.rows(VolumeAttachment)
    volumes: dict[str, Volume] = {row.id: row for row in quiet.rows(Volume)}
    for attachment in attachments:
        owner = owners.get(attachment.instance_id)
        if owner is None:
            yield f"volume {attachment.volume_id} is still attached to {attachment.instance_id}"
        elif attachment.host not in quiet.bound(owner):
            yield f"volume {attachment.volume_id} is attached on {attachment.host}; {owner.id} runs on {owner.host}"
    twice = [v for v, count in Counter(each.volume_id for each in attachments).items() if count > 1]
    if twice:
        yield f"volumes attached twice: {twice}"
    attached = {each.volume_id for each in attachments}
    for volume in volumes.values():
        if volume.status not in ("available", "in-use") or (volume.status == "in-use") != (volume.id in attached):
            yield f"volume {volume.id} of {volume.made_for or 'the user'} is {volume.status}"
        maker = quiet.instances.get(volume.made_for)
        if maker is not None and maker.vm_state == "error" and not _homeless(maker):
            yield f"volume {volume.id} is left behind by {maker.id}, which ended in ERROR"


async def _books(quiet: Quiet) -> list[str]:
    """Claims, in the scheduler's books and the hosts' own, are the instances."""
    found: list[str] = []
    placed = quiet.placed()
    scheduler = quiet.room(names.SCHEDULER)
    claimed = {i: host for host, ids in (await scheduler.world()).items() for i in ids}
    wanted = {row.id: row.host for row in placed.values()}
    if claimed != wanted:
        found.append(f"the scheduler has claims of {_difference(claimed, wanted)}")
    if scheduler._provisional:
        found.append(f"the scheduler would take back the claims of {sorted(scheduler._provisional)}")
    exports = (await quiet.cloud.backend.world())["exports"]
    attached = {each.volume_id: each.host for each in quiet.rows(VolumeAttachment) if each.host}
    reached = {volume_id for volume_id, host in attached.items() if host in quiet.members()}
    if not reached <= set(exports) <= attached.keys():  # of what was lost with its host, nobody reaches any more
        found.append(f"exported are {exports}, attached {sorted(attached)}")
    return found


async def _machines(quiet: Quiet) -> list[str]:
    """Each machine has what its guests need, and nothing else."""
    found: list[str] = []
    ports: list[Port] = quiet.rows(Port)
    on_volumes = quiet.on_volumes()
    for machine in [quiet.cloud.machines[name] for name in quiet.members()]:
        mine = sorted(i for i, host in quiet.homes().items() if host == machine.name)
        compute = quiet.room(names.compute_name(machine.name))
        plugged = sorted({port.device_id for port in ports if port.device_id in mine})
        taps = sorted(tap_device(port.id) for port in ports if port.device_id in mine)
        dead = {tap for one in _half_given(quiet) for tap in machine.hypervisor.taps_of(one)}.difference(taps)
        world = {kind: things for kind, things in (await machine.hypervisor.world()).items() if things}
        world["plug"] = [one for one in world.get("plug", []) if one in plugged or one not in mine]
        world["taps"] = [tap for tap in world.get("taps", []) if tap not in dead]
        found += _hot_disks(quiet, machine.name, world.pop("hot_disks", []))
        wanted = {kind: mine for kind in ("config_drive", "define", "start_paused") if mine}
        wanted |= {"plug": plugged, "taps": taps}
        if disks := [each for each in mine if each not in on_volumes]:
            wanted["root_disk"] = disks
        if world != wanted:
            found.append(f"{machine.name} has {_difference(world, wanted)}")
        if compute is not None:
            books = await compute.world()
            claims = sorted(row.id for row in quiet.placed().values() if row.host == machine.name)
            if books["claims"] != claims or books["expecting"]:
                found.append(f"the books of {machine.name} say {books['claims']} {books['expecting']}, not {claims}")
        served = [tap_device(p.id) for p in ports if p.device_owner == DHCP_OWNER and p.host == machine.name]
        plane = await machine.dataplane.world()
        wired = sorted(tap for line in plane["taps"] if (tap := line.partition(" ")[0]) not in dead)
        if wired != sorted(taps + served):
            found.append(f"the data plane of {machine.name} has {_difference(wired, sorted(taps + served))}")
    return found


def _hot_disks(quiet: Quiet, host: str, disks: list[str]) -> Iterable[str]:
    """Each is a volume's that its guest has."""
    attached = Counter(each.instance_id for each in quiet.rows(VolumeAttachment) if each.host == host)
    for instance_id, count in Counter(line.partition(" ")[0] for line in disks).items():
        if count > attached[instance_id] and instance_id not in _half_given(quiet):
            yield f"the guest of {instance_id} has {count} disks, of {attached[instance_id]} volumes"


def _half_given(quiet: Quiet) -> set[str]:
    """Those that were being given a device as their node left, which may be back: there the guest may have it, dead,
    until it is made anew."""
    given = [row for row in quiet.rows(InstanceAction) if row.name in ("attach_volume", "attach_interface")]
    return {row.instance_id for row in given if any(LEFT in part.traceback for part in row.events)}


async def charged(quiet: Quiet) -> list[str]:
    """What its project's quota says that is taken is what its servers are of, once none waits to be confirmed."""
    [quota] = await quiet.room(names.CONDUCTOR).quotas([PROJECT])
    there = [row for row in quiet.rows(Instance) if row.vm_state != "deleted"]
    wanted = {
        "instances": len(there),
        "cores": sum(row.flavor.vcpus for row in there),
        "ram": sum(row.flavor.ram_mib for row in there),
    }
    return [] if quota.used == wanted else [f"the project is charged for {quota.used}, and has {wanted}"]


def _deaths(quiet: Quiet) -> list[str]:
    """Whatever a task died of, nobody expected."""
    return [
        f"a task died: {type(error).__name__}: {error}"
        for task in quiet.cloud.loop.tasks
        if task.done() and not task.cancelled() and task._log_traceback and (error := task.exception())
    ]


def _difference(found: Any, wanted: Any) -> str:
    return f"{found}, and should have {wanted}"
