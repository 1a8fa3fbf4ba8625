"""The compute API: the door through which every request for a server comes (steps 3-7).

It verifies the token itself, checks the request, asks the rooms that own images, networks
and volumes whether they would serve it, and only then has the conductor record it. Invariant: what is refused here has
changed nothing; what is answered with ids is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any, TypeVar

from msgspec.structs import replace

from actors.api.consoles import Tickets
from actors.api.firewalls import ServerFirewalls
from actors.api.kinds import kind_of
from actors.api.leftovers import Leftovers
from actors.api.messages import (
    BootRequest,
    ServersRequest,
)
from actors.api.migrating import ServerMigrations
from actors.api.placement import Placement
from actors.api.rebuilding import ServerRebuilds
from actors.api.rescuing import ServerRescues
from actors.api.resizing import ServerResizes
from actors.api.shelving import ServerShelving
from actors.api.validation import (
    hostname_of,
    image_fault,
    local_disks_fault,
    name_fault,
    request_fault,
)
from actors.api.volume_images import mapped
from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found, value_of
from actors.faces import ComputeFace, ConductorFace, ImageFace, NetworkFace, TokenVerifier, VolumeFace
from actors.messages import (
    AllocateRequest,
    AttachRequest,
    AuthContext,
    BootSpec,
    DeleteRequest,
    ImageLocation,
    ImageRequest,
    Launched,
    PlugEvent,
    ServerStatus,
    ServerView,
    StoryLine,
)
from actors.outbox import Outbox
from actors.records import Notification
from actors.remembered import Remembered
from actors.scheduler.messages import PlacementExplained
from actors.volume.plan import as_ordered_today

LAUNCH_LINGER_S, LAUNCHES_BUSY_FROM = 0.1, 40  # single POSTs and DELETEs of so many a second share messages
SHOW_LINGER_S, SHOWS_BUSY_FROM = 0.05, 80  # and single GETs
LONG = 100  # requests of a message; those behind a long one wait for it
SERVED_S = 1.0  # the image and network rooms are not asked again for so long; what has changed by then fails there
PLUGS = ("network-vif-plugged", "network-vif-unplugged")  # events that a compute actor waits for
Seen = TypeVar("Seen", ServerView, ServerStatus)
Reply = TypeVar("Reply", list[str], Launched)  # to a request that was accepted
Question = TypeVar("Question", AllocateRequest, AttachRequest)


class Api(Placement, ServerFirewalls, ServerRebuilds, ServerRescues, ServerResizes, ServerMigrations, ServerShelving):
    def __init__(
        self,
        config: CloudConfig,
        conductor: ConductorFace,
        verifier: TokenVerifier,
        images: ImageFace,
        network: NetworkFace,
        volume: VolumeFace,
        computes: Callable[[str], ComputeFace],
        clock: Clock,
        random: Random,
    ) -> None:
        super().__init__(conductor, verifier, clock, random)
        self._config = config
        self._images = images
        self._located = Remembered(images.locate, clock, SERVED_S)
        self._network = network
        self._allocated = Remembered(network.validate, clock, SERVED_S, _takes_no_port)
        self._volume = volume
        self._computes = computes
        self._tickets = Tickets(random)
        self.leftovers = Leftovers(conductor, images)
        self._launches: Outbox[BootRequest, list[str]] = Outbox(
            self.boot, linger_s=LAUNCH_LINGER_S, busy_from=LAUNCHES_BUSY_FROM
        )
        self._deletions: Outbox[tuple[DeleteRequest, AuthContext], None] = Outbox(
            self._delete, linger_s=LAUNCH_LINGER_S, busy_from=LAUNCHES_BUSY_FROM
        )
        self._shows: Outbox[str, ServerView] = Outbox(conductor.show, linger_s=SHOW_LINGER_S, busy_from=SHOWS_BUSY_FROM)

    # ------------------------------------------------------------ launching

    async def boot(self, requests: list[BootRequest]) -> list[list[str] | CallerFault]:
        """Steps 3-7 for each request: its servers' ids, recorded, or why it is refused."""
        return await self._booted(requests, self._conductor.accept)

    async def boot_and_wait(self, requests: list[BootRequest], wait_s: float) -> list[Launched | CallerFault]:
        """The same, answered when none of their servers is in BUILD any more, or after `wait_s`.

        Asked again, as by a driver whose compute API died meanwhile, it waits for the same servers.
        """
        replies = await self._booted(requests, lambda specs: self._conductor.accept_and_wait(specs, wait_s))
        return [Launched(server_ids=reply) if isinstance(reply, list) else reply for reply in replies]

    async def _booted(
        self, requests: list[BootRequest], accept: Callable[[list[BootSpec]], Awaitable[list[Reply | CallerFault]]]
    ) -> list[Reply | list[str] | CallerFault]:
        specs, refused = await self._specs(requests)
        accepted = await accept(list(specs.values())) if specs else []
        replies: dict[int, Reply | list[str] | CallerFault] = {**refused, **dict(zip(specs, accepted, strict=True))}
        if refused:
            replies |= await self._made_before(requests, refused)
        return [replies[index] for index in range(len(requests))]

    async def launch(self, request: BootRequest) -> list[str]:
        """`boot` of one; those that ask at the same time share a message. Raises `CallerError`."""
        return await self._launches.ask(request)

    async def _made_before(self, requests: list[BootRequest], refused: dict[int, Any]) -> dict[int, list[str]]:
        """A request that is refused now may be the repeat of one that was accepted: its own server has its volume."""
        keys = {}
        for index in refused:
            if requests[index].idempotency_key:
                with suppress(CallerError):
                    keys[index] = self._authorized(requests[index].token).project_id, requests[index].idempotency_key
        made = await self._conductor.made_before(list(keys.values())) if keys else []
        return {index: ids for index, ids in zip(keys, made, strict=True) if ids}

    async def explain(self, requests: list[BootRequest]) -> list[PlacementExplained | CallerFault]:
        """A dry run of each: what `boot` would refuse is refused, and nothing is recorded or claimed."""
        specs, refused = await self._specs(requests)
        explained = await self._conductor.explain(list(specs.values())) if specs else []
        replies = refused | dict(zip(specs, explained, strict=True))
        return [replies[index] for index in range(len(requests))]

    async def _specs(self, requests: list[BootRequest]) -> tuple[dict[int, BootSpec], dict[int, Any]]:
        """What is in order, and the faults of the rest, by the request's place in the list.

        Of a long message the first request is looked at by itself: what the other rooms answer for it holds for most
        of the rest, which then go to the conductor at once and not only when all long messages behind it were read.
        """
        ahead = 1 if len(requests) >= LONG else 0
        outcomes = [*await self._outcomes(requests[:ahead]), *await self._outcomes(requests[ahead:])]
        good = {index: each for index, each in enumerate(outcomes) if isinstance(each, BootSpec)}
        return good, {index: each for index, each in enumerate(outcomes) if isinstance(each, CallerFault)}

    async def _outcomes(self, requests: list[BootRequest]) -> list[BootSpec | CallerFault]:
        """Requests that are alike but for their names are looked at as one."""
        kinds = [kind_of(request) for request in requests]
        one_of = dict(zip(kinds, requests, strict=True))
        authorized = cache(self._authorized)  # most requests of a message have the same token
        specs = [self._spec(request, authorized) for request in one_of.values()]
        models = dict(zip(one_of, await self._ask_owners(await self._with_images(specs)), strict=True))
        return [self._like(models[kind], request) for kind, request in zip(kinds, requests, strict=True)]

    def _like(self, model: BootSpec | CallerFault, request: BootRequest) -> BootSpec | CallerFault:
        """The same for this request, which has a name, a hostname and ids of its own."""
        if isinstance(model, CallerFault):
            return model
        if fault := name_fault("name", request.name):
            return fault
        ids = tuple(self._uuid() for _ in range(request.count))
        return replace(
            model,
            name=request.name,
            hostname=request.hostname or hostname_of(request.name) or "server",
            admin_password=request.admin_password or self._token_hex(12),
            request_id=request.request_id or f"req-{self._uuid()}",
            idempotency_key=request.idempotency_key,
            instance_ids=ids,
            batch=ids[0] if request.min_count > 1 else "",
            reservation_id=request.reservation_id,
        )

    def _spec(self, request: BootRequest, authorized: Callable[[str], AuthContext]) -> BootSpec | CallerFault:
        """Of one machine; `_like` makes it that of as many as were asked for."""
        received = self._clock.now()
        try:
            context = authorized(request.token)
            if not context.project_id:
                return forbidden("a server belongs to a project, and this token is for none")
            flavor = self._flavors.find(context, request.flavor)
            public_key = self._public_key(request, context)
            hints = self._server_groups.hints(context, request.hints)
        except CallerError as error:
            return error.fault
        verified = self._clock.now()
        fault = request_fault(request, self._config.user_data_limit) or _zone_fault(request, context)
        if fault := fault or local_disks_fault(request.block_devices, flavor):
            return fault
        return BootSpec(
            name=request.name,
            hostname=request.hostname or hostname_of(request.name) or "server",
            project_id=context.project_id,
            user_id=context.user_id,
            token=request.token,
            flavor=replace(flavor, description="") if flavor.description else flavor,
            image_id=request.image,
            networks=request.networks,
            auto_network=not request.networks and request.network_mode == "auto",
            security_groups=request.security_groups,
            block_devices=request.block_devices,
            user_data=request.user_data,
            key_name=request.key_name,
            public_key=public_key,
            metadata=request.metadata,
            config_drive=request.config_drive,
            availability_zone=request.availability_zone,
            hints=hints,
            instance_ids=(self._uuid(),),
            min_count=request.min_count if request.min_count > 1 else 0,
            fewest=request.fewest,
            description=request.description,
            tags=request.tags,
            pinned_zone=request.availability_zone.partition(":")[0],
            disk_config=request.disk_config,
            access_ip_v4=request.access_ip_v4,
            access_ip_v6=request.access_ip_v6,
            files=request.files,
            wait_for_capacity_s=request.wait_for_capacity_s,
            door=_door(request, received, verified),
        )

    async def _with_images(self, specs: list[BootSpec | CallerFault]) -> list[BootSpec | CallerFault]:
        """Resolve each image once for the whole batch and hold it against the flavor."""
        wanted = {(s.token, s.image_id) for s in specs if isinstance(s, BootSpec) and s.image_id}
        order = sorted(wanted)
        found = await self._located.ask([ImageRequest(token=t, image_id=i) for t, i in order]) if order else []
        images = dict(zip(order, found, strict=True))
        seen = [s if isinstance(s, CallerFault) else _with_image(s, images.get((s.token, s.image_id))) for s in specs]
        return [_as_ordered_today(s) if isinstance(s, BootSpec) and s.block_devices else s for s in seen]

    async def _ask_owners(self, specs: list[BootSpec | CallerFault]) -> list[BootSpec | CallerFault]:
        """Would the owners of networks and volumes serve these? They change nothing now. Equal questions go once."""
        good = {index: spec for index, spec in enumerate(specs) if isinstance(spec, BootSpec)}
        allocations = {index: _allocation(spec) for index, spec in good.items()}
        attachments = {
            index: asked for index, spec in good.items() if spec.block_devices and (asked := _attachment(spec)).devices
        }
        allocating = _ask_once(self._allocated.ask, allocations)
        answers: Iterable[dict[int, CallerFault]]
        if attachments:
            answers = await asyncio.gather(allocating, _ask_once(self._volume.validate, attachments))
        else:
            answers = [await allocating]  # with remembered answers it goes on at once, before the next message is read
        outcomes = list(specs)
        for faults in reversed([*answers]):  # the network's word comes before the volumes'
            for index, fault in faults.items():
                outcomes[index] = fault
        return outcomes

    def _public_key(self, request: BootRequest, context: AuthContext) -> str:
        return self._key_named(request.key_name, context.user_id) if request.key_name else request.public_key

    def _key_named(self, name: str, user_id: str) -> str:
        if not name:
            return ""
        try:
            return self._keypairs.get(user_id, name).public_key.strip()
        except CallerError:
            raise CallerError(bad_request("key_name", f"there is no keypair {name!r}")) from None

    # ------------------------------------------------------------ servers

    async def show(self, request: ServersRequest) -> list[ServerView | CallerFault]:
        """The servers as they are; with `wait_s`, when none is in BUILD or being deleted any more."""
        context = self._context(request.token)
        ids = list(request.server_ids)
        views = await (self._conductor.wait(ids, request.wait_s) if request.wait_s else self._conductor.show(ids))
        return [_visible(view, context, server_id) for view, server_id in zip(views, ids, strict=True)]

    async def server(self, token: str, server_id: str) -> ServerView:
        """`show` of one; those that ask at the same time share a message. Raises `CallerError` 404."""
        context = self._context(token)
        return value_of(_visible(await self._shows.ask(server_id), context, server_id))

    async def statuses(self, request: ServersRequest) -> list[str | CallerFault]:
        """Like `show`, with nothing but the status: BUILD, ACTIVE or ERROR."""
        context = self._context(request.token)
        ids = list(request.server_ids)
        found = await self._conductor.statuses(ids, request.wait_s)
        seen = [_visible(one, context, server_id) for one, server_id in zip(found, ids, strict=True)]
        return [one if isinstance(one, CallerFault) else one.status for one in seen]

    async def list_servers(self, token: str, all_projects: bool = False) -> list[ServerView]:
        context = self._context(token)
        if all_projects and not context.is_admin:
            raise CallerError(forbidden("only an administrator sees the servers of all projects"))
        if not all_projects and not context.project_id:
            return []  # a token for a domain or the system has no servers of its own
        return await self._conductor.list_servers("" if all_projects else context.project_id)

    async def list_deleted(self, token: str, all_projects: bool = False) -> list[ServerView]:
        """Servers that are gone, as far as they are remembered."""
        context = self._context(token)
        if all_projects and not context.is_admin:
            raise CallerError(forbidden("only an administrator sees the servers of all projects"))
        if not all_projects and not context.project_id:
            return []
        return await self._conductor.list_deleted("" if all_projects else context.project_id)

    async def delete(self, request: ServersRequest) -> list[CallerFault | None]:
        context = self._authorized(request.token)
        request_id = request.request_id or f"req-{self._uuid()}"
        return await self._delete([(_deletion(one, context, request_id), context) for one in request.server_ids])

    async def delete_one(self, token: str, server_id: str, request_id: str) -> None:
        """`delete` of one; those that ask at the same time share their messages. Raises `CallerError`."""
        context = self._authorized(token)
        await self._deletions.ask((_deletion(server_id, context, request_id), context))

    async def _delete(self, asked: list[tuple[DeleteRequest, AuthContext]]) -> list[CallerFault | None]:
        found = await self._conductor.statuses([one.instance_id for one, _ in asked], 0.0)
        faults = [
            _undeletable(status, context, one.instance_id) for status, (one, context) in zip(found, asked, strict=True)
        ]
        mine: dict[str, DeleteRequest] = {}  # who asks first is told of
        for (one, _), fault in zip(asked, faults, strict=True):
            if fault is None:
                mine.setdefault(one.instance_id, one)
        deleted = dict(zip(mine, await self._conductor.delete(list(mine.values())), strict=True)) if mine else {}
        return [fault or deleted[one.instance_id] for (one, _), fault in zip(asked, faults, strict=True)]

    async def tell_plugged(self, token: str, events: list[PlugEvent]) -> list[int]:
        """A network service outside tells of ports. Codes: 404 for no such server, 422 for one without a host."""
        self._administrator(token, "only an administrator tells of events")
        views = await self._conductor.show([event.instance_id for event in events])
        codes: list[int] = []
        told: dict[str, list[PlugEvent]] = {}
        for event, view in zip(events, views, strict=True):
            if isinstance(view, CallerFault):
                codes.append(404)
                continue
            codes.append(200 if view.node else 422)
            if view.node and event.name in PLUGS:
                told.setdefault(view.node, []).append(event)
        await asyncio.gather(*(self._computes(node).plugged(of_node) for node, of_node in told.items()))
        return codes

    async def story(self, token: str, server_id: str) -> list[StoryLine]:
        await self._one(token, server_id)
        return await self._conductor.story(server_id)

    async def console(self, token: str, server_id: str, lines: int) -> str:
        """The last lines of the guest's console; '' before it has a host."""
        server = await self._one(token, server_id)
        if not server.host:
            return ""
        return await self._computes(server.node).console(server_id, lines)

    async def notifications(self, token: str, since: int, limit: int, wait_s: float) -> list[Notification]:
        """The caller's project's notifications after a number; an administrator sees all."""
        context = self._context(token)
        rows = await self._conductor.notifications(since, limit, wait_s)
        return [row for row in rows if context.is_admin or row.project_id == context.project_id]

    async def _one(self, token: str, server_id: str) -> ServerView:
        [view] = await self.show(ServersRequest(token=token, server_ids=(server_id,)))
        if isinstance(view, CallerFault):
            raise CallerError(view)
        return view

    def _token_hex(self, size: int) -> str:
        return f"{self._random.getrandbits(size * 4):0{size}x}"


