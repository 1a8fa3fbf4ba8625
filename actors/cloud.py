"""What a driver script or a Ray job imports: connect to a cloud, boot machines, follow them, take them away.

    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        server = cloud.run("web", image="tiny", flavor="tiny")
        print(server.address, server.console())
        server.delete()

`Cloud.connect` joins the cloud that `novaray up` started; `Cloud.embedded` starts one of its own and stops it at the
end. Refusals are `CallerError` (they name the field), a boot that failed is `BootFailedError` (it carries the fault),
and a cloud that does not answer is `CloudUnavailableError`.
"""

from __future__ import annotations

import base64
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import cast
from uuid import uuid4

import msgspec
import ray

from actors.api.messages import BootRequest, Evacuated, EvacuateNode, ServersRequest, SetNode
from actors.cloud_acts import WAIT_LIMIT_S, ActFailedError, Acting
from actors.cloud_options import BootOptions, changed
from actors.cloud_rooms import (
    CloudUnavailableError,
    Flavors,
    Images,
    Keypairs,
    Networks,
    ServerGroups,
    Session,
    Volumes,
    is_id,
)
from actors.cloud_routers import FloatingIps, Routers
from actors.cluster import bringup, names
from actors.cluster.config import CloudConfig, HypervisorName, SimulatedConfig, default_home
from actors.cluster.secret import admin_password
from actors.errors import CallerError, CallerFault, not_found, value_of
from actors.identity.messages import PasswordLogin
from actors.messages import BlockDevice, Launched, NetworkRequest, Pruned, ServerView, StoryLine
from actors.records import Notification
from actors.scheduler.messages import PlacementExplained

BUILDING = ("BUILD", "REBUILD")  # statuses of what is on its way
BOOTS_A_MESSAGE = 1_000  # more go in several at once, which the rooms work on side by side
POLL_S = 30.0  # one long poll; the wait goes on until the limit

__all__ = [
    "ActFailedError",
    "BootFailedError",
    "BootOptions",
    "CallerError",
    "Cloud",
    "CloudUnavailableError",
    "Server",
]


