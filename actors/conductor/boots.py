"""A boot as the conductor holds it: the instance's row, its timeline, and who waits for it.

Pure: every change is a method that is told the time. Owned by the conductor's service; nothing else writes instances.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from sys import intern

import msgspec

from actors.conductor.attached import attached_volumes
from actors.conductor.held import counted, edition, held, is_elsewhere, kept_places
from actors.conductor.orders import Template, joined, split, template_of, whole
from actors.conductor.quotas import group_of
from actors.conductor.timeline import PLACED, Moment, Timeline
from actors.messages import (
    BootFault,
    BootSpec,
    BuildEnded,
    BuildOrder,
    Claim,
    DestroyOrder,
    KeptPlace,
    Placed,
    PlaceRequest,
    ServerView,
)
from actors.records import Flavor, Instance, Notification, OrderTemplate, Story
from actors.states import ACCEPTED, AGAIN, SHELVED, Event, Power, State, Task, Vm, after, status
from actors.vifs import Vif, alike

DEFAULT_GROUP = "default"  # of security groups
FLAVORS_KEPT = 1_000  # different ones that `in_common` remembers

_flavors: dict[str, Flavor] = {}  # by id


@dataclass(slots=True, eq=False)
class Boot:
    """One instance that is not deleted."""

    instance: Instance
    timeline: Timeline = field(default_factory=Timeline)
    failures: list[BootFault] = field(default_factory=list)  # of earlier attempts, on other hosts
    controlled: bool = False  # the CONTROL table is running for it, and no compute actor has its order yet
    writing: int = 0  # commits under way that must take its row along with a notification
    undoing: bool = False  # all that it did is being taken back, to end it or to try elsewhere
    perhaps_somewhere: bool = False  # a conductor that died may have handed it over, to whom is not on disk
    story_written_at: float = 0.0
    acting: str = ""  # the id of the action that its task_state shows
    acted_at: float = 0.0  # what was seen of its guest before is out of date
    ended: asyncio.Event | None = None  # set when it leaves BUILD or is gone; made by the first who waits
    decoded: BootSpec | None = None  # its order, kept only while it is built
    template: Template | None = None  # of its order; None: that is whole
    known_elsewhere: bool | None = None  # what `elsewhere` says; None: nobody has looked

    id: str = field(init=False)  # the instance's

    def __post_init__(self) -> None:
        self.id = self.instance.id

    @property
    def status(self) -> str:
        """REBUILD: it has run before, and is being built again. One that was shelved is so until it runs."""
        row = self.instance
        shown = _status(row.vm_state, row.task_state, row.power_state)
        if shown != "BUILD" or not self.again:
            return shown
        return Vm.SHELVED_OFFLOADED.upper() if self.unshelving else "REBUILD"

    @property
    def vm_state(self) -> str:
        """As it is shown."""
        return Vm.SHELVED_OFFLOADED.value if self.unshelving else self.instance.vm_state

    @property
    def task(self) -> str:
        """Its task_state as it is shown; '' = none."""
        task = self.instance.task_state
        if not task or not self.again:
            return task
        shown = AGAIN.get(Task(task), task)
        return Task.SPAWNING.value if shown != task and self.unshelving else shown

    @property
    def state(self) -> State:
        row = self.instance
        return State(Vm(row.vm_state), Task(row.task_state), Power(row.power_state))

    @property
    def holds_host(self) -> bool:
        """Whether it takes room on its host; a boot that ended in ERROR or was deleted has given it back."""
        row = self.instance
        if not row.host or row.vm_state == Vm.DELETED:
            return False
        return row.vm_state != Vm.ERROR or (row.launched_at > 0 and not self.homeless)

    @property
    def homeless(self) -> bool:
        """Its node was lost, and it could not be built elsewhere: it has its ports and volumes, and room nowhere."""
        return self.instance.vm_state == Vm.ERROR and self.spec().evacuation is not None

    @property
    def elsewhere(self) -> bool:
        """Whether its order names hosts beside its own. Hardly any does, and each hello of a compute actor asks of all
        servers: no order is read for that twice."""
        if self.known_elsewhere is None:
            self.known_elsewhere = is_elsewhere(self.spec())
        return self.known_elsewhere

    @property
    def again(self) -> bool:
        """Whether it has run before: what it has besides its host is no boot's to take back."""
        return self.instance.launched_at > 0

    @property
    def unshelving(self) -> bool:
        """Whether it is being built, or was when its deletion was asked for, since it was shelved."""
        return self.again and self.instance.vm_state == Vm.BUILDING and self.spec().shelved is not None

    @property
    def begun_at(self) -> float:
        """When the boot that is under way began."""
        return self.instance.updated_at if self.again else self.instance.created_at

    @property
    def building(self) -> bool:
        return self.instance.vm_state == Vm.BUILDING and not self.instance.deleting

    @property
    def batch(self) -> str:
        """Of machines that are placed together; '' once this one has been placed, or where it stands for itself."""
        return "" if self.instance.attempt or self.instance.host else self.spec().batch

    @property
    def wait_until(self) -> float:
        """Till when it may wait for room, in seconds since the epoch; at once where it does not wait."""
        return self.instance.created_at + self.spec().wait_for_capacity_s

    def hear(self, *events: Event, **fields: object) -> None:
        """Follow the state table, and change other fields with it; raises `IllegalTransitionError` and changes nothing
        where it has no row."""
        row = self.instance
        state = row.vm_state, row.task_state, row.power_state
        for event in events:
            state = _after(*state, event)
        self.change(vm_state=state[0], task_state=state[1], power_state=state[2], **fields)

    def change(self, **fields: object) -> None:
        self.instance = msgspec.structs.replace(self.instance, **fields)
        if "order" in fields:
            self.known_elsewhere = None

    def become(self, state: State) -> None:
        """Of a server that has been booted: what `lifecycle` says that it is."""
        self.change(vm_state=state.vm.value, task_state=state.task.value, power_state=state.power.value)

    def ask_anew(self, **fields: object) -> None:
        """Change what it was asked for, as if it had been asked so."""
        spec = msgspec.structs.replace(self.spec(), **fields)
        self.change(order=whole(spec), template="")
        self.template = None
        if self.decoded is not None:
            self.decoded = spec

    def place(self, placed: Placed, at: float) -> None:
        """This attempt has a host."""
        host = placed.host
        self.change(host=host, node=intern(placed.node), availability_zone=intern(placed.zone))
        self.tell(Moment(at, "place", PLACED, self.instance.attempt, host).encoded())

    @property
    def just_accepted(self) -> bool:
        """Its whole story is still in its order."""
        return len(self.timeline.moments) <= 1

    def tell(self, moment: msgspec.Raw) -> None:
        self.timeline.moments.append(moment)

    def end(self) -> None:
        """It is built, or will not be: those who wait hear of it, and what only a build needs is let go."""
        self.decoded = None
        self.timeline.door = ()  # its order has that, too
        if self.ended is not None:
            self.ended.set()
            self.ended = None

    def built(self, report: BuildEnded, vifs: tuple[Vif, ...]) -> None:
        """`vifs`: the report's, with what was told of them meanwhile."""
        self.hear(
            Event.SPAWNED,
            launched_at=report.at,
            addresses=tuple(map(alike, vifs)),
            root_device=intern(report.root_device),
        )

    def story_row(self) -> Story:
        return Story(id=self.id, lines=self.whole_timeline().encoded())

    def whole_timeline(self) -> Timeline:
        """With what happened before it was accepted."""
        return Timeline(self.timeline.door or self.spec().door, self.timeline.moments)

    # ------------------------------------------------------------ what is sent of it

    def spec(self) -> BootSpec:
        if self.decoded is not None:
            return self.decoded
        spec = joined(self.template, self.instance)
        if self.building:
            self.decoded = spec
        return spec

    def claim(self) -> Claim:
        """While it may be of two flavors, of each resource what the larger needs."""
        spec = self.spec()
        return self._claim(spec, held(spec), edition(spec))

    def claim_of(self, flavor: Flavor) -> Claim:
        """Were it of this flavor alone."""
        spec = self.spec()
        return self._claim(spec, (flavor,), edition(spec))

    def _claim(self, spec: BootSpec, flavors: tuple[Flavor, ...], edition: int) -> Claim:
        return Claim(
            instance_id=self.id,
            host=self.instance.host,
            vcpus=max(flavor.vcpus for flavor in flavors),
            ram_mib=max(flavor.ram_mib for flavor in flavors),
            disk_gib=max(disk_gib(spec, flavor) for flavor in flavors),
            group_id=group_of(spec),
            edition=edition,
        )

    @property
    def counted(self) -> Flavor:
        """What its project is charged for."""
        return counted(self.spec())

    def kept_claims(self, node: str = "") -> list[Claim]:
        """What is held of it on its other hosts, on this node or anywhere, as its hosts say it: by its own id. Where it
        has yet to arrive nothing is: whoever brings it asks for that."""
        if not self.elsewhere:
            return []
        spec, host = self.spec(), self.instance.host
        arrives = spec.moving is not None and spec.moving.host == host
        places = spec.left_behind if arrives else kept_places(spec, host)
        return [self.claim_at(one) for one in places if node in ("", one.node)]

    def claim_at(self, place: KeptPlace) -> Claim:
        """What another host than its own has room for."""
        return msgspec.structs.replace(self.claim_of(place.flavor or self.spec().flavor), host=place.host)

    def claims(self) -> list[Claim]:
        """What it holds everywhere, as the scheduler has it: elsewhere by ids of their own."""
        kept = kept_places(self.spec(), self.instance.host)
        elsewhere = [msgspec.structs.replace(self.claim_at(one), instance_id=one.claim_id) for one in kept]
        return [*([self.claim()] if self.holds_host else []), *elsewhere]

    def place_request(self, flavor: Flavor | None = None) -> PlaceRequest:
        """Of its own flavor, or of another."""
        spec = self.spec()
        flavor = flavor or spec.flavor
        return PlaceRequest(
            instance_id=self.id,
            attempt=self.instance.attempt,
            project_id=spec.project_id,
            flavor=flavor,
            root_gib=flavor.disk_gib if spec.image_id else 0,
            availability_zone=_zone(spec),
            destination=_destination(spec),
            image_properties=spec.image_properties,
            hints=spec.hints,
            ignore_hosts=(*(place.host for place in spec.left_behind), *self.instance.failed_hosts),
            batch="" if self.instance.attempt else spec.batch,
            least=0 if self.instance.attempt else spec.min_count,
        )

    def build_order(self, epoch: int, by: int = 0) -> BuildOrder:
        row = self.instance
        return BuildOrder(
            instance_id=row.id,
            attempt=row.attempt,
            host=row.host,
            epoch=epoch,
            spec=_with_its_disk(self.spec()),
            claim=self.claim(),
            again=self.again,
            by=by,
        )

    def destroy_order_at(self, host: str, epoch: int, by: int = 0) -> DestroyOrder:
        """Of what another host than its own has of it: its ports and volumes stay its own."""
        order = self.destroy_order(epoch, by)
        claim = msgspec.structs.replace(order.claim, host=host)
        return msgspec.structs.replace(order, host=host, claim=claim, deleting=False, again=True)

    def destroy_order(self, epoch: int, by: int = 0) -> DestroyOrder:
        row = self.instance
        return DestroyOrder(
            instance_id=row.id,
            attempt=row.attempt,
            host=row.host,
            epoch=epoch,
            spec=self.spec(),
            claim=self.claim(),
            deleting=row.deleting,
            again=self.again,
            by=by,
        )