def _deletion(server_id: str, context: AuthContext, request_id: str) -> DeleteRequest:
    return DeleteRequest(instance_id=server_id, user_id=context.user_id, request_id=request_id)


def _zone_fault(request: BootRequest, context: AuthContext) -> CallerFault | None:
    if ":" in request.availability_zone and not context.is_admin:
        return forbidden("only an administrator chooses the host")
    return None


def _with_image(spec: BootSpec, image: ImageLocation | CallerFault | None) -> BootSpec | CallerFault:
    if image is None:
        return spec
    if isinstance(image, CallerFault):
        return CallerFault(400 if image.status == 404 else image.status, image.message, "image")
    if fault := image_fault(image, spec.flavor):
        return fault
    return mapped(replace(spec, image_id=image.image_id, image_properties=image.properties))


def _as_ordered_today(spec: BootSpec) -> BootSpec:
    return replace(spec, block_devices=tuple(map(as_ordered_today, spec.block_devices)))


async def _ask_once(
    ask: Callable[[list[Question]], Awaitable[list[CallerFault | None]]], questions: dict[int, Question]
) -> dict[int, CallerFault]:
    """The faults by index; most boots of a batch ask the same."""
    distinct = list(dict.fromkeys(questions.values()))
    faults = dict(zip(distinct, await ask(distinct), strict=True)) if distinct else {}
    return {index: fault for index, asked in questions.items() if (fault := faults[asked]) is not None}


