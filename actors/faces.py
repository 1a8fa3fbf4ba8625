"""The faces that rooms show each other: one Protocol a room, list in, list out.

A room gets the faces it needs as constructor arguments: proxies of Ray actors in a cloud (`actors/cluster/reach.py`),
the rooms themselves in a test or in the simulator. Every method may be run twice with the same list. A reply list is
as long as the request list; a refused item has its fault there.
"""

from __future__ import annotations

from typing import Any, Protocol

from actors.acts import ActDone, ActOrder, ActRequest, Edit, PowerReport, Screen
from actors.errors import CallerFault, Fault, HostFault
from actors.image.upload import Uploads
from actors.messages import (
    AllocateRequest,
    AttachRequest,
    AuthContext,
    BootSpec,
    BuildEnded,
    BuildOrder,
    Claim,
    ClaimChange,
    ConnectionInfo,
    DeallocateRequest,
    DeleteRequest,
    DestroyOrder,
    DetachRequest,
    EvacuateRequest,
    Exchange,
    FloatingIps,
    Hello,
    HostReport,
    HostSeen,
    ImageLocation,
    ImageRequest,
    InstanceFound,
    Launched,
    NoHostFound,
    Placed,
    PlaceRequest,
    PlugEvent,
    PortDetails,
    ProjectQuota,
    Pruned,
    ReimageRequest,
    ServerStatus,
    ServerView,
    StepReport,
    StoryLine,
    UnshelveRequest,
    Vif,
    Welcome,
)
from actors.network.messages import (
    DhcpNetworkInfo,
    DhcpQuery,
    NetworkNews,
    PortFirewall,
    PortQuery,
    RouterInfo,
    UpdatePort,
)
from actors.records import (
    Aggregate,
    Change,
    InstanceAction,
    Ledger,
    Move,
    Notification,
    Port,
    SecurityGroup,
    Volume,
    VolumeSnapshot,
)
from actors.scheduler.messages import PlacementExplained
from actors.volume.messages import CreateSnapshot, SnapshotRequest, UpdateVolume, VolumeRequest


class TokenVerifier(Protocol):
    """What each room's door checks tokens with: `actors.identity.tokens.Verifier`, or a table in a test."""

    def verify(self, token: str, now: float, allow_expired_s: float = 0.0) -> AuthContext:
        """Who the bearer is; raises `CallerError` 401."""


class IdentityFace(Protocol):
    async def public_keys(self) -> dict[str, str]:
        """Key id → PEM; with them any room verifies a token itself."""


class SchedulerFace(Protocol):
    async def place(self, requests: list[PlaceRequest]) -> list[Placed | NoHostFound | CallerFault]:
        """Choose a host and claim there. The same (instance, attempt) again returns the same host."""

    async def release(self, instance_ids: list[str]) -> None:
        """Give the claims back; an unknown id changes nothing."""

    async def grow(self, changes: list[ClaimChange]) -> list[Placed | NoHostFound | CallerFault]:
        """Room for another flavor beside what instances hold, on the hosts where they are. Repeatable by edition."""

    async def exchange(self, exchanges: list[Exchange]) -> None:
        """Instances are where other ids held room for them, and those have what they held."""

    async def shrink(self, changes: list[ClaimChange]) -> None:
        """From now on they hold this alone."""

    async def confirm(self, instance_ids: list[str]) -> None:
        """The instances run: their claims are no longer provisional."""

    async def heartbeat(self, reports: list[HostReport]) -> None:
        """These hosts are up, and as they say. Raises `StaleEpochError` to an actor whose node has a newer epoch."""

    async def unchanged(self, node: str, hosts: int, epoch: int) -> bool:
        """All hosts of the node are up and as they last said; False where the scheduler does not know so many."""

    async def fence(self, node: str, epoch: int) -> None:
        """Compute actors of this node with an older epoch are refused from now on."""

    async def restore(self, claims: list[Claim]) -> None:
        """The conductor tells a new scheduler what is claimed already."""

    async def forget_hosts(self, hosts: list[str]) -> None:
        """The hosts left the cluster."""

    async def arrange(self, aggregates: list[Aggregate]) -> None:
        """These are all the aggregates that administrators made."""

    async def force_down(self, hosts: list[str], down: bool) -> None:
        """These hosts are down whatever their heartbeats say; or no longer."""

    async def hosts(self) -> list[HostSeen]:
        """Every host that has reported, and how much of it is taken."""

    async def explain(self, requests: list[PlaceRequest]) -> list[PlacementExplained | CallerFault]:
        """A dry run: where each would land, how the best hosts weigh, why others were dropped."""