def _zone(spec: BootSpec) -> str:
    """Where it may go: zone, or zone:host. The host that was asked for once is not any more, when it leaves that."""
    leaves = spec.shelved is not None or spec.evacuation is not None
    return spec.availability_zone.partition(":")[0] if leaves else spec.availability_zone


def _destination(spec: BootSpec) -> str:
    leaving = spec.shelved or spec.evacuation
    return leaving.to if leaving is not None else ""


def _with_its_disk(spec: BootSpec) -> BootSpec:
    """What one that was shelved is built of is the image that its root disk is in."""
    if spec.shelved is None or not spec.shelved.image_id:
        return spec
    return msgspec.structs.replace(spec, image_id=spec.shelved.image_id)


def disk_gib(spec: BootSpec, flavor: Flavor) -> int:
    """What a boot takes of its host's disk: root unless it boots from a volume, ephemeral, and swap rounded up."""
    root = flavor.disk_gib if spec.image_id else 0
    return root + flavor.ephemeral_gib + ceil(flavor.swap_mib / 1024)


def new_boot(spec: BootSpec, instance_id: str, index: int, at: float) -> Boot:
    """The instance as it is accepted: BUILD / scheduling / NOSTATE (steps 6-7)."""
    if len(spec.instance_ids) > 1:  # Nova's default multi_instance_display_name_template
        name = f"{spec.name}-{index + 1}"
        host = f"{spec.hostname}-{index + 1}"
        spec = msgspec.structs.replace(spec, name=name, hostname=host, launch_index=index)
    spec = msgspec.structs.replace(spec, instance_ids=())
    vm, task, power = ACCEPTED
    template, own = split(spec)
    instance = Instance(
        id=instance_id,
        name=spec.name,
        project_id=spec.project_id,
        user_id=spec.user_id,
        vm_state=vm.value,
        task_state=task.value,
        power_state=power.value,
        flavor=spec.flavor,
        order=own,
        template=template.id,
        request_id=spec.request_id,
        idempotency_key=spec.idempotency_key,
        created_at=at,
    )
    timeline = Timeline(spec.door)
    return Boot(instance, timeline, story_written_at=at, decoded=spec, template=template, known_elsewhere=False)


