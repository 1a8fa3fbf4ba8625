"""What a user may do to a server that is there: acts on its guest, and changes to what is known of it.

The base of the compute API's room. Each method verifies the caller, says what is wrong with the request, and has the
conductor do it; where another room owns what is asked for, that room is asked first whether it would. Invariant: what
is refused here has changed nothing.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from actors.acts import (
    ActRequest,
    AnyAct,
    AttachInterface,
    AttachVolume,
    CreateImage,
    DetachInterface,
    DetachVolume,
    Edit,
    Migrate,
    Reboot,
    Rescue,
    Resize,
    RevertResize,
    Screen,
    Shelve,
    Stop,
    shown_name,
)
from actors.api.act_messages import ActOnServer, AttachPort, AttachVolumeTo, EditServer, ImageOfServer
from actors.api.consoles import Tickets
from actors.api.leftovers import Leftovers
from actors.api.volume_images import image_of_volumes
from actors.clock import Clock
from actors.errors import CallerError, CallerFault, HostError, bad_request, conflict, forbidden, not_found, value_of
from actors.faces import ComputeFace, ConductorFace, ImageFace, NetworkFace, VolumeFace
from actors.image.messages import CreateImage as NewImage
from actors.lifecycle import Refused, begun
from actors.messages import (
    AllocateRequest,
    AttachRequest,
    AuthContext,
    BlockDevice,
    NetworkRequest,
    ServerView,
    Vif,
)
from actors.network.naming import boot_port_id
from actors.records import InstanceAction
from actors.states import Power, State, Task, Vm
from actors.volume.messages import UpdateVolume

SHUT_DOWN_S = 60.0  # what a guest has to shut down in order, Nova's default
SHUT_DOWN_LIMIT_S = 3_600.0  # that an image may ask for
UPTIME_LIMIT_S = 6.0  # for a node to say how long it has been up
PLUG_S = 120.0  # for an interface to be attached, while its asker waits
ACTS_WITHOUT_LOCK = (CreateImage,)
PATIENT = Stop | Reboot | Rescue | Resize | Shelve | Migrate  # their guests are to shut down in order


class ServerActs:
    _conductor: ConductorFace
    _images: ImageFace
    _network: NetworkFace
    _volume: VolumeFace
    _computes: Callable[[str], ComputeFace]
    _clock: Clock
    _tickets: Tickets
    leftovers: Leftovers

    @abstractmethod
    def _context(self, token: str) -> AuthContext: ...

    @abstractmethod
    def _authorized(self, token: str) -> AuthContext: ...

    @abstractmethod
    async def _one(self, token: str, server_id: str) -> ServerView: ...

    @abstractmethod
    def _uuid(self) -> str: ...

    # ------------------------------------------------------------ acts

    async def act(self, request: ActOnServer) -> InstanceAction:
        """Accepted, and durable, when this returns; raises `CallerError` where it is refused."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        act = request.act
        if isinstance(act, RevertResize):  # one that was moved asks for its ports and volumes again
            act = RevertResize(token=request.token)
        return await self._begin(context, server, patient(act, server), request.request_id)

    async def _begin(self, context: AuthContext, server: ServerView, act: AnyAct, request_id: str) -> InstanceAction:
        [reply] = await self._conductor.act([self._asked(context, server, act, request_id)])
        return value_of(reply)

    def _asked(self, context: AuthContext, server: ServerView, act: AnyAct, request_id: str) -> ActRequest:
        return ActRequest(
            id=self._uuid(),
            instance_id=server.id,
            act=act,
            user_id=context.user_id,
            request_id=request_id or f"req-{self._uuid()}",
            above_locks=context.is_admin or isinstance(act, ACTS_WITHOUT_LOCK),
        )

    async def _begin_imaging(
        self, context: AuthContext, server: ServerView, act: CreateImage | Shelve, request_id: str
    ) -> InstanceAction:
        """One whose image is there already: where the act is not begun, it goes. Whether it is, nobody may know yet."""
        asked = self._asked(context, server, act, request_id)
        images = [act.image_id] if act.image_id else []
        try:
            [reply] = await self._conductor.act([asked])
            return value_of(reply)
        except CallerError:
            if images:
                await self._images.discard(images)
            raise
        except ConnectionError:
            self.leftovers.forget(asked, images)
            raise

    async def acted(self, token: str, server_id: str, action_id: str, wait_s: float) -> InstanceAction:
        """An action of a server's, when it is over or after `wait_s`. Raises `CallerError`."""
        await self._one(token, server_id)
        await self._conductor.acted([action_id], wait_s)
        found = next((one for one in await self.instance_actions(token, server_id) if one.id == action_id), None)
        if found is None:
            raise CallerError(not_found("action", f"Action {action_id} not found"))
        return found

    async def instance_actions(self, token: str, server_id: str, deleted: bool = False) -> list[InstanceAction]:
        """Newest first; with `deleted`, of a server that is deleted too, as far as those are remembered."""
        if not deleted:
            await self._one(token, server_id)
        context, found = self._context(token), value_of(await self._conductor.actions(server_id))
        if not context.is_admin and context.project_id != found[0].project_id:
            raise CallerError(not_found("server", f"Instance {server_id} could not be found."))
        return found[::-1]

    # ------------------------------------------------------------ volumes

    async def attach_volume(self, request: AttachVolumeTo) -> BlockDevice:
        """The device that it becomes; attaching goes on in the background."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        device = BlockDevice(
            source_type="volume",
            destination_type="volume",
            source_id=request.volume_id,
            device_name=request.device,
            delete_on_termination=request.delete_on_termination,
            tag=request.tag,
        )
        asked = AttachRequest(
            token=request.token,
            instance_id=server.id,
            attempt=0,
            project_id=server.project_id,
            host="",
            devices=(device,),
        )
        if not any(one.source_id == request.volume_id for one in server.volumes):
            [fault] = await self._volume.validate([asked])
            if fault is not None:
                raise CallerError(_about_volume(fault, request.volume_id))
        act = AttachVolume(token=request.token, device=device)
        action = await self._begin(context, server, act, request.request_id)
        return msgspec.convert(action.act["device"], BlockDevice)

    async def detach_volume(self, token: str, server_id: str, volume_id: str, request_id: str = "") -> None:
        act = DetachVolume(volume_id=volume_id, device_name="")
        await self.act(ActOnServer(token=token, server_id=server_id, act=act, request_id=request_id))

    async def end_volume(self, token: str, server_id: str, volume_id: str, goes: bool) -> None:
        """Whether a volume goes with its server: its own room, which decides when that ends, hears of it first."""
        server = await self._one(token, server_id)
        wanted = UpdateVolume(token=token, volume_id=volume_id, delete_on_termination=goes)
        value_of((await self._volume.update([wanted]))[0])
        edit = Edit(instance_id=server.id, volumes_end={volume_id: goes})
        await self.edit(EditServer(token=token, server_id=server.id, edit=edit))

    # ------------------------------------------------------------ interfaces

    async def attach_interface(self, request: AttachPort) -> Vif:
        """Answers when the guest has it."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        network = NetworkRequest(
            network_id=request.network_id, port_id=request.port_id, fixed_ip=request.fixed_ip, tag=request.tag
        )
        await self._check_interface(request.token, server, network)
        act = AttachInterface(token=request.token, network=network, place=0)
        action = await self._begin(context, server, act, request.request_id)
        await self._conductor.acted([action.id], PLUG_S)
        port_id = request.port_id or boot_port_id(server.id, int(action.act["place"]))
        server = await self._one(request.token, server.id)
        vif = next((one for one in server.addresses if one.port_id == port_id), None)
        if vif is None:
            raise CallerError(await self._why_not(server.id, action.id))
        return vif

    async def _check_interface(self, token: str, server: ServerView, network: NetworkRequest) -> None:
        asked = AllocateRequest(
            token=token,
            instance_id="",
            project_id=server.project_id,
            host="",
            hostname=server.hostname if network.port_id else "",
            networks=(network,),
            auto=network == NetworkRequest(),
            security_groups=(),
        )
        [fault] = await self._network.validate([asked])
        if fault is not None:
            raise CallerError(fault)

    async def _why_not(self, server_id: str, action_id: str) -> CallerFault:
        actions = value_of(await self._conductor.actions(server_id))
        failed = next((one for one in actions if one.id == action_id), None)
        cause = failed.events[0].traceback if failed and failed.events else f"not done within {PLUG_S:g} s"
        return bad_request("", f"Failed to attach network adapter device to {server_id}: {cause}")

    async def detach_interface(self, token: str, server_id: str, port_id: str, request_id: str = "") -> None:
        act = DetachInterface(port_id=port_id)
        await self.act(ActOnServer(token=token, server_id=server_id, act=act, request_id=request_id))

    # ------------------------------------------------------------ screens and questions

    async def open_console(self, token: str, server_id: str) -> str:
        """A ticket by which the edge joins a websocket to the guest's screen. Raises `CallerError`."""
        self._authorized(token)
        server = await self._one(token, server_id)
        if not server.launched_at or server.power_state not in (Power.RUNNING, Power.PAUSED):
            raise CallerError(conflict("", f"Instance {server_id} is not ready"))
        return self._tickets.give(server_id, self._clock.now())

    async def screen(self, ticket: str) -> Screen:
        """Where the guest of a ticket is reached; asked by the edge alone. Raises `CallerError`, `HostError`."""
        server_id = self._tickets.server(ticket, self._clock.now())
        [server] = await self._conductor.show([server_id])
        return await self._computes(value_of(server).node).screen(server_id)

    async def diagnostics(self, token: str, server_id: str) -> dict[str, Any]:
        """An administrator's right."""
        if not self._authorized(token).is_admin:
            raise CallerError(forbidden("only an administrator sees the diagnostics of a server"))
        server = await self._one(token, server_id)
        if server.power_state != Power.RUNNING:
            raise CallerError(conflict("", f"Instance {server_id} is not running"))
        return await self._computes(server.node).diagnostics(server_id)

    async def uptimes(self, token: str, nodes: list[str]) -> dict[str, str]:
        """How long nodes have been up, in the words of `uptime`; those that can't say are missing."""
        if not self._authorized(token).is_admin:
            raise CallerError(forbidden("only an administrator sees how long hosts have been up"))
        found = await asyncio.gather(*map(self._uptime, nodes))
        return {node: said for node, said in zip(nodes, found, strict=True) if said}

    async def _uptime(self, node: str) -> str:
        try:
            async with asyncio.timeout(UPTIME_LIMIT_S):
                return await self._computes(node).uptime()
        except (ConnectionError, HostError, TimeoutError):
            return ""

    # ------------------------------------------------------------ images

    async def create_image(self, request: ImageOfServer) -> str:
        """The id of an image that is there at once; its data comes when the root disk has been copied."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        image = NewImage(
            token=request.token,
            name=request.name,
            disk_format="qcow2",
            min_disk_gib=request.min_disk_gib,
            properties=image_properties(server, context) | request.properties,
            image_id=self._uuid(),
        )
        if not server.image_id:
            return await self._volume_image(server, image, request)
        [made] = await self._images.create([image])
        value_of(made)
        act = CreateImage(token=request.token, image_id=image.image_id, backup=request.backup)
        await self._begin_imaging(context, server, act, request.request_id)
        return image.image_id

    async def _volume_image(self, server: ServerView, image: NewImage, request: ImageOfServer) -> str:
        """Of one that boots from a volume; there at once."""
        if request.backup:
            raise CallerError(bad_request("createBackup", "Backup is not supported for volume-backed instances."))
        check_state("createImage", server)
        await image_of_volumes(self._volume, self._images, server, image)
        edit = Edit(instance_id="", record="createImage")
        await self.edit(EditServer(token=request.token, server_id=server.id, edit=edit, request_id=request.request_id))
        return image.image_id

    # ------------------------------------------------------------ what is known of it

    async def edit(self, request: EditServer) -> ServerView:
        """Change names, metadata, tags, locks; an administrator resets states. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        if request.edit.vm_state and not context.is_admin:
            raise CallerError(forbidden("only an administrator resets the state of a server"))
        if request.edit.locked is False and server.locked_by == "admin" and not context.is_admin:
            raise CallerError(forbidden("only an administrator unlocks what an administrator locked"))
        edit: Edit = msgspec.structs.replace(
            request.edit,
            instance_id=server.id,
            above_locks=context.is_admin,
            user_id=context.user_id,
            project_id=context.project_id,
            request_id=request.request_id or f"req-{self._uuid()}",
            action_id=self._uuid(),
        )
        [reply] = await self._conductor.edit([edit])
        return value_of(reply)