class ConductorFace(Ledger, Protocol):
    async def made_before(self, keys: list[tuple[str, str]]) -> list[list[str]]:
        """For each (project, idempotency key) the ids that were answered to it; [] where it is new."""

    async def accept(self, specs: list[BootSpec]) -> list[list[str] | CallerFault]:
        """Record the instances durably (steps 6-7) and begin to boot them; their ids (of a known key, the first)."""

    async def explain(self, specs: list[BootSpec]) -> list[PlacementExplained | CallerFault]:
        """Where the first machine of each would land now; nothing is recorded or claimed."""

    async def progress(self, reports: list[StepReport | BuildEnded]) -> None:
        """What compute actors tell of their builds, in order."""

    async def hello(self, compute: Hello) -> Welcome:
        """A compute actor starts: a new epoch, and what it had in hand."""

    async def strangers(self, node: str, instance_ids: list[str]) -> list[str]:
        """Those of the instances that have no place on this node: deleted, never known, or somewhere else."""

    async def renew(self, node: str, epoch: int) -> None:
        """Is this still the node's epoch? Raises `StaleEpochError` if not; so does `progress`."""

    async def set_enabled(self, node: str, enabled: bool, reason: str = "") -> CallerFault | None:
        """Whether new machines are placed on this worker node."""

    async def force_down(self, node: str, down: bool) -> CallerFault | None:
        """Whether this worker node's hosts are taken to be down, whatever they say themselves."""

    async def left(self) -> list[str]:
        """The worker nodes that said hello once and have left."""

    async def evacuate(self, requests: list[EvacuateRequest]) -> list[CallerFault | None]:
        """Build servers of nodes that left, or are said to be down, again on other hosts; durably begun."""

    async def unshelve(self, requests: list[UnshelveRequest]) -> list[CallerFault | None]:
        """Have shelved servers run again, in the background; durably begun."""

    async def evacuable(self, node: str) -> list[ServerView]:
        """The servers that a node left behind, but for those in ERROR."""

    async def prune(self, before: float) -> Pruned:
        """Forget some servers that were deleted before then, and notifications of that time, the oldest first."""

    async def arrange(self, changes: list[Change]) -> None:
        """Aggregates of hosts change: durably, and for the scheduler, from the answer on."""

    async def hosts(self) -> list[HostSeen]:
        """Every host, by name, as the scheduler has it."""

    async def quotas(self, project_ids: list[str]) -> list[ProjectQuota]:
        """What each project has and may have; the id `default` stands for the cloud."""

    async def set_quota(self, project_id: str, limits: dict[str, int]) -> None:
        """A project's own limits, or the cloud's under the id `default`; none: the cloud's hold again."""

    async def present(self) -> list[str]:
        """The worker nodes that said hello and have not left since."""

    async def node_left(self, node: str) -> list[str]:
        """A worker node is gone: what it was building goes elsewhere; the names of its hosts."""

    async def claims(self) -> list[Claim]:
        """What every live instance takes, for a scheduler that starts."""

    async def delete(self, requests: list[DeleteRequest]) -> list[CallerFault | None]:
        """Mark for deletion, durably; the guests go in the background."""

    async def act(self, requests: list[ActRequest]) -> list[InstanceAction | CallerFault]:
        """Accept, durably, what is to be done to servers that have been booted; it is done in the background."""

    async def acted(self, action_ids: list[str], wait_s: float) -> None:
        """Answers when these are over, or after `wait_s`."""

    async def actions(self, instance_id: str) -> list[InstanceAction] | CallerFault:
        """What was done to a server, one that is deleted too, oldest first; its boot is the first."""

    async def migrations(self) -> list[Move]:
        """Resizes, cold migrations and evacuations of servers, newest first."""

    async def powers(self, reports: list[PowerReport]) -> None:
        """How guests are, which compute actors tell unasked."""

    async def edit(self, edits: list[Edit]) -> list[ServerView | CallerFault]:
        """Change what is known of servers, durably; their guests are not touched."""

    async def floating_ips(self, told: list[FloatingIps], whole: bool = False) -> None:
        """What leads to these ports of instances now; `whole`: nothing leads to any other."""

    async def show(self, instance_ids: list[str]) -> list[ServerView | CallerFault]: ...

    async def instance(self, instance_id: str) -> InstanceFound:
        """What the metadata server tells a guest; raises `LookupError` for one that is gone."""

    async def list_deleted(self, project_id: str) -> list[ServerView]:
        """The newest of those that were deleted, oldest first."""

    async def list_servers(self, project_id: str) -> list[ServerView]:
        """Every server of a project that is not deleted ('' = of all projects)."""

    async def story(self, instance_id: str) -> list[StoryLine]: ...

    async def accept_and_wait(self, specs: list[BootSpec], wait_s: float) -> list[Launched | CallerFault]:
        """`accept`, answered when none of what was accepted is in BUILD any more, or after `wait_s`."""

    async def wait(self, instance_ids: list[str], wait_s: float) -> list[ServerView | CallerFault]:
        """Answers when all have left BUILD (or are gone), or after `wait_s`."""

    async def statuses(self, instance_ids: list[str], wait_s: float) -> list[ServerStatus | CallerFault]:
        """The same with the status alone, for those who wait for many."""

    async def notifications(self, since: int, limit: int, wait_s: float) -> list[Notification]:
        """Notifications after a sequence number; waits up to `wait_s` for the first."""


