"""What is done to a server that has been booted, as data: what a user asks, what compute is told, what is reported.

An *act* is one such thing with its arguments. It crosses the API, the conductor, where it is kept until it is done,
and the compute actor of the server's host. `lifecycle.py` has the states that acts go through.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.messages import BlockDevice, BootSpec, Claim, DiskOffer, NetworkRequest, Vif
from actors.records import Flavor


class Act(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The root of all acts; each carries what compute needs beside the server's own order."""


class Start(Act, frozen=True, kw_only=True):
    pass


class Stop(Act, frozen=True, kw_only=True):
    """The guest is asked to shut down; one that has not after `wait_s` is switched off."""

    wait_s: float


class Reboot(Act, frozen=True, kw_only=True):
    """Soft: as `Stop`, then started. Hard: at once, whatever state the guest is in."""

    hard: bool
    wait_s: float = 0.0


class Pause(Act, frozen=True, kw_only=True):
    pass


class Unpause(Act, frozen=True, kw_only=True):
    pass


class Suspend(Act, frozen=True, kw_only=True):
    """The guest's memory goes to disk and its host's memory is freed."""


class Resume(Act, frozen=True, kw_only=True):
    pass


class AttachVolume(Act, frozen=True, kw_only=True):
    """`device.device_name` is the name that the guest's disk gets (vdb …)."""

    token: str
    device: BlockDevice


class DetachVolume(Act, frozen=True, kw_only=True):
    volume_id: str
    device_name: str


class AttachInterface(Act, frozen=True, kw_only=True):
    """`place`: no other interface of this server's has had it; the port that is made gets its id by it."""

    token: str
    network: NetworkRequest
    place: int


class DetachInterface(Act, frozen=True, kw_only=True):
    port_id: str


class CreateImage(Act, frozen=True, kw_only=True):
    """The root disk becomes the data of an image that is there already, queued."""

    token: str
    image_id: str
    backup: bool = False


class Rebuild(Act, frozen=True, kw_only=True):
    """The guest is made anew, from an image, on its host, with the ports and volumes that it has.

    What is None stays as it was. The conductor takes what is new into the server's order (`INTO_ORDER`) and leaves
    the rest, which compute needs.
    """

    token: str
    preserve_ephemeral: bool = False
    stopped: bool = False  # it was off, and is so again afterwards
    attempt: int = 0  # the server's when it was accepted: one that was built again elsewhere since is left alone
    image_id: str | None = None  # None: it boots from a volume
    reimage: str = ""  # the image that is written over that volume; '': it stays as it is
    image_properties: dict[str, str] | None = None
    name: str | None = None
    hostname: str | None = None
    description: str | None = None
    metadata: dict[str, str] | None = None
    disk_config: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    key_name: str | None = None
    public_key: str | None = None
    user_data: str | None = None
    admin_password: str | None = None
    files: tuple[tuple[str, str], ...] | None = None


class Rescue(Act, frozen=True, kw_only=True):
    """The guest boots from a disk that is made of an image, to mend its own, until `Unrescue`."""

    token: str
    image_id: str
    admin_password: str  # of the guest that is rescued, on its config drive
    wait_s: float = 0.0  # as of `Stop`
    attempt: int = 0  # as of `Rebuild`


class Unrescue(Act, frozen=True, kw_only=True):
    """It boots from its own disk again, as it was; the rescue disk is gone."""

    attempt: int = 0


class Resize(Act, frozen=True, kw_only=True):
    """Its guest is made anew on its host by another flavor, and may have the one before again (`RevertResize`).

    The conductor takes the flavor into the server's order. Where its host has no room it goes to another, as by
    `Migrate`, and compute never hears of this act.
    """

    token: str
    flavor: Flavor | None = None
    disk_config: str | None = None
    stopped: bool = False  # it was off, and is so afterwards
    wait_s: float = 0.0  # as of `Stop`
    attempt: int = 0  # as of `Rebuild`


class ConfirmResize(Act, frozen=True, kw_only=True):
    """What was kept of its disks goes: from now on it has the new flavor alone."""

    stopped: bool = False
    attempt: int = 0


class RevertResize(Act, frozen=True, kw_only=True):
    """It has the flavor before, and the disks of that time. One that was moved is where it was before (`token`)."""

    token: str = ""
    forced: bool = False  # from a node that had left when it was accepted
    stopped: bool = False
    attempt: int = 0


class Migrate(Act, frozen=True, kw_only=True):
    """It goes to another host, with the same flavor and its disks, and may go back (`RevertResize`).

    The conductor has its hosts do that part by part: `Leave`, `Arrive` and, where it fails or is reverted, `Return`.
    """

    token: str
    to: str = ""  # the host; '' = the scheduler chooses
    stopped: bool = False  # it was off, and is so afterwards
    wait_s: float = 0.0  # as of `Stop`


class Leave(Act, frozen=True, kw_only=True):
    """Its guest is off, its ports and volumes are free to go elsewhere, and its disks are there to be fetched."""

    wait_s: float = 0.0
    gone: bool = False  # it has left before: its disks are offered again, and nothing else is done
    fetched: bool = False  # … or are offered no more


class Arrive(Act, frozen=True, kw_only=True):
    """Its guest is made of the disks that its first host offers, with its ports and volumes."""

    token: str
    disks: tuple[DiskOffer, ...] = ()
    stopped: bool = False


class Return(Act, frozen=True, kw_only=True):
    """Its guest is again what it was before it left, with the disks that were kept."""

    token: str
    stopped: bool = False


