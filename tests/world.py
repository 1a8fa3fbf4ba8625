"""A whole cloud in one process, without Ray: every room is the real one, wired to the others directly.

Hypervisor and dataplane are the simulated ones, the ledger is a dictionary. `state()` is all that a boot may leave
anywhere, for laws that say «as before»; ids, addresses and MACs come from a seed, so two runs can be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from actors.api.messages import BootRequest, CreateFlavor, ServersRequest
from actors.api.rest.app import edge
from actors.api.rest.rooms import EdgeRooms
from actors.api.service import Api
from actors.boot import CONTROL, NODE
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig, NodeConfig, SimulatedConfig
from actors.cluster.names import node_of
from actors.compute.build import Build
from actors.compute.service import Compute, Rooms
from actors.compute.simulated import SimulatedHypervisor
from actors.conductor.boots import Boot
from actors.conductor.quotas import UNLIMITED
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerFault, value_of
from actors.identity.passwords import Passwords
from actors.identity.service import Identity
from actors.identity.tokens import TokenSigner, Verifier, new_signing_key
from actors.image.cache import ImageCache
from actors.image.messages import CreateImage, FinishUpload, UploadChunk
from actors.image.service import ImageRoom
from actors.ledger import MemoryLedger
from actors.messages import AuthContext, BlockDevice, ImageRequest, ServerView
from actors.network import quotas as network_quotas
from actors.network.agent import NetworkAgent
from actors.network.messages import CreateNetwork, CreateSubnet
from actors.network.service import NetworkRoom
from actors.network.simulated import SimulatedDataplane
from actors.records import ComputeQuota, Image, Network, NetworkQuota, VolumeQuota
from actors.saga import Table
from actors.scheduler.service import Scheduler
from actors.simulated_taps import Taps
from actors.volume import quotas as volume_quotas
from actors.volume.backend import MemoryBackend
from actors.volume.messages import CreateVolume, VolumeRequest
from actors.volume.service import VolumeRoom

KEY = new_signing_key(0.0)
EDGE_URL = "http://novaray.test"
ADMIN_PASSWORD = "the administrator's"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HOUR_S = 3600.0
NODE_NAME = "node-1"


class Late:
    """A room that is made later: rooms know each other in circles."""

    room: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.room, name)


def token(project: str = "demo", roles: tuple[str, ...] = ("member",), user: str = "ann") -> str:
    clock = SystemClock()
    context = AuthContext(
        user_id=user,
        user_name=user,
        project_id=project,
        project_name=project,
        roles=roles,
        expires_at=clock.now() + HOUR_S,
        token_id=f"{user}-{project}",
    )
    return TokenSigner(KEY.id, KEY.private_pem).sign(context, clock.now(), HOUR_S)


@dataclass
class World:
    folder: Path
    seed: int = 1
    hosts: int = 1
    simulated: SimulatedConfig | None = None
    aggregates: dict[str, dict[str, str]] = field(default_factory=dict)
    boots_in_flight_limit: int = 20_000
    node_table: Table[Compute, Build] = NODE
    control_table: Table[Conductor, Boot] = CONTROL
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    admin: str = field(default_factory=lambda: token("admin", ("admin", "member"), "root"))
    member: str = field(default_factory=token)

    async def start(self) -> World:
        clock, random = SystemClock(), Random(self.seed)
        cloud = CloudConfig(home=self.folder, hypervisor="simulated", boots_in_flight_limit=self.boots_in_flight_limit)
        fleet = self.simulated or SimulatedConfig(hosts=self.hosts)
        self.node = NodeConfig(
            host=NODE_NAME,
            home=self.folder / NODE_NAME,
            simulated=fleet,
            vif_plugging_timeout_s=5,
            aggregates=self.aggregates,
        )
        verifier = Verifier({KEY.id: KEY.public_pem})
        self._cloud = cloud
        late_compute, late_agent = Late(), Late()
        self._computes, self._agents = {NODE_NAME: late_compute}, {NODE_NAME: late_agent}

        def compute_of(host: str) -> Any:
            return self._computes[node_of(host)]

        def agent_of(host: str) -> Any:
            return self._agents[node_of(host)]

        self.scheduler = Scheduler(clock, Random(self.seed), "spread", 3_600)
        late_network, late_volume, late_image = Late(), Late(), Late()
        neighbours = ConductorRooms(self.scheduler, late_network, late_volume, compute_of, late_image)
        self.conductor = Conductor(cloud, self.ledger, neighbours, clock, self.control_table)
        late_image.room = self.images = ImageRoom(cloud, self.conductor, verifier, clock)
        shown_by = self.conductor.floating_ips
        self.network = NetworkRoom(cloud, self.conductor, verifier, agent_of, compute_of, clock, random, shown_by)
        late_network.room = self.network
        cache = ImageCache(self.folder / "volume-cache")
        self.backend = MemoryBackend()
        self.volumes = VolumeRoom(cloud, self.conductor, verifier, self.images, cache, self.backend, clock)
        late_volume.room = self.volumes
        self.taps = Taps()
        self.dataplane = SimulatedDataplane(self.taps)
        self.agent = NetworkAgent(self.node, cloud, self.network, self.dataplane, clock)
        late_agent.room = self.agent
        self.hypervisor = SimulatedHypervisor(self.node, self.taps, random)
        rooms = Rooms(self.conductor, self.scheduler, self.images, self.network, self.volumes)
        self.compute = Compute(self.node, self.hypervisor, rooms, clock, self.node_table)
        late_compute.room = self.compute
        self.api = Api(
            cloud,
            self.conductor,
            verifier,
            self.images,
            self.network,
            self.volumes,
            compute_of,
            clock,
            random,
        )
        lifted = (  # as of the project that `up` makes
            ComputeQuota(id="demo", limits=UNLIMITED),
            VolumeQuota(id="demo", limits=volume_quotas.UNLIMITED),
            NetworkQuota(id="demo", limits=network_quotas.NO_LIMITS),
        )
        await self.ledger.commit([msgspec.structs.replace(KEY, created_at=clock.now()), *lifted])
        self.identity = Identity(cloud, self.conductor, clock, Passwords(QUICK))
        self.rooms = EdgeRooms(
            cloud,
            verifier,
            clock,
            self.identity,
            self.api,
            self.conductor,
            self.scheduler,
            self.images,
            self.network,
            self.volumes,
        )
        for room in (
            self.conductor,
            self.identity,
            self.images,
            self.network,
            self.volumes,
            self.agent,
            self.compute,
            self.api,
        ):
            await room.start()
        return self

    @cached_property
    def edge(self) -> ASGIApp:
        return edge(self.rooms)

    def http(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        """A client of the REST edge, in process; headers are spelled with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Accept": "application/json"} | named | ({"X-Auth-Token": token} if token else {})
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.edge), base_url=EDGE_URL, headers=sent)

    async def join(self, name: str, **unlike: Any) -> Compute:
        """One more worker node, with a compute actor and a network agent of its own. `unlike`: what of its fleet is not
        as the first one's."""
        fleet = msgspec.structs.replace(self.node.simulated, **{"fault_share": 0.0, **unlike})
        node = NodeConfig(host=name, home=self.folder / name, simulated=fleet, vif_plugging_timeout_s=5)
        taps = Taps()
        agent = NetworkAgent(node, self._cloud, self.network, SimulatedDataplane(taps), SystemClock())
        hypervisor = SimulatedHypervisor(node, taps, Random(self.seed))
        rooms = Rooms(self.conductor, self.scheduler, self.images, self.network, self.volumes)
        compute = Compute(node, hypervisor, rooms, SystemClock(), self.node_table)
        self._agents[name], self._computes[name] = agent, compute
        await agent.start()
        await compute.start()
        return compute

    async def close(self) -> None:
        await self.settled()
        for name in set(self._agents) - {NODE_NAME}:
            await self._agents[name].stop(True)
        await self.agent.stop(True)
        await self.volumes.close()
        await self.images.close()

    async def settled(self) -> None:
        await self.conductor.settled()
        for compute in self._computes.values():
            await compute.settled()
        for agent in self._agents.values():
            await agent.look()
        await self.conductor.settled()

    # ------------------------------------------------------------ what a first user needs

    async def furnish(self) -> World:
        """A flavor, an image and a network, by the rooms' own administration."""
        request = CreateFlavor(token=self.admin, name="tiny", vcpus=1, ram_mib=128, disk_gib=1, id="tiny")
        value_of(await self.api.create_flavor(request))
        self.image = await self.upload("tiny", bytes(64 * 1024))
        [network] = await self.network.create_networks([CreateNetwork(token=self.admin, name="private", shared=True)])
        self.net: Network = value_of(network)
        [subnet] = await self.network.create_subnets(
            [CreateSubnet(token=self.admin, network_id=self.net.id, cidr="10.7.0.0/16")]
        )
        value_of(subnet)
        return self

    async def upload(self, name: str, data: bytes) -> Image:
        create = CreateImage(token=self.admin, name=name, disk_format="raw", visibility="public")
        [image] = await self.images.create([create])
        made = value_of(image)
        await self.images.begin_upload([ImageRequest(token=self.admin, image_id=made.id)])
        await self.images.upload_chunk([UploadChunk(token=self.admin, image_id=made.id, offset=0, data=data)])
        [ready] = await self.images.finish_upload([FinishUpload(token=self.admin, image_id=made.id)])
        return value_of(ready)

    def root_volume(self) -> BlockDevice:
        """A root disk that is made of the image, as a volume, and goes with its server."""
        return BlockDevice(
            source_type="image",
            destination_type="volume",
            source_id=self.image.id,
            boot_index=0,
            size_gib=1,
            delete_on_termination=True,
        )

    async def volume(self, size_gib: int = 1) -> str:
        request = CreateVolume(token=self.member, name="data", size_gib=size_gib)
        [volume] = await self.volumes.create([request])
        made = VolumeRequest(token=self.member, volume_id=value_of(volume).id)
        [ready] = await self.volumes.wait([made], 5.0)
        return value_of(ready).id

    async def volume_status(self, volume_id: str) -> str:
        [volume] = await self.volumes.wait([VolumeRequest(token=self.admin, volume_id=volume_id)], 0.0)
        return value_of(volume).status

    async def held_by(self, server_id: str) -> list[str]:
        """What the network and volume rooms have of a server."""
        await self.settled()
        worlds = (await self.network.world(), await self.volumes.world())
        return [line for world in worlds for lines in world.values() for line in lines if server_id in line]

    def request(self, name: str = "vm", **changes: Any) -> BootRequest:
        fields: dict[str, Any] = {"token": self.member, "name": name, "flavor": "tiny", "image": self.image.id}
        return BootRequest(**(fields | changes))

    # ------------------------------------------------------------ what a user does

    async def boot(self, *requests: BootRequest) -> list[ServerView]:
        """Launch and wait until each has ended, well or not; refusals raise."""
        replies = await self.api.boot(list(requests))
        ids = tuple(server_id for reply in replies for server_id in value_of(reply))
        views = await self.api.show(ServersRequest(token=self.member, server_ids=ids, wait_s=20.0))
        return [value_of(view) for view in views]

    async def delete(self, *servers: ServerView) -> None:
        ids = tuple(server.id for server in servers)
        for reply in await self.api.delete(ServersRequest(token=self.member, server_ids=ids)):
            assert reply is None
        views = await self.api.show(ServersRequest(token=self.member, server_ids=ids, wait_s=20.0))
        assert all(isinstance(view, CallerFault) and view.status == 404 for view in views)
        await self.settled()

    async def state(self) -> dict[str, dict[str, list[str]]]:
        """All that a boot may leave behind, room by room."""
        await self.settled()
        return {
            "scheduler": await self.scheduler.world(),
            "compute": await self.compute.world(),
            "network": await self.network.world(),
            "volume": await self.volumes.world(),
            "dataplane": await self.dataplane.world(),
        }


def in_world(folder: Path, play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    """Play something in a furnished world that is closed afterwards."""

    async def run() -> None:
        world = await World(folder, **options).start()
        try:
            await (await world.furnish()).settled()
            await play(world)
        finally:
            await world.close()

    asyncio.run(run())