class ImageFace(Uploads, Protocol):
    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        """Verify the token, show metadata and where the data is (steps 19-21): nodes that have it, then the room."""

    async def cached(self, node: str, image_ids: list[str], server: str) -> None:
        """The node has these images and serves them at `server` (http://host:port)."""

    async def uncached(self, node: str, image_ids: list[str]) -> None:
        """The node has these no more."""

    async def existing(self, image_ids: list[str]) -> list[str]:
        """Those of which there are images: a node asks about what it has cached."""

    async def discard(self, image_ids: list[str]) -> None:
        """Delete what was made for acts on servers and nobody needs any more; an unknown id changes nothing."""

    async def forget_hosts(self, hosts: list[str]) -> None:
        """Worker nodes left the cluster: nobody is sent to them for data."""


class NetworkFace(Protocol):
    async def validate(self, requests: list[AllocateRequest]) -> list[CallerFault | None]:
        """Would these be allocated? Changes nothing; used at the door by the API."""

    async def allocate(self, requests: list[AllocateRequest]) -> list[tuple[Vif, ...] | CallerFault]: ...

    async def deallocate(self, requests: list[DeallocateRequest]) -> None: ...

    async def fence(self, node: str, epoch: int) -> None:
        """Compute actors of this node with an older epoch are refused from now on."""

    async def port_details(self, devices: list[str]) -> list[PortDetails | CallerFault]:
        """By tap device name, for the L2 agent."""

    async def ports_up(self, port_ids: list[str], node: str = "") -> None:
        """The L2 agent wired these: they become ACTIVE and compute hears network-vif-plugged."""

    async def ports_down(self, port_ids: list[str], node: str = "") -> None:
        """Of both: only those that are bound to the node that says so ('' = wherever they are)."""

    async def ports_active(self, port_ids: list[str]) -> list[bool]:
        """Which of these are wired now; one that is unknown is not. Of those that seem not to be, agents are asked."""

    async def agent_started(
        self, host: str, underlay_ip: str = "", physical_networks: tuple[str, ...] = ()
    ) -> list[str]:
        """An agent (re)starts and says its VXLAN endpoint and what it has devices for; the networks whose DHCP it
        serves."""

    async def routers_on(self, host: str) -> list[RouterInfo]:
        """All routers of which the agent of this node should have something."""

    async def forget_hosts(self, hosts: list[str]) -> None:
        """The hosts left the cluster: DHCP that they served moves to others."""

    async def peers(self, network_ids: list[str]) -> list[tuple[str, ...]]:
        """For each network the VXLAN endpoints of the hosts that have ports on it (DHCP's own counts)."""

    async def dhcp_networks(self, network_ids: list[str]) -> list[DhcpNetworkInfo | CallerFault]:
        """All that the DHCP agent writes for a network: subnets, ports, its own port."""

    async def dhcp_changes(self, queries: list[DhcpQuery]) -> list[DhcpNetworkInfo | CallerFault]:
        """The same, but of the ports only those that changed since the version that the agent holds."""

    async def list_ports(self, query: PortQuery) -> list[Port]:
        """Those that the caller may see."""

    async def update_ports(self, requests: list[UpdatePort]) -> list[Port | CallerFault]: ...

    async def vifs(self, port_ids: list[str]) -> list[Vif | None]:
        """Each port as it is now, as its server has it; None for one that is unknown."""

    async def list_security_groups(self, token: str) -> list[SecurityGroup]:
        """Those that the caller may see."""

    async def firewall_rules(self, port_ids: list[str]) -> list[PortFirewall | CallerFault]:
        """Addresses, pairs and resolved security group rules of each port, for the firewall of its host."""


