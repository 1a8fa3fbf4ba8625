"""Rescuing a server, at the door: what Nova refuses is refused here, in its order, before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from actors.acts import Rescue
from actors.api.act_messages import RescueServer
from actors.api.acts import ServerActs, check_lock, check_state, patient
from actors.compute.rescue_disk import rescue_disk, rescues_volumes, unsupported
from actors.errors import CallerError, CallerFault, bad_request
from actors.messages import ImageLocation, ImageRequest, ServerView
from actors.records import InstanceAction

REFUSED = (400, 403, 404, 409)  # of an image: it is not there for the caller, is deactivated, has no data yet


class ServerRescues(ServerActs):
    async def rescue(self, request: RescueServer) -> InstanceAction:
        """Accepted, and durable, when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        check_lock(server, context)
        check_state("rescue", server)
        image = await self._rescue_image(request, server)
        act = Rescue(token=request.token, image_id=image.image_id, admin_password=request.admin_password)
        return await self._begin(context, server, patient(act, server), request.request_id)

    async def _rescue_image(self, request: RescueServer, server: ServerView) -> ImageLocation:
        """The one that is asked for, or the server's own. Raises `CallerError`."""
        on_volume = not server.image_id or any(one.boot_index == 0 for one in server.volumes)
        image_id = request.image or server.image_id
        if not image_id:
            raise CallerError(_not_a_volume(server))
        [found] = await self._images.locate([ImageRequest(token=request.token, image_id=image_id)])
        if isinstance(found, CallerFault):
            raise CallerError(unsupported(image_id) if found.status in REFUSED else found)
        if on_volume and not (request.volumes_too and rescues_volumes(found)):
            raise CallerError(_not_a_volume(server))
        rescue_disk(found)
        return found


def _not_a_volume(server: ServerView) -> CallerFault:
    text = f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance"
    return bad_request("", text)