def stored_boot(instance: Instance, story: Story | None, templates: Mapping[str, OrderTemplate]) -> Boot:
    """After a restart. One that had just been accepted has its story in its order. `templates` by id."""
    kept = templates[instance.template] if instance.template else None
    boot = Boot(in_common(instance), template=template_of(kept.spec, kept.id) if kept else None)
    boot.timeline = Timeline.decoded(story.lines) if story else Timeline()
    boot.timeline.door = ()
    return boot


def in_common(row: Instance) -> Instance:
    """The same; what other instances have as well is one object with theirs."""
    if len(_flavors) > FLAVORS_KEPT:
        _flavors.clear()
    flavor = _flavors.setdefault(row.flavor.id, row.flavor)
    return msgspec.structs.replace(
        row,
        project_id=intern(row.project_id),
        user_id=intern(row.user_id),
        flavor=flavor if flavor == row.flavor else row.flavor,
        node=intern(row.node),
        availability_zone=intern(row.availability_zone),
        root_device=intern(row.root_device),
        template=intern(row.template),
        addresses=tuple(map(alike, row.addresses)),
    )


@cache
def _after(vm: str, task: str, power: str, event: Event) -> tuple[str, str, str]:
    """The state table in the words that rows hold."""
    state = after(State(Vm(vm), Task(task), Power(power)), event)
    return state.vm.value, state.task.value, state.power.value


