"""Rebuilding a server, at the door: what Nova refuses is refused here, before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from abc import abstractmethod

from msgspec.structs import replace

from actors.acts import Rebuild
from actors.api.act_messages import RebuildServer
from actors.api.acts import ServerActs
from actors.api.validation import image_fault, metadata_fault, name_fault, user_data_fault
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, bad_request, value_of
from actors.image.messages import DEVICES
from actors.messages import ImageLocation, ImageRequest, ServerView
from actors.records import InstanceAction
from actors.volume.imaged import check_fits
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
        on_volume = _boots_from_volume(server)
        image = await self._image(request, server)
        act = Rebuild(
            token=request.token,
            preserve_ephemeral=request.preserve_ephemeral,
            image_id=None if on_volume else image.image_id,
            reimage=image.image_id if on_volume and request.reimage else "",
            image_properties=None if on_volume else image.properties,
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
        flavor = server.embedded_flavor
        if _boots_from_volume(server):
            await self._check_root(request, server, found)
            flavor = flavor and replace(flavor, disk_gib=0)  # what it boots from is no disk of the flavor's
        elif DEVICES in found.properties:
            raise CallerError(bad_request("image", "an image of volumes is no disk that a server can be rebuilt from"))
        if flavor is not None and (fault := image_fault(found, flavor)):
            raise CallerError(fault)
        return found

    async def _check_root(self, request: RebuildServer, server: ServerView, image: ImageLocation) -> None:
        """The volume that it boots from is written over, or else has this image already. Raises `CallerError`."""
        asked = VolumeRequest(token=request.token, volume_id=_root_of(server))
        volume = value_of((await self._volume.show([asked]))[0])
        if request.reimage:
            check_fits(image, volume)
        elif volume.image_metadata.get("image_id") != image.image_id:
            raise CallerError(
                bad_request("image", "Unable to rebuild with a different image for a volume-backed server.")
            )


def _boots_from_volume(server: ServerView) -> bool:
    return bool(_root_of(server)) or not server.image_id


def _root_of(server: ServerView) -> str:
    """The id of the volume that it boots from; '' where that is a disk of its host."""
    return next((one.source_id for one in server.volumes if one.boot_index == 0), "")
