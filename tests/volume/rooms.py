"""A volume room with its neighbours, for tests: callers, an image registry of a dictionary, requests."""

from __future__ import annotations

from pathlib import Path

from actors.cluster.config import CloudConfig
from actors.errors import CallerFault, Fault, forbidden, not_found, value_of
from actors.image.cache import ImageCache
from actors.image.messages import CreateImage, FinishUpload, UploadChunk
from actors.ledger import MemoryLedger
from actors.messages import AttachRequest, BlockDevice, ConnectionInfo, DetachRequest, ImageLocation, ImageRequest
from actors.records import Image, Volume
from actors.volume.backend import MemoryBackend, VolumeBackend
from actors.volume.messages import CreateVolume, VolumeRequest
from actors.volume.service import VolumeRoom
from tests.image.doors import KnownTokens, StillClock

WAIT_S = 30.0
GIB = 1 << 30


class Registry:
    """Images that only `ann` can see."""

    def __init__(self, *locations: ImageLocation) -> None:
        self.locations = {location.image_id: location for location in locations}

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        missing = not_found("image_id", "no such image")
        return [
            self.locations.get(request.image_id, missing) if request.token == "ann" else missing for request in requests
        ]


def image(image_id: str, size: int = GIB, urls: tuple[str, ...] = (), digest: str = "") -> ImageLocation:
    return ImageLocation(
        image_id=image_id,
        disk_format="raw",
        size=size,
        virtual_size=size,
        os_hash_value=digest,
        properties={},
        urls=urls,
    )


class Gallery(Registry):
    """Images that can also be made: their data by id."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, bytes] = {}
        self.refused = False
        self.deleted: list[str] = []

    async def create(self, requests: list[CreateImage]) -> list[Image | CallerFault]:
        if self.refused:
            return [forbidden("no more images") for _ in requests]
        return [
            Image(
                id=request.image_id,
                name=request.name,
                project_id="p-ann",
                status="queued",
                visibility=request.visibility,
                disk_format=request.disk_format,
            )
            for request in requests
        ]

    async def begin_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        self.data |= {request.image_id: b"" for request in requests}
        return [None for _ in requests]

    async def upload_chunk(self, chunks: list[UploadChunk]) -> list[int | CallerFault]:
        for chunk in chunks:
            self.data[chunk.image_id] += chunk.data
        return [len(self.data[chunk.image_id]) for chunk in chunks]

    async def delete(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        self.deleted += [request.image_id for request in requests]
        return [None for _ in requests]

    async def finish_upload(self, requests: list[FinishUpload]) -> list[Image | CallerFault]:
        return [not_found("image_id", "nobody asks what it became") for _ in requests]


class House:
    """Ledger and backend outlive the room, as the database and the storage daemon do."""

    def __init__(self, home: Path, backend: VolumeBackend | None = None, registry: Registry | None = None) -> None:
        self.home = home
        self.ledger = MemoryLedger()
        self.clock = StillClock()
        self.backend = backend or MemoryBackend()
        self.registry = registry or Registry(image("img", 3 * GIB))
        self.cache = ImageCache(home / "cache")

    async def room(self) -> VolumeRoom:
        room = VolumeRoom(
            CloudConfig(home=self.home),
            self.ledger,
            KnownTokens(),
            self.registry,
            self.cache,
            self.backend,
            self.clock,
        )
        await room.start()
        return room


async def volume(
    room: VolumeRoom, token: str = "ann", size_gib: int = 1, image_id: str = "", volume_type: str = ""
) -> Volume:
    request = CreateVolume(token=token, name="data", size_gib=size_gib, image_id=image_id, volume_type=volume_type)
    made = value_of((await room.create([request]))[0])
    return value_of((await room.wait([VolumeRequest(token=token, volume_id=made.id)], WAIT_S))[0])


def use(volume: Volume, **more: object) -> BlockDevice:
    return BlockDevice(source_type="volume", destination_type="volume", source_id=volume.id, **more)  # type: ignore[arg-type]


def blank(size_gib: int = 1, delete: bool = False) -> BlockDevice:
    return BlockDevice(source_type="blank", destination_type="volume", size_gib=size_gib, delete_on_termination=delete)


def attach_request(
    *devices: BlockDevice, instance: str = "vm-1", attempt: int = 1, host: str = "h1", token: str = "ann"
) -> AttachRequest:
    return AttachRequest(
        token=token, instance_id=instance, attempt=attempt, project_id=f"p-{token}", host=host, devices=devices
    )


def detach_request(instance: str = "vm-1", host: str = "h1", failed_boot: bool = False) -> DetachRequest:
    return DetachRequest(instance_id=instance, host=host, failed_boot=failed_boot)


async def attached(room: VolumeRoom, request: AttachRequest) -> tuple[ConnectionInfo, ...]:
    return value_of((await room.attach([request]))[0])


def status_of(reply: object) -> int:
    assert isinstance(reply, CallerFault), reply
    return reply.status


def field_of(reply: object) -> str:
    assert isinstance(reply, CallerFault), reply
    return reply.field


def is_fault(reply: object) -> bool:
    return isinstance(reply, Fault)
