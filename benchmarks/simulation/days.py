"""A day of a cloud: everything that users and operators do to servers, in any order, in whatever weather there is.

A play of its own, asked for by `run.play(…, day=True)`, and the one in which all that the other plays have meets: acts
of every kind, nodes that are drained, lost and evacuated, states that are reset. In the end each server is deleted,
runs or is shelved, but where its node is lost for good. Its laws are those of the other plays, and that nothing which
was begun on a server is open for ever.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from actors.acts import (
    AnyAct,
    ConfirmResize,
    Edit,
    Pause,
    Reboot,
    Resume,
    RevertResize,
    Start,
    Stop,
    Suspend,
    Unpause,
    Unrescue,
)
from actors.api.act_messages import (
    ActOnServer,
    AttachPort,
    AttachVolumeTo,
    EditServer,
    MigrateServer,
    RebuildServer,
    RescueServer,
    ResizeServer,
    ShelveServer,
    UnshelveServer,
)
from actors.api.messages import BootRequest, SetNode
from actors.cluster import names
from actors.conductor.attached import attached_volumes
from actors.messages import ServerView
from actors.records import Instance, InstanceAction, VolumeAttachment
from benchmarks.simulation import confirming, migrations, resizes, shelves
from benchmarks.simulation.invariants import Quiet
from benchmarks.simulation.machines import FRESH
from benchmarks.simulation.stands import ADMIN, IMAGE, MEMBER, NETWORK
from benchmarks.simulation.trouble import STORM_S, Weather
from benchmarks.simulation.users import PATIENCE_S, Promise, Users, attempt

SERVERS = 4
ACTS = 8  # that are done to each at most
DRAINS = 3  # of nodes, at most
AGAIN_S = 1.5  # between an owner's looks how his server is
REPAIRS = 10  # tries to have one run that does not, before it is deleted: its disk may be lost
LOST_S = STORM_S + 30.0  # a node that is away for longer does not come back
ENDED_S = 20.0  # that an owner waits for the end of what he has asked for
FIRST = 3  # of the user's volumes and ports that others use
VOLUMES = tuple(f"volume-{FIRST + n}" for n in range(3))  # of all servers
PORTS = tuple(f"{FIRST + n}port-of-the-user" for n in range(3))
FLAVORS = ("small", *(flavor.id for flavor in resizes.FLAVORS))


def mixed(weather: Weather, random: Random) -> Weather:
    """Others use the cloud as well, but less; more nodes are lost, and half of them are evacuated."""
    lost = weather.lost_nodes or (weather.size.nodes > 1 and random.random() < 0.4)
    evacuates = lost > 0 and random.random() < 0.5
    return replace(weather, requests=random.randint(1, 2), lost_nodes=int(lost), evacuates=evacuates, drained=True)


class Disks(shelves.Disks):
    """One that was rebuilt or evacuated has a root disk as its image."""

    def __call__(self, instance_id: str, disk: bytes) -> None:
        rows = self._cloud.disk.ledger.rows.get(InstanceAction.__name__, {}).values()
        mine = [row.name for row in rows if isinstance(row, InstanceAction) and row.instance_id == instance_id]
        if disk == FRESH and not {"rebuild", "evacuate"}.isdisjoint(mine):
            return
        super().__call__(instance_id, disk)


# ---------------------------------------------------------------- what is done to servers


@dataclass(slots=True)
class Owner:
    """Of one server."""

    users: Users
    promise: Promise
    random: Random
    doubtful: bool = False  # it was reset: nobody knows what its guest is until that is rebooted

    @property
    def id(self) -> str:
        return self.promise.ids[0]

    async def live(self) -> None:
        await self.users.launch(self.promise)
        for _ in range(self.random.randint(1, ACTS) if self.promise.ids else 0):
            await asyncio.sleep(self.random.uniform(0.0, 2 * STORM_S / ACTS))
            at_once = 2 if self.random.random() < 0.2 else 1
            await asyncio.gather(*(self._do_something() for _ in range(at_once)))
        if self.promise.ids and self.random.random() < 0.3:
            await asyncio.gather(self._do_something(), self.users.delete(self.promise))
        elif self.promise.ids:
            runs = self.random.random() < 0.7
            await self._come_to_rest(runs)
            await asyncio.sleep(LOST_S)  # what was lost with a node is seen by then, or back
            if not self.promise.deleted:
                await self._come_to_rest(runs)

    async def _do_something(self) -> None:
        view = await attempt(self.users.api.server(MEMBER, self.id))
        if isinstance(view, ServerView):
            fits = FITTING.get(view.status, ANY) if self.random.random() < 0.85 else ANY
            await attempt(self.random.choice(fits)(self, view))

    async def _come_to_rest(self, runs: bool) -> None:
        began, repairs = self.users.now(), 0
        while self.users.now() < began + PATIENCE_S:
            view = await attempt(self.users.api.server(MEMBER, self.id))
            if isinstance(view, ServerView) and await self._is_idle(view):
                is_lost = view.status != "SHELVED_OFFLOADED" and view.power_state == "NOSTATE"
                for_good = is_lost and view.launched_at and self.users.now() > began + LOST_S
                if self._rests(view, runs) or (for_good and view.status == "ACTIVE"):
                    return
                repairs += view.status not in ("ACTIVE", "SHELVED_OFFLOADED")
                if for_good or repairs > REPAIRS:
                    await self.users.delete(self.promise)
                    return
                await attempt(self._next(view, runs))
            await asyncio.sleep(AGAIN_S)
        self.promise.unheard = "the end of its day"

    async def _is_idle(self, view: ServerView) -> bool:
        actions = await attempt(self.users.api.instance_actions(MEMBER, self.id))
        return not view.task_state and actions is not None and all(one.finished_at for one in actions)

    def _rests(self, view: ServerView, runs: bool) -> bool:
        match view.status:
            case "ACTIVE":
                return runs and not self.doubtful and view.power_state == "RUNNING"
            case "SHELVED_OFFLOADED":
                return not runs or view.fault is not None  # there is no room
            case "ERROR":
                return not view.launched_at
        return False

    async def _next(self, view: ServerView, runs: bool) -> None:
        paused = view.status == "ACTIVE" and view.power_state == "PAUSED"  # by an act that a reboot had taken over from
        if paused or (self.doubtful and view.status in ("ACTIVE", "SHUTOFF", "ERROR")):
            action = await reboot_hard(self, view)
            ended = await self.users.api.acted(MEMBER, self.id, action.id, ENDED_S)
            self.doubtful = not ended.finished_at or bool(ended.message)
            return
        if view.status == "ACTIVE" and not runs:
            await shelve(self, view)
        elif view.status in BACK:
            await self.random.choice(BACK[view.status])(self, view)


Do = Callable[[Owner, ServerView], Awaitable[Any]]


def act(*acts: AnyAct) -> Do:
    async def do(owner: Owner, view: ServerView) -> Any:
        wanted = owner.random.choice(acts)
        return await owner.users.api.act(ActOnServer(token=MEMBER, server_id=view.id, act=wanted))

    return do


reboot_hard, start = act(Reboot(hard=True)), act(Start())
confirm, revert = act(ConfirmResize()), act(RevertResize())
unrescue, unpause, resume = act(Unrescue()), act(Unpause()), act(Resume())
power = act(Stop(wait_s=0.0), Reboot(hard=False), Pause(), Suspend())


async def rebuild(owner: Owner, view: ServerView) -> None:
    await owner.users.api.rebuild(RebuildServer(token=MEMBER, server_id=view.id, image=IMAGE, reimage=True))


async def rescue(owner: Owner, view: ServerView) -> None:
    await owner.users.api.rescue(RescueServer(token=MEMBER, server_id=view.id, image=IMAGE, admin_password="secret"))


async def resize(owner: Owner, view: ServerView) -> None:
    flavor = owner.random.choice(FLAVORS)
    await owner.users.api.resize(ResizeServer(token=MEMBER, server_id=view.id, flavor=flavor))


async def migrate(owner: Owner, view: ServerView) -> None:
    await owner.users.api.migrate(MigrateServer(token=ADMIN, server_id=view.id))


async def shelve(owner: Owner, view: ServerView) -> None:
    await owner.users.api.shelve(ShelveServer(token=MEMBER, server_id=view.id))


async def unshelve(owner: Owner, view: ServerView) -> None:
    await owner.users.api.unshelve(UnshelveServer(token=MEMBER, server_id=view.id))


async def attach_volume(owner: Owner, view: ServerView) -> None:
    wanted = owner.random.choice(VOLUMES)
    await owner.users.api.attach_volume(AttachVolumeTo(token=MEMBER, server_id=view.id, volume_id=wanted))


async def detach_volume(owner: Owner, view: ServerView) -> None:
    if view.volumes:
        await owner.users.api.detach_volume(MEMBER, view.id, owner.random.choice(view.volumes).source_id)


async def attach_interface(owner: Owner, view: ServerView) -> None:
    wanted = owner.random.choice(({"network_id": NETWORK}, {"port_id": owner.random.choice(PORTS)}))
    await owner.users.api.attach_interface(AttachPort(token=MEMBER, server_id=view.id, **wanted))


async def detach_interface(owner: Owner, view: ServerView) -> None:
    if view.addresses:
        await owner.users.api.detach_interface(MEMBER, view.id, owner.random.choice(view.addresses).port_id)


async def reset(owner: Owner, view: ServerView) -> None:
    """By an administrator, whatever is being done to it."""
    owner.doubtful = True
    edit = Edit(instance_id="", vm_state=owner.random.choice(("active", "error")))
    await owner.users.api.edit(EditServer(token=ADMIN, server_id=view.id, edit=edit))


DEVICES = (attach_volume, detach_volume, attach_interface, detach_interface)
WHEREVER = (rebuild, rescue, resize, migrate, migrate, shelve, *DEVICES)
ANY: tuple[Do, ...] = (power, start, unrescue, confirm, revert, unshelve, reboot_hard, reset, *WHEREVER)
FITTING: dict[str, tuple[Do, ...]] = {
    "ACTIVE": (power, power, reboot_hard, *WHEREVER),
    "SHUTOFF": (start, start, *WHEREVER),
    "RESCUE": (unrescue,),
    "VERIFY_RESIZE": (confirm, revert, attach_volume, detach_volume),
    "PAUSED": (unpause, reboot_hard, shelve, *DEVICES),
    "SUSPENDED": (resume, shelve),
    "SHELVED_OFFLOADED": (unshelve, unshelve, attach_volume, detach_volume),
    "ERROR": (reboot_hard, rebuild, reset),
}
BACK: dict[str, tuple[Do, ...]] = {
    "SHUTOFF": (start, start, rebuild),
    "RESCUE": (unrescue,),
    "VERIFY_RESIZE": (confirm, revert),
    "PAUSED": (unpause,),
    "SUSPENDED": (resume,),
    "SHELVED_OFFLOADED": (unshelve,),
    "ERROR": (reboot_hard, reboot_hard, rebuild),
}  # what brings it nearer to running, by its status


def begin(users: Users, random: Random) -> None:
    for number in range(SERVERS):
        key = f"day-{number}"
        kind = random.choice(confirming.KINDS)
        promise = Promise(BootRequest(token=MEMBER, name=key, flavor="small", idempotency_key=key, **kind))
        users.promises.append(promise)
        users.also(Owner(users, promise, random).live())
    users.also(_operate(users, random))


async def _operate(users: Users, random: Random) -> None:
    """Nodes are drained for a while; in the end all take servers."""
    drained: list[str] = []
    for _ in range(random.randint(0, DRAINS)):
        await asyncio.sleep(random.uniform(0.0, STORM_S / 2))
        nodes = await attempt(users.api.nodes(ADMIN))
        if nodes and random.random() < 0.7:
            drained.append(random.choice(nodes).id)
            await attempt(users.api.set_node(SetNode(token=ADMIN, node=drained[-1], enabled=False)))
        elif drained:
            await attempt(users.api.set_node(SetNode(token=ADMIN, node=drained[-1], enabled=True)))
    for node in sorted(set(drained)):
        await _enable(users, node)


async def _enable(users: Users, node: str) -> None:
    while True:
        try:
            await users.api.set_node(SetNode(token=ADMIN, node=node, enabled=True))
            return
        except ConnectionError:
            await asyncio.sleep(AGAIN_S)


def done(actions: Iterable[InstanceAction]) -> Counter[str]:
    """How many acts of each name ended well, and how many did not (as `failed`)."""
    return Counter("failed" if row.message else row.name for row in actions if row.finished_at)


# ---------------------------------------------------------------- laws


async def broken(quiet: Quiet) -> list[str]:
    found = [*await resizes.broken(quiet), *await shelves.broken(quiet), *await migrations.left_behind(quiet)]
    return [*found, *_devices(quiet), *([] if quiet.users.done else ["somebody's server does not come to rest"])]


def _devices(quiet: Quiet) -> Iterable[str]:
    """What a server's order says of its volumes is so."""
    held: dict[str, set[str]] = {}
    for row in quiet.rows(VolumeAttachment):
        held.setdefault(row.instance_id, set()).add(row.volume_id)
    owners = quiet.owners()
    for boot in quiet.room(names.CONDUCTOR).all_boots():
        wanted = {one.source_id for one in attached_volumes(boot.spec(), boot.id)}
        if boot.id in owners and held.get(boot.id, set()) != wanted and not _is_homeless(boot.instance):
            yield f"{boot.id} should have the volumes {sorted(wanted)}, and has {sorted(held.get(boot.id, ()))}"


def _is_homeless(row: Instance) -> bool:
    return row.vm_state == "error"