class Shelve(Act, frozen=True, kw_only=True):
    """Its guest is shut down, its root disk becomes an image's data. Then its host lets go of it, which is no act."""

    token: str
    image_id: str = ""  # one that is there already, queued; '' = it boots from a volume
    runs: bool = False  # its guest has to shut down, and runs again where this fails
    wait_s: float = 0.0  # as of `Stop`
    attempt: int = 0  # as of `Rebuild`


LEFT_DOWN = "shelve_rollback"  # the step of a fault after which a guest that ran is off
STAYS = "revert_begin"  # the step of a fault of a server that was moved and is where it went
ROOM_AWAY = "return"  # the step of a fault of a server that can't be put back since another room is away
LEFT_OFF = "resize_rollback"  # the step of a fault after which a guest is not what it was before its resize

INTO_ORDER = tuple(field for field in Rebuild.__struct_fields__ if field in set(BootSpec.__struct_fields__) - {"token"})

AnyAct = (
    Start
    | Stop
    | Reboot
    | Pause
    | Unpause
    | Suspend
    | Resume
    | AttachVolume
    | DetachVolume
    | AttachInterface
    | DetachInterface
    | CreateImage
    | Rebuild
    | Rescue
    | Unrescue
    | Resize
    | ConfirmResize
    | RevertResize
    | Shelve
    | Migrate
    | Leave
    | Arrive
    | Return
)

NAMES: dict[type[Act], str] = {
    Start: "start",
    Stop: "stop",
    Pause: "pause",
    Unpause: "unpause",
    Suspend: "suspend",
    Resume: "resume",
    AttachVolume: "attach_volume",
    DetachVolume: "detach_volume",
    AttachInterface: "attach_interface",
    DetachInterface: "detach_interface",
    Rescue: "rescue",
    Unrescue: "unrescue",
    Resize: "resize",
    ConfirmResize: "confirmResize",
    RevertResize: "revertResize",
    Shelve: "shelve",
    Migrate: "migrate",
    Leave: "migrate",
    Arrive: "migrate",
    Return: "migrate",
}


def name_of(act: AnyAct) -> str:
    """The row of `lifecycle.ACTIONS` that an act is."""
    match act:
        case Reboot():
            return "reboot_hard" if act.hard else "reboot"
        case CreateImage():
            return "createBackup" if act.backup else "createImage"
        case Rebuild():
            return "rebuild_stopped" if act.stopped else "rebuild"
        case Resize() | ConfirmResize() | RevertResize() | Migrate():
            return f"{NAMES[type(act)]}_stopped" if act.stopped else NAMES[type(act)]
        case _:
            return NAMES[type(act)]


def shown_name(name: str) -> str:
    """What a user calls it."""
    return name.removesuffix("_hard").removesuffix("_stopped")


class ActRequest(msgspec.Struct, frozen=True, kw_only=True):
    """API → conductor: do this to that server. Repeatable by `id`."""

    id: str  # the action's, which the asker makes
    instance_id: str
    act: AnyAct
    user_id: str
    request_id: str
    above_locks: bool = False  # the asker may act on a locked server


class ActOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Conductor → compute. Repeatable: what is done already is left as it is."""

    id: str
    instance_id: str
    attempt: int
    host: str
    spec: BootSpec  # as it would be asked for now
    vifs: tuple[Vif, ...]
    act: AnyAct
    claim: Claim | None = None  # of one that was ever resized: what it holds on its host, when this is done
    claim_before: Claim | None = None  # of a resize, and while one is at work: what it holds again where that fails
    by: int = 0  # which conductor says so: the number of its life
    epoch: int = 0  # of the node, as that conductor knows it; 0 = whoever acts there may do it


class ActDone(msgspec.Struct, frozen=True, kw_only=True):
    """Compute → conductor: done; `vifs` are those that were attached. Times are seconds since the epoch."""

    started_at: float
    finished_at: float
    vifs: tuple[Vif, ...] = ()
    root_device: str = ""  # of a guest that was made anew
    disks: tuple[DiskOffer, ...] = ()  # of one that has left


class PowerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Compute → conductor, cast: how a guest is, because it changed or because the actor has just started."""

    instance_id: str
    node: str
    epoch: int
    power: str  # states.Power
    at: float


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """Compute → edge: connect there and say the secret first; then the guest's screen speaks RFB."""

    host: str
    port: int
    secret: str


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """API → conductor: change what is known of a server; its guest is not touched. None = as it is."""

    instance_id: str
    name: str | None = None
    description: str | None = None
    hostname: str | None = None
    disk_config: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    metadata: dict[str, str] | None = None  # these are set …
    metadata_without: tuple[str, ...] = ()  # … these go …
    metadata_anew: bool = False  # … and with this, so does every other
    tags: tuple[str, ...] | None = None  # these are all
    tag: str = ""  # one more
    tags_without: tuple[str, ...] = ()
    security_groups: tuple[str, ...] | None = None  # their names
    vifs: tuple[Vif, ...] = ()  # what it has, with the groups and addresses that they have now
    volumes_end: dict[str, bool] = {}  # attached ones, by id: does it go with the server?
    locked: bool | None = None
    locked_reason: str = ""
    vm_state: str = ""  # os-resetState: active or error
    above_locks: bool = False
    record: str = ""  # the instance action that this is (lock, unlock …); '' = none
    user_id: str = ""
    project_id: str = ""  # the asker's
    request_id: str = ""
    action_id: str = ""  # of the record, which the asker makes


def builtins_of(act: AnyAct) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(act)
    return built


def act_of(built: dict[str, Any]) -> AnyAct:
    act: AnyAct = msgspec.convert(built, AnyAct)
    return act