class AgentFace(Protocol):
    """The network agent of one node: DHCP and L2."""

    async def networks_changed(
        self,
        network_ids: list[str],
        news: list[NetworkNews] | None = None,
        routers: list[RouterInfo] | None = None,
    ) -> None:
        """Ports or subnets of these networks changed: bring DHCP up to date before returning. With the news of a
        network that follow from what it holds, the agent need not ask. These routers changed, each is told whole."""

    async def wired(self) -> list[str]:
        """Ids of the ports whose taps are wired. Asked by a network service that begins anew."""

    async def forward(self, network_id: str, address: str, port: int) -> tuple[str, int]:
        """Relay TCP from a port of this node to a guest; (host, port) to connect to."""

    async def world(self) -> dict[str, list[str]]:
        """What is on the node of networks, by kind."""


class VolumeFace(Protocol):
    async def validate(self, requests: list[AttachRequest]) -> list[CallerFault | None]:
        """Would these be attached? Changes nothing; used at the door by the API."""

    async def attach(self, requests: list[AttachRequest]) -> list[tuple[ConnectionInfo, ...] | Fault]:
        """One connection a device, in the order of the request's devices."""

    async def connections(self, instance_ids: list[str]) -> list[tuple[ConnectionInfo, ...] | Fault]:
        """Of each of these, how the volumes are reached that it has, in no order; none whose data is not whole."""

    async def detach(self, requests: list[DetachRequest]) -> None: ...

    async def ready_root(self, requests: list[ReimageRequest]) -> list[Fault | None]:
        """Have the images here that are to be written; what can't be written is refused. Changes nothing."""

    async def reimage_root(self, requests: list[ReimageRequest]) -> list[Fault | None]:
        """Answers when the images are on these volumes; they are reached again when they are attached again."""

    async def give_up_root(self, act_ids: list[str]) -> None:
        """These rebuilds go no further: writing that was asked for, and has not begun, does not begin any more."""

    async def show(self, requests: list[VolumeRequest]) -> list[Volume | CallerFault]: ...

    async def update(self, requests: list[UpdateVolume]) -> list[Volume | CallerFault]: ...

    async def create_snapshot(self, requests: list[CreateSnapshot]) -> list[VolumeSnapshot | CallerFault]: ...

    async def delete_snapshot(self, requests: list[SnapshotRequest]) -> list[CallerFault | None]: ...

    async def fence(self, node: str, epoch: int) -> None:
        """Compute actors of this node with an older epoch are refused from now on."""


class ComputeFace(Protocol):
    async def build(self, orders: list[BuildOrder]) -> None:
        """Take the orders in hand; their end is told by `ConductorFace.progress`."""

    async def destroy(self, orders: list[DestroyOrder]) -> list[CallerFault | None]:
        """Undo everything of these instances; returns when done."""

    async def act(self, orders: list[ActOrder]) -> list[ActDone | Fault]:
        """Do things to guests that have been booted; returns when all are done. What is done already stays so."""

    async def screen(self, instance_id: str) -> Screen:
        """Where a guest's VNC can be reached; raises `CallerError` 503 where too many are."""

    async def diagnostics(self, instance_id: str) -> dict[str, Any]:
        """What the hypervisor knows of a guest, in the words of Nova's server diagnostics; raises `HostError`."""

    async def uptime(self) -> str:
        """How long the node has been up, as the command `uptime` says it; raises `HostError`."""

    async def holds(self, instance_ids: list[str]) -> list[tuple[str, int, str]]:
        """Of these instances those that are in hand here, or ended here: (id, attempt, host)."""

    async def plugged(self, events: list[PlugEvent]) -> None: ...

    async def set_enabled(self, enabled: bool) -> None:
        """The scheduler knows of it when this returns."""

    async def precache(self, requests: list[ImageRequest]) -> list[CallerFault | HostFault | None]:
        """Fetch these images into the node's cache."""

    async def console(self, instance_id: str, lines: int) -> str: ...