def check_state(name: str, server: ServerView) -> None:
    """For what is to be refused before other rooms are asked; the conductor decides. Raises `CallerError` 409."""
    state = State(Vm(server.vm_state), Task(server.task_state or ""), Power(server.power_state))
    refused = begun(name, state)
    if isinstance(refused, Refused):
        text = f"Cannot '{shown_name(name)}' instance {server.id} while it is in {refused.attribute} {refused.value}"
        raise CallerError(conflict("", text))


def check_lock(server: ServerView, context: AuthContext) -> None:
    """Raises `CallerError` 409."""
    if server.locked_by and not context.is_admin:
        raise CallerError(conflict("", f"Instance {server.id} is locked"))


def patient(act: AnyAct, server: ServerView) -> AnyAct:
    """With the time that its guest has to shut down."""
    return msgspec.structs.replace(act, wait_s=shut_down_s(server)) if isinstance(act, PATIENT) else act


def shut_down_s(server: ServerView) -> float:
    """Its image may say."""
    said = server.image_properties.get("os_shutdown_timeout", "")
    return min(float(said), SHUT_DOWN_LIMIT_S) if said.isdecimal() else SHUT_DOWN_S


def image_properties(server: ServerView, context: AuthContext) -> dict[str, str]:
    """Of an image that is made of its disk, as Nova gives them."""
    inherited = {name: text for name, text in server.image_properties.items() if not name.startswith("image_")}
    return inherited | {
        "image_type": "snapshot",
        "base_image_ref": server.image_id,
        "instance_uuid": server.id,
        "user_id": context.user_id,
        "owner_id": server.project_id,
    }


def _about_volume(fault: CallerFault, volume_id: str) -> CallerFault:
    """As Nova says it: of a volume that is not there 404, of one that can't be had 400."""
    if fault.status == 404:
        return not_found("volumeId", f"Volume {volume_id} could not be found.")
    return bad_request("volumeId", f"Invalid volume: {fault.message}")
