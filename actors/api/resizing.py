"""Giving a server another flavor, at the door: what Nova refuses is refused here, before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from actors.acts import Resize
from actors.api.act_messages import ResizeServer
from actors.api.acts import ServerActs, check_lock, check_state, patient
from actors.api.flavors import Flavors
from actors.errors import CallerError, CallerFault, bad_request
from actors.messages import AuthContext, ServerView
from actors.records import Flavor, InstanceAction
from actors.states import Vm

SAME = "When resizing, instances must change flavor!"
CANNOT = "Server disk was unable to be resized because: "
ZERO = f"{CANNOT}Resize to zero disk flavor is not allowed."
DOWN = f"{CANNOT}Unable to resize disk down."


class ServerResizes(ServerActs):
    _flavors: Flavors

    async def resize(self, request: ResizeServer) -> InstanceAction:
        """Accepted, and durable, when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        check_lock(server, context)
        check_state("resize_stopped" if server.vm_state == Vm.STOPPED else "resize", server)
        flavor = self._wanted(context, request.flavor)
        if server.embedded_flavor is not None and (fault := _fault(server, server.embedded_flavor, flavor)):
            raise CallerError(fault)
        act = Resize(token=request.token, flavor=flavor, disk_config=request.disk_config)
        return await self._begin(context, server, patient(act, server), request.request_id)

    def _wanted(self, context: AuthContext, name: str) -> Flavor:
        try:
            return self._flavors.find(context, name)
        except CallerError:
            raise CallerError(bad_request("", f"Flavor {name} could not be found.")) from None


def _fault(server: ServerView, has: Flavor, wanted: Flavor) -> CallerFault | None:
    on_volume = not server.image_id or any(one.boot_index == 0 for one in server.volumes)
    if wanted.id == has.id:
        return bad_request("", SAME)
    if not on_volume and has.disk_gib and not wanted.disk_gib:
        return bad_request("", ZERO)
    if (not on_volume and wanted.disk_gib < has.disk_gib) or wanted.ephemeral_gib < has.ephemeral_gib:
        return bad_request("", DOWN)
    return None
