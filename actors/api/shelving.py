"""Shelving a server and having it run again, at the door: what Nova refuses is refused before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from actors.acts import Shelve
from actors.api.act_messages import ShelveServer, UnshelveServer
from actors.api.acts import ServerActs, check_lock, check_state, image_properties, shut_down_s
from actors.errors import CallerError, bad_request, conflict, forbidden, value_of
from actors.image.messages import CreateImage
from actors.messages import AuthContext, HostSeen, ServerView, UnshelveRequest
from actors.records import InstanceAction
from actors.states import Vm

SUFFIX = "-shelved"  # of the image's name
NAME_LIMIT = 255  # characters of it, as of any image's


class ServerShelving(ServerActs):
    async def shelve(self, request: ShelveServer) -> InstanceAction:
        """Accepted, and durable, when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        check_lock(server, context)
        check_state("shelve", server)
        image_id = await self._image_for(context, server, request.token)
        act = Shelve(token=request.token, image_id=image_id, wait_s=shut_down_s(server))
        return await self._begin_imaging(context, server, act, request.request_id)

    async def _image_for(self, context: AuthContext, server: ServerView, token: str) -> str:
        """The id of an image of the server's project, for its root disk; '' = that is a volume."""
        if not server.image_id or any(one.boot_index == 0 for one in server.volumes):
            return ""
        flavor = server.embedded_flavor
        image = CreateImage(
            token=token,
            name=f"{server.name[: NAME_LIMIT - len(SUFFIX)]}{SUFFIX}",
            disk_format="qcow2",
            min_disk_gib=flavor.disk_gib if flavor else 0,
            properties=image_properties(server, context),
            owner=server.project_id,
            image_id=self._uuid(),
        )
        value_of((await self._images.create([image]))[0])
        return image.image_id

    async def shelve_offload(self, request: ShelveServer) -> None:
        """Every server that is shelved is offloaded at once: there is none that waits for it. Raises `CallerError`."""
        server = await self._one(request.token, request.server_id)
        what = ("task_state", server.task_state) if server.vm_state == Vm.SHELVED else ("vm_state", server.vm_state)
        text = f"Cannot 'shelveOffload' instance {server.id} while it is in {' '.join(map(str, what))}"
        raise CallerError(conflict("", text))

    async def unshelve(self, request: UnshelveServer) -> str:
        """The id of its instance action; durably begun when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        check_lock(server, context)
        if server.vm_state != Vm.SHELVED_OFFLOADED:
            text = f"Cannot 'unshelve' instance {server.id} while it is in vm_state {server.vm_state}"
            raise CallerError(conflict("", text))
        await self._check_place(context, server, request)
        asked = UnshelveRequest(
            id=self._uuid(),
            token=request.token,
            instance_id=server.id,
            user_id=context.user_id,
            request_id=request.request_id or f"req-{self._uuid()}",
            zone=request.zone,
            host=request.host,
            above_locks=context.is_admin,
        )
        [fault] = await self._conductor.unshelve([asked])
        if fault is not None:
            raise CallerError(fault)
        return asked.id

    async def _check_place(self, context: AuthContext, server: ServerView, request: UnshelveServer) -> None:
        if request.host and not (context.is_admin or request.may_choose):
            raise CallerError(forbidden("only an administrator chooses the host"))
        if not (request.zone or request.host):
            return
        hosts = {seen.report.host: seen for seen in await self._conductor.hosts()}
        if request.zone and all(seen.zone != request.zone for seen in hosts.values()):
            raise CallerError(bad_request("", "The requested availability zone is not available"))
        if request.host:
            zone = server.pinned_zone if request.zone is None else request.zone
            _check_host(hosts.get(request.host), request.host, zone)


def _check_host(seen: HostSeen | None, host: str, zone: str) -> None:
    if seen is None:
        raise CallerError(bad_request("", f"Compute host {host} could not be found."))
    if zone and seen.zone != zone:
        raise CallerError(conflict("", f'Host "{host}" is not in the availability zone "{zone}".'))
