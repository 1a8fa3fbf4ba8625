"""Rebuilding a server, at the door: what Nova refuses is refused here, before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from abc import abstractmethod

from actors.acts import Rebuild
from actors.api.act_messages import RebuildServer
from actors.api.acts import ServerActs
from actors.api.validation import image_fault, metadata_fault, name_fault, user_data_fault
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, bad_request, value_of
from actors.image.messages import DEVICES
from actors.messages import ImageLocation, ImageRequest, ServerView
from actors.records import InstanceAction
from actors.volume.messages import VolumeRequest


class ServerRebuilds(ServerActs):
    _config: CloudConfig

    @abstractmethod
    def _token_hex(self, size: int) -> str: ...

    @abstractmethod
    def _key_named(self, name: str, user_id: str) -> str: ...

    async def rebuild(self, request: RebuildServer) -> InstanceAction:
        """Accepted, and durable, when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        if fault := self._fault(request):
            raise CallerError(fault)
        image = await self._image(request, server)
        act = Rebuild(
            token=request.token,
            preserve_ephemeral=request.preserve_ephemeral,
            image_id=image.image_id if server.image_id else None,
            image_properties=image.properties if server.image_id else None,
            name=request.name,
            hostname=request.hostname,
            description=request.description,
            metadata=request.metadata,
            disk_config=request.disk_config,
            access_ip_v4=request.access_ip_v4,
            access_ip_v6=request.access_ip_v6,
            key_name=request.key_name,
            public_key=None if request.key_name is None else self._key_named(request.key_name, server.user_id),
            user_data=request.user_data,
            admin_password=request.admin_password or self._token_hex(12),
            files=request.files,
        )
        return await self._begin(context, server, act, request.request_id)

    def _fault(self, request: RebuildServer) -> CallerFault | None:
        return (
            (None if request.name is None else name_fault("name", request.name))
            or user_data_fault(request.user_data or "", self._config.user_data_limit)
            or metadata_fault(request.metadata or {})
        )

    async def _image(self, request: RebuildServer, server: ServerView) -> ImageLocation:
        """It can be seen, is active and fits the server's flavor. Raises `CallerError`."""
        [found] = await self._images.locate([ImageRequest(token=request.token, image_id=request.image)])
        if isinstance(found, CallerFault):
            text = "Cannot find image for rebuild" if found.status == 404 else found.message
            raise CallerError(CallerFault(400 if found.status == 404 else found.status, text, "image"))
        if not server.image_id:
            await self._refuse_another(request, server)
        elif DEVICES in found.properties:
            raise CallerError(bad_request("image", "an image of volumes is no disk that a server can be rebuilt from"))
        if server.embedded_flavor is not None and (fault := image_fault(found, server.embedded_flavor)):
            raise CallerError(fault)
        return found

    async def _refuse_another(self, request: RebuildServer, server: ServerView) -> None:
        """What it boots from is its volume, which stays as it is. Nova has that written anew since 2.93."""
        if request.reimage:
            text = "This cloud does not write an image on a volume that a server boots from; ask with a version to 2.92"
            raise CallerError(CallerFault(501, text))
        root = next((one.source_id for one in server.volumes if one.boot_index == 0), "")
        [volume] = await self._volume.show([VolumeRequest(token=request.token, volume_id=root)])
        if value_of(volume).image_id != request.image:
            raise CallerError(
                bad_request("image", "Unable to rebuild with a different image for a volume-backed server.")
            )