class BootFailedError(Exception):
    """A server ended in ERROR; `server.view.fault` says at which step, where and why."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.server = server
        self._fault = server.view.fault  # looked at now: who prints this may have left the cloud

    def __str__(self) -> str:
        return f"{self.server.name}: {self._fault.message if self._fault else 'ERROR'}"


class _Views:
    """What is known of servers launched or awaited together: all are looked at in one message, when one is read."""

    def __init__(self, cloud: Cloud, server_ids: Sequence[str], seen: Sequence[ServerView] = ()) -> None:
        self._cloud = cloud
        self._server_ids = server_ids
        self._views = {view.id: view for view in seen}

    def __getitem__(self, server_id: str) -> ServerView:
        if server_id not in self._views:
            replies = dict(zip(self._server_ids, self._cloud.look(self._server_ids), strict=True))
            self._views = {one: view for one, view in replies.items() if isinstance(view, ServerView)}
            value_of(replies[server_id])
        return self._views[server_id]


class Server(Acting):
    """A handle on one server; what is done to its guest stands in `Acting`.

    `view` is what was last seen of it; `refresh` and `wait` look again.
    """

    def __init__(self, cloud: Cloud, server_id: str, name: str, views: _Views) -> None:
        self._cloud = cloud
        self.id = server_id
        self.name = name
        self._views = views

    def __repr__(self) -> str:
        return f"<Server {self.name} {self.id}>"

    @property
    def view(self) -> ServerView:
        return self._views[self.id]

    @property
    def status(self) -> str:
        return self.view.status

    @property
    def address(self) -> str:
        """The first fixed address ('' before there is one)."""
        return next((ip.ip_address for vif in self.view.addresses for ip in vif.fixed_ips), "")

    def look_in(self, views: _Views) -> None:
        """Forget what was seen: it is looked at again when somebody reads it."""
        self._views = views

    def refresh(self) -> Server:
        self._views = _Views(self._cloud, [self.id], self._cloud.show([self.id]))
        return self

    def wait(self, timeout_s: float = WAIT_LIMIT_S) -> Server:
        """Until it is ACTIVE; raises `BootFailedError` or TimeoutError."""
        self._cloud.wait([self], timeout_s)
        return self

    def story(self) -> list[StoryLine]:
        """Its timeline: every step, when, where, and how long it took."""
        return cast(list[StoryLine], self._cloud.session.call(names.API, "story", self._cloud.session.token, self.id))

    def console(self, lines: int = 50) -> str:
        return cast(str, self._cloud.session.call(names.API, "console", self._cloud.session.token, self.id, lines))

    def delete(self, timeout_s: float = WAIT_LIMIT_S) -> None:
        """Delete it and wait until it is gone."""
        self._cloud.delete([self], timeout_s)

    def forward(self, port: int) -> tuple[str, int]:
        """A host and port that reach this port of the guest from outside its network."""
        if not self.view.addresses:
            raise CallerError(not_found("server", f"{self.name} has no address"))
        network_id = self.view.addresses[0].network_id
        [network] = [network for network in self._cloud.networks.all() if network.id == network_id]
        agent = names.agent_name(names.node_of(network.dhcp_host))
        return cast("tuple[str, int]", self._cloud.session.call(agent, "forward", network_id, self.address, port))


class Cloud:
    """One user's session with a cloud."""

    def __init__(self, session: Session, login: tuple[float, float], home: Path) -> None:
        self.session = session
        self.images = Images(session)
        self.networks = Networks(session)
        self.routers = Routers(session)
        self.floating_ips = FloatingIps(session)
        self.volumes = Volumes(session)
        self.flavors = Flavors(session)
        self.keypairs = Keypairs(session)
        self.server_groups = ServerGroups(session)
        self._login = login
        self.home = home
        self._stop: CloudConfig | None = None

    # ------------------------------------------------------------ coming and going

    @classmethod
    def connect(
        cls, home: Path | None = None, *, user: str = "", password: str = "", project: str = "", address: str = ""
    ) -> Cloud:
        """Join a running cloud: the one of `home` (default NOVARAY_HOME), or the Ray cluster that this job runs in.

        Without a user, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME count, else it is the home's administrator.
        """
        home = (home or default_home()).absolute()
        runtime = bringup.running(home)
        address = address or (runtime.address if runtime else os.environ.get("RAY_ADDRESS", ""))
        if not address and not ray.is_initialized():
            raise CloudUnavailableError(
                f"no cloud runs in {home}; start one with `novaray up`, or use Cloud.embedded()"
            )
        bringup.connect(address, home)
        user = user or os.environ.get("OS_USERNAME", "admin")
        password = password or os.environ.get("OS_PASSWORD", "") or admin_password(home)
        project = project or os.environ.get("OS_PROJECT_NAME", user)
        return cls._login_as(PasswordLogin(user=user, password=password, project=project), home)

    @classmethod
    def embedded(
        cls, *, nodes: int = 1, hypervisor: HypervisorName = "simulated", hosts: int = 1, home: Path | None = None
    ) -> Cloud:
        """Start a cloud for this script alone; it is stopped and its folder removed when the script leaves it."""
        config = CloudConfig(home=home or Path(tempfile.mkdtemp(prefix="nvr-")), hypervisor=hypervisor)
        options = bringup.UpOptions(
            nodes=nodes, hypervisor=hypervisor, simulated=SimulatedConfig(hosts=hosts), dashboard=False
        )
        from actors.cluster.seed import seed  # it uses this module

        try:
            bringup.up(config, options, lambda line: None)
            cloud = cls.connect(config.home)
            cloud._stop = config
            seed(cloud, config, lambda line: None)
        except BaseException:
            bringup.down(config.home, lambda line: None, purge=True)  # half a cloud must not stay
            raise
        return cloud

    @classmethod
    def _login_as(cls, login: PasswordLogin, home: Path) -> Cloud:
        """Steps 1-2: identity verifies the password and gives a token."""
        session = Session("")
        at = time.time()
        grant = session.one(names.IDENTITY, "authenticate", login)
        took_ms = (time.time() - at) * 1000
        session.token = grant.token
        return cls(session, (at, took_ms), home)

    def __enter__(self) -> Cloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cloud; an embedded one is stopped and removed."""
        if self._stop is not None:
            bringup.down(self._stop.home, lambda line: None, purge=True)
            self._stop = None
        elif ray.is_initialized():
            ray.shutdown()

    # ------------------------------------------------------------ servers

    def boot(self, name: str, options: BootOptions | None = None, **changes: object) -> Server:
        """Launch one server; returns when it is recorded. `changes` are fields of `BootOptions`."""
        [server] = self.boot_many([name], options, **changes)
        return server

    def boot_many(self, servers: Iterable[str], options: BootOptions | None = None, **changes: object) -> list[Server]:
        """Launch several at once, by their names; a refusal of any raises, the others are launched."""
        requests = self._requests(servers, changed(options or BootOptions(), changes))
        replies = self.session.call_in_parts(names.API, "boot", requests, BOOTS_A_MESSAGE)
        return self._handles([(value_of(reply)[0], each.name) for reply, each in zip(replies, requests, strict=True)])

    def run(
        self, name: str, options: BootOptions | None = None, *, timeout_s: float = WAIT_LIMIT_S, **changes: object
    ) -> Server:
        """Launch one server; returns when it is ACTIVE. As `boot(…).wait()`, in one message instead of two."""
        [server] = self.run_many([name], options, timeout_s=timeout_s, **changes)
        return server

    def run_many(
        self,
        servers: Iterable[str],
        options: BootOptions | None = None,
        *,
        timeout_s: float = WAIT_LIMIT_S,
        **changes: object,
    ) -> list[Server]:
        """As `wait(boot_many(…))`: raises what those raise."""
        requests = self._requests(servers, changed(options or BootOptions(), changes))
        deadline = time.monotonic() + timeout_s
        wait_s = min(timeout_s, POLL_S)
        replies = self.session.call_in_parts(names.API, "boot_and_wait", requests, BOOTS_A_MESSAGE, wait_s)
        launched: list[Launched] = [value_of(reply) for reply in replies]
        handles = self._handles([(one.server_ids[0], each.name) for one, each in zip(launched, requests, strict=True)])
        seen = {one.server_ids[0]: one.statuses[0] for one in launched if one.statuses}
        return self._wait(handles, deadline, timeout_s, seen)

    def _requests(self, servers: Iterable[str], options: BootOptions) -> list[BootRequest]:
        template = self._request("", options)
        return [_named(template, name, index) for index, name in enumerate(servers)]

    def boot_group(
        self, name: str, count: int, options: BootOptions | None = None, *, min_count: int = 0, **changes: object
    ) -> list[Server]:
        """Launch `count` servers alike in one request, named `name-1` …

        With `min_count`, hosts are found for at least so many or for none; `min_count=count` is all or none.
        """
        template = self._request(name, changed(options or BootOptions(), changes))
        request = msgspec.structs.replace(template, count=count, min_count=min_count)
        [reply] = self.session.call(names.API, "boot", [request])
        return self._handles([(server_id, f"{name}-{n}") for n, server_id in enumerate(value_of(reply), 1)])

    def explain(self, options: BootOptions | None = None, **changes: object) -> PlacementExplained:
        """A dry run: where such a server would land now, how the best hosts weigh, why others were dropped."""
        request = self._request("explain", changed(options or BootOptions(), changes))
        [reply] = self.session.call(names.API, "explain", [request])
        return cast(PlacementExplained, value_of(reply))

    def _request(self, name: str, options: BootOptions) -> BootRequest:
        user_data = options.user_data.encode() if isinstance(options.user_data, str) else options.user_data
        volumes = (self._data_volume(volume) for volume in options.volumes)
        return BootRequest(
            token=self.session.token,
            name=name,
            flavor=options.flavor,
            image=options.image if is_id(options.image) or not options.image else self.images.get(options.image).id,
            networks=tuple(self._network(network) for network in options.networks),
            network_mode=options.network_mode,
            security_groups=options.security_groups,
            block_devices=(*options.block_devices, *volumes),
            user_data=base64.b64encode(user_data).decode(),
            key_name=options.key_name,
            public_key=options.public_key,
            metadata=options.metadata or {},
            config_drive=options.config_drive,
            availability_zone=options.availability_zone,
            hints=(options.hints or {}) | ({"group": (options.server_group,)} if options.server_group else {}),
            wait_for_capacity_s=options.wait_for_capacity_s,
            idempotency_key=options.idempotency_key or str(uuid4()),  # so that asking twice makes one server
            login_at=self._login[0],
            login_took_ms=self._login[1],
        )

    def _network(self, wanted: NetworkRequest | str) -> NetworkRequest:
        request = NetworkRequest(network_id=wanted) if isinstance(wanted, str) else wanted
        if not request.network_id or is_id(request.network_id):
            return request
        return msgspec.structs.replace(request, network_id=self.networks.get(request.network_id).id)

    def _data_volume(self, name: str) -> BlockDevice:
        volume_id = name if is_id(name) else self.volumes.get(name).id
        return BlockDevice(source_type="volume", destination_type="volume", source_id=volume_id)

    def servers(self) -> list[Server]:
        views: list[ServerView] = self.session.call(names.API, "list_servers", self.session.token)
        return self._handles([(view.id, view.name) for view in views], views)

    def server(self, name: str) -> Server:
        """By id, or by name if only one has it."""
        if is_id(name):
            [view] = self.show([name])
            return self._handles([(view.id, view.name)], [view])[0]
        matches = [server for server in self.servers() if server.name == name]
        if len(matches) != 1:
            status, reason = (409, "several servers are") if matches else (404, "no server is")
            raise CallerError(CallerFault(status, f"{reason} named {name!r}", "server"))
        return matches[0]

    def show(self, server_ids: Sequence[str]) -> list[ServerView]:
        return [value_of(reply) for reply in self.look(server_ids)]

    def look(self, server_ids: Sequence[str]) -> list[ServerView | CallerFault]:
        """Like `show`; what is gone has its fault there."""
        request = ServersRequest(token=self.session.token, server_ids=tuple(server_ids))
        return cast("list[ServerView | CallerFault]", self.session.call(names.API, "show", request))

    def _handles(self, known: Sequence[tuple[str, str]], seen: Sequence[ServerView] = ()) -> list[Server]:
        views = _Views(self, [server_id for server_id, _ in known], seen)
        return [Server(self, server_id, name, views) for server_id, name in known]

    def _statuses(self, server_ids: Sequence[str], wait_s: float) -> list[str | CallerFault]:
        """Answers when none of these is in BUILD or being deleted any more, or after `wait_s`."""
        request = ServersRequest(token=self.session.token, server_ids=tuple(server_ids), wait_s=wait_s)
        return cast("list[str | CallerFault]", self.session.call(names.API, "statuses", request))

    def wait(self, servers: Sequence[Server], timeout_s: float = WAIT_LIMIT_S) -> list[Server]:
        """Until all are ACTIVE. Raises `BootFailedError` for the first in ERROR, TimeoutError when the time is up."""
        return self._wait(servers, time.monotonic() + timeout_s, timeout_s, {})

    def _wait(
        self, servers: Sequence[Server], deadline: float, timeout_s: float, seen: Mapping[str, str]
    ) -> list[Server]:
        """`seen`: statuses that are known already."""
        ends = {server_id: status for server_id, status in seen.items() if status and status not in BUILDING}
        while pending := [server.id for server in servers if server.id not in ends]:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"{len(pending)} of {len(servers)} servers still build after {timeout_s:g} s")
            statuses = map(value_of, self._statuses(pending, min(left_s, POLL_S)))
            ends |= {
                server_id: status for server_id, status in zip(pending, statuses, strict=True) if status not in BUILDING
            }
        views = _Views(self, [server.id for server in servers])
        for server in servers:
            server.look_in(views)
        for server in servers:
            if ends[server.id] == "ERROR":
                raise BootFailedError(server)
        return list(servers)

    def delete(self, servers: Sequence[Server], timeout_s: float = WAIT_LIMIT_S) -> None:
        """Delete them all and wait until they are gone; one that is gone already is no error."""
        request = ServersRequest(token=self.session.token, server_ids=tuple(server.id for server in servers))
        for reply in self.session.call(names.API, "delete", request):
            if isinstance(reply, CallerFault) and reply.status != 404:
                raise CallerError(reply)
        deadline = time.monotonic() + timeout_s
        pending = [server.id for server in servers]
        while pending:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"{len(pending)} servers are not gone after {timeout_s:g} s")
            statuses = self._statuses(pending, min(left_s, POLL_S))
            pending = [i for i, status in zip(pending, statuses, strict=True) if not isinstance(status, CallerFault)]

    def drain(self, node: str, timeout_s: float = WAIT_LIMIT_S) -> list[Server]:
        """No new machine is placed on a worker node; returns when none builds there, with those that are left on it."""
        self._set_node(node, False)
        deadline = time.monotonic() + timeout_s
        while True:
            views: list[ServerView] = self.session.call(names.API, "list_servers", self.session.token, True)
            there = [view for view in views if names.node_of(view.host) == node]
            pending = [view.id for view in there if view.status in BUILDING]
            if not pending:
                return self._handles([(view.id, view.name) for view in there], there)
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{len(pending)} servers still build on {node} after {timeout_s:g} s")
            self._statuses(pending, min(deadline - time.monotonic(), POLL_S))

    def enable(self, node: str) -> None:
        """A drained node takes machines again."""
        self._set_node(node, True)

    def evacuate(self, node: str, *, from_image: bool = False) -> list[Evacuated]:
        """Servers of a node that is no more are built again elsewhere; returns when that has begun.

        Those that boot from a volume keep what is on it; with `from_image` the others get a fresh root disk.
        """
        request = EvacuateNode(token=self.session.token, node=node, from_image=from_image)
        begun: list[Evacuated] = self.session.call(names.API, "evacuate_node", request)
        return begun

    def prune(self, older_than_s: float) -> Pruned:
        """Forget servers that were deleted so long ago, with their stories, and notifications of that time."""
        before, servers, notifications, more = time.time() - older_than_s, 0, 0, True
        while more:
            found: Pruned = self.session.call(names.API, "prune", self.session.token, before)
            servers, notifications, more = servers + found.servers, notifications + found.notifications, found.more
        return Pruned(servers=servers, notifications=notifications)

    def _set_node(self, node: str, enabled: bool) -> None:
        request = SetNode(token=self.session.token, node=node, enabled=enabled)
        value_of(self.session.call(names.API, "set_node", request))

    def events(self, since: int | None = None, timeout_s: float | None = None) -> Iterator[Notification]:
        """Notifications as they happen: instance.create.start, .end, .error, instance.delete.start, .end.

        From the number `since` on (None = from now on); ends when nothing came for `timeout_s` (None = never).
        """
        last = self.last_event() if since is None else since
        while True:
            wait_s = POLL_S if timeout_s is None else min(timeout_s, POLL_S)
            rows = self._events_after(last, wait_s)
            if not rows and timeout_s is not None:
                return
            for row in rows:
                last = row.sequence
                yield row

    def last_event(self) -> int:
        """The number of the newest notification; `events(since=…)` from here misses none that comes."""
        return cast(int, self.session.call(names.CONDUCTOR, "last_notification"))

    def _events_after(self, since: int, wait_s: float) -> list[Notification]:
        arguments = self.session.token, since, 1_000, wait_s
        return cast(list[Notification], self.session.call(names.API, "notifications", *arguments))


def _named(template: BootRequest, name: str, index: int) -> BootRequest:
    """One of several requests alike, with a name and a key of its own."""
    key = f"{template.idempotency_key}:{index}"
    return msgspec.structs.replace(template, name=name, idempotency_key=key)