def _allocation(spec: BootSpec) -> AllocateRequest:
    """Whether it would be served depends on the instance itself only where it brings a port, which may have a name."""
    own_port = any(network.port_id for network in spec.networks)
    return AllocateRequest(
        token=spec.token,
        instance_id="",
        project_id=spec.project_id,
        host="",
        hostname=spec.hostname if own_port else "",
        networks=spec.networks,
        auto=spec.auto_network,
        security_groups=spec.security_groups,
    )


def _takes_no_port(asked: AllocateRequest) -> bool:
    """A port or an address can be taken by one server only, so the next must be asked about."""
    return not any(network.port_id or network.fixed_ip for network in asked.networks)


def _attachment(spec: BootSpec) -> AttachRequest:
    return AttachRequest(
        token=spec.token,
        instance_id=spec.instance_ids[0],
        attempt=0,
        project_id=spec.project_id,
        host="",
        devices=tuple(device for device in spec.block_devices if device.destination_type == "volume"),
    )


def _door(request: BootRequest, received: float, verified: float) -> tuple[StoryLine, ...]:
    """The rows of the timeline that happened before the boot was recorded."""

    def line(step: str, flow: str, at: float, took_ms: float) -> StoryLine:
        return StoryLine(at=at, step=step, flow=flow, phase="done", host="", attempt=0, took_ms=took_ms)

    login = (line("authenticate", "1-2", request.login_at, request.login_took_ms),) if request.login_at else ()
    return (*login, line("verify_token", "3-5", received, (verified - received) * 1000))


def _visible(view: Seen | CallerFault, context: AuthContext, server_id: str) -> Seen | CallerFault:
    """Another project's server does not exist for the caller."""
    if isinstance(view, CallerFault) or context.is_admin or view.project_id == context.project_id:
        return view
    return not_found("server", f"Instance {server_id} could not be found.")


def _undeletable(status: ServerStatus | CallerFault, context: AuthContext, server_id: str) -> CallerFault | None:
    seen = _visible(status, context, server_id)
    if isinstance(seen, CallerFault):
        return seen
    return conflict("", f"Instance {server_id} is locked") if seen.locked_by and not context.is_admin else None
