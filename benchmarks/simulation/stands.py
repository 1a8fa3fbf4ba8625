"""What a simulated cloud stands on: who bears a token, the images there are, and the rows that are there at first.

Images are a list and no room: their data is files and HTTP, which are nothing to simulate. Tokens are names.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from actors.cluster.config import CloudConfig, NodeConfig, SimulatedConfig
from actors.conductor.quotas import UNLIMITED
from actors.errors import CallerError, CallerFault, conflict, not_found, unauthorized
from actors.image.messages import CreateImage, FinishUpload, UploadChunk
from actors.messages import AuthContext, ImageLocation, ImageRequest
from actors.network import quotas as network_quotas
from actors.records import (
    Change,
    ComputeQuota,
    FixedIp,
    Flavor,
    Image,
    Network,
    NetworkQuota,
    Port,
    ServerGroup,
    Subnet,
    Volume,
    VolumeQuota,
)
from actors.volume import quotas as volume_quotas

NOWHERE = Path("/nonexistent/novaray-simulation")  # nothing is written there
MEMBER, ADMIN = "member", "admin"  # tokens
PROJECT = "demo"
SWEEP_S = 6.0  # between looks for strays
IMAGE, NETWORK, SUBNET, GROUP = "image-1", "net-1", "subnet-1", "group-1"
CLOUD = CloudConfig(home=NOWHERE, hypervisor="simulated", heartbeat_s=2.0, boot_deadline_s=300.0)
USERS = {
    name: AuthContext(
        user_id=name,
        user_name=name,
        project_id=project,
        project_name=project,
        roles=(name,),
        expires_at=float("inf"),
        token_id=name,
    )
    for name, project in ((MEMBER, PROJECT), (ADMIN, "admin"))
}


class Tokens:
    """`actors.faces.TokenVerifier`."""

    def verify(self, token: str, now: float, allow_expired_s: float = 0.0) -> AuthContext:
        if token not in USERS:
            raise CallerError(unauthorized("the token is unknown"))
        return USERS[token]


@dataclass(slots=True)
class StoredImage:
    content: bytes | None = None  # None: it is queued


class Images:
    """`actors.faces.ImageFace`, as far as boots and shelvings ask it. `stored`, by id, outlives it; uploads do not."""

    def __init__(self, stored: dict[str, StoredImage]) -> None:
        self._stored = stored
        self._uploads: dict[str, bytes] = {}

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        return [self._located(each.image_id) for each in requests]

    def _located(self, image_id: str) -> ImageLocation | CallerFault:
        if image_id == IMAGE:
            return _IMAGE
        image = self._stored.get(image_id)
        if image is None:
            return not_found("image", "no such image")
        if image.content is None:
            return conflict("image", "it is queued")
        return replace(_IMAGE, image_id=image_id, os_hash_value=_sha512(image.content))

    async def create(self, requests: list[CreateImage]) -> list[Image | CallerFault]:
        for request in requests:
            self._stored.setdefault(request.image_id, StoredImage())
        return [self._shown(request.image_id) for request in requests]

    async def begin_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        return [self._begin(request.image_id) for request in requests]

    def _begin(self, image_id: str) -> CallerFault | None:
        image = self._stored.get(image_id)
        if image is None:
            return not_found("image", "no such image")
        if image.content is not None:
            return conflict("image", "it has its data already")
        self._uploads[image_id] = b""
        return None

    async def upload_chunk(self, chunks: list[UploadChunk]) -> list[int | CallerFault]:
        return [self._take(chunk) for chunk in chunks]

    def _take(self, chunk: UploadChunk) -> int | CallerFault:
        if chunk.image_id not in self._uploads:
            return conflict("image", "no upload has been begun")
        self._uploads[chunk.image_id] = self._uploads[chunk.image_id][: chunk.offset] + chunk.data
        return len(self._uploads[chunk.image_id])

    async def finish_upload(self, requests: list[FinishUpload]) -> list[Image | CallerFault]:
        return [self._finish(request.image_id) for request in requests]

    def _finish(self, image_id: str) -> Image | CallerFault:
        image, content = self._stored.get(image_id), self._uploads.pop(image_id, None)
        if image is None or (image.content is None and content is None):
            return conflict("image", "no upload has been begun")
        image.content = content if image.content is None else image.content
        return self._shown(image_id)

    def _shown(self, image_id: str) -> Image:
        image = Image(
            id=image_id, name="", project_id=PROJECT, status="queued", visibility="private", disk_format="qcow2"
        )
        content = self._stored[image_id].content
        return image if content is None else replace(image, status="active", os_hash_value=_sha512(content))

    async def delete(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        await self.discard([request.image_id for request in requests])
        return [None] * len(requests)

    async def discard(self, image_ids: list[str]) -> None:
        for image_id in image_ids:
            self._stored.pop(image_id, None)
            self._uploads.pop(image_id, None)

    async def cached(self, node: str, image_ids: list[str], server: str) -> None:
        """Simulated nodes have no files."""

    async def uncached(self, node: str, image_ids: list[str]) -> None:
        """Nobody was sent there."""

    async def existing(self, image_ids: list[str]) -> list[str]:
        return image_ids

    async def forget_hosts(self, hosts: list[str]) -> None:
        """Nobody was sent to them."""


def _sha512(content: bytes) -> str:
    return hashlib.sha512(content).hexdigest()


_IMAGE = ImageLocation(
    image_id=IMAGE, disk_format="raw", size=1, virtual_size=1, os_hash_value="0", properties={}, urls=("http://image",)
)


@cache
def node_config(name: str, vcpus: int, fault_share: float) -> NodeConfig:
    """A host with room for so many machines of one vCPU."""
    fleet = SimulatedConfig(
        vcpus=vcpus, ram_mib=64 * 1024, disk_gib=1_000, step_delay_s=(0.001, 0.05), fault_share=fault_share
    )
    return NodeConfig(
        host=name,
        home=NOWHERE / name,
        simulated=fleet,
        cpu_allocation_ratio=1.0,
        vif_plugging_timeout_s=60.0,
        sweep_s=SWEEP_S,
        sync_power_state_interval=SWEEP_S,
    )


def first_rows(volumes: int, ports: int) -> list[Change]:
    """A flavor, a network, and volumes and ports of the user's own."""
    rows: list[Change] = [
        Flavor(id="small", name="small", vcpus=1, ram_mib=128, disk_gib=1),
        Network(id=NETWORK, name="private", project_id="admin", network_type="vxlan", segmentation_id=7, shared=True),
        Subnet(
            id=SUBNET,
            name="",
            network_id=NETWORK,
            project_id="admin",
            cidr="10.7.0.0/24",
            gateway_ip="10.7.0.1",
            pools=(("10.7.0.2", "10.7.0.99"),),
        ),
        ComputeQuota(id=PROJECT, limits=UNLIMITED),
        VolumeQuota(id=PROJECT, limits=volume_quotas.UNLIMITED),
        NetworkQuota(id=PROJECT, limits=network_quotas.NO_LIMITS),
        ServerGroup(id=GROUP, name="apart", project_id=PROJECT, user_id=MEMBER, policy="soft-anti-affinity"),
    ]
    rows += [
        Volume(id=f"volume-{n}", name="", project_id=PROJECT, size_gib=1, status="available") for n in range(volumes)
    ]
    rows += [_port(n) for n in range(ports)]
    return rows


def _port(number: int) -> Port:
    return Port(
        id=f"{number}port-of-the-user",
        network_id=NETWORK,
        project_id=PROJECT,
        mac_address=f"fa:16:3e:00:00:{number:02x}",
        fixed_ips=(FixedIp(SUBNET, f"10.7.0.{100 + number}"),),
    )