@cache
def _status(vm: str, task: str, power: str) -> str:
    return status(State(Vm(vm), Task(task), Power(power)))


def view(boot: Boot) -> ServerView:
    instance, spec = boot.instance, boot.spec()
    return ServerView(
        id=instance.id,
        name=instance.name,
        status=boot.status,
        vm_state=boot.vm_state,
        task_state=boot.task or None,
        power_state=SHELVED.power.value if boot.unshelving else instance.power_state,
        host=instance.host,
        node=instance.node,
        flavor=instance.flavor.name,
        image_id=spec.image_id,
        project_id=instance.project_id,
        created_at=instance.created_at,
        launched_at=instance.launched_at,
        deleted_at=instance.deleted_at,
        addresses=instance.addresses,
        fault=msgspec.convert(instance.fault, BootFault) if instance.fault else None,
        metadata=spec.metadata,
        key_name=spec.key_name,
        description=spec.description,
        tags=spec.tags,
        hostname=spec.hostname,
        locked_by=instance.locked_by,
        locked_reason=instance.locked_reason,
        updated_at=instance.updated_at,
        volumes=attached_volumes(spec, instance.id),
        image_properties=spec.image_properties,
        request_id=instance.request_id,
        server_group=group_of(spec),
        user_id=instance.user_id,
        embedded_flavor=instance.flavor,
        availability_zone=instance.availability_zone,
        pinned_zone=spec.pinned_zone,
        security_groups=_security_groups(instance, spec),
        config_drive=spec.config_drive,
        disk_config=spec.disk_config,
        access_ip_v4=spec.access_ip_v4,
        access_ip_v6=spec.access_ip_v6,
        root_device=instance.root_device,
        user_data=spec.user_data,
        reservation_id=spec.reservation_id,
        launch_index=spec.launch_index,
        kept_places=kept_places(spec, instance.host),
    )


def _security_groups(row: Instance, spec: BootSpec) -> tuple[str, ...]:
    """The names of those that its ports have; while it is built, and where nobody has said, of those asked for."""
    if row.vm_state == Vm.BUILDING or any(vif.security_groups is None for vif in row.addresses):
        return tuple(dict.fromkeys(spec.security_groups or (DEFAULT_GROUP,)))
    return tuple(dict.fromkeys(name for vif in row.addresses for name in vif.security_groups or ()))


def notification(boot: Boot, event_type: str, sequence: int, at: float) -> Notification:
    """A versioned notification's content, after Nova's InstanceCreatePayload."""
    row = boot.instance
    payload = {
        "uuid": row.id,
        "display_name": row.name,
        "tenant_id": row.project_id,
        "user_id": row.user_id,
        "state": boot.vm_state,
        "task_state": boot.task or None,
        "power_state": row.power_state,
        "host": row.host,
        "node": row.node,
        "flavor": row.flavor.name,
        "request_id": row.request_id,
        "launched_at": row.launched_at,
        "ip_addresses": [ip.ip_address for vif in row.addresses for ip in vif.fixed_ips],
        "fault": row.fault or None,
    }
    return Notification(
        id=f"{sequence:012}",
        sequence=sequence,
        event_type=event_type,
        instance_id=row.id,
        project_id=row.project_id,
        at=at,
        payload=payload,
    )
