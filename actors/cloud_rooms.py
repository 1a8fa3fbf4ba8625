"""The nouns beside servers that a driver script works with: images, networks, volumes, flavors and keypairs.

Each is a small face on one room, with the session's token put in and faults raised as `CallerError`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import ray
from ray.exceptions import ActorUnschedulableError, GetTimeoutError, RayActorError, RayTaskError

from actors.api.messages import CreateFlavor, CreateKeypair, CreateServerGroup, ServerGroupRequest
from actors.cluster import names
from actors.cluster.shell import answer_of, asking
from actors.errors import CallerError, CallerFault, HostFault, not_found, value_of
from actors.image.messages import CHUNK_LIMIT_BYTES, CreateImage, FinishUpload, ListImages, PrecacheImage, UploadChunk
from actors.messages import ImageRequest
from actors.network.messages import (
    CreateNetwork,
    CreatePort,
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    CreateSubnet,
    FixedIpRequest,
    PortQuery,
    Reference,
)
from actors.records import Flavor, Image, Keypair, Network, Port, Router, SecurityGroup, ServerGroup, Subnet, Volume
from actors.volume.messages import CreateVolume, ListVolumes, VolumeRequest

if TYPE_CHECKING:
    from actors.image.metadefs.messages import NamespaceDraft

CALL_LIMIT_S = 120.0  # for one call of a driver to be answered
RESTART_LIMIT_S = 30.0  # for an actor that died to be back
RESTART_PAUSE_S = 0.2
MAKE_LIMIT_S = 100.0  # for a volume to be made
PRECACHE_LIMIT_S = 1_800.0  # for an image to reach all of the nodes that were named
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Named = TypeVar("Named", Image, Network, Router, Volume)
Value = TypeVar("Value")


class CloudUnavailableError(Exception):
    """The cloud does not answer. The message says what to do."""


class Session:
    """Calls to the rooms as one user: the token, and the actors by name."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._actors: dict[str, Any] = {}

    def call(self, room: str, method: str, *arguments: Any, limit_s: float = CALL_LIMIT_S, again: bool = True) -> Any:
        """Ask a room. A call is tried `again` while its actor restarts, unless twice would make two things."""
        deadline = time.monotonic() + RESTART_LIMIT_S
        asked = asking(method, arguments)
        while True:
            try:
                if room not in self._actors:
                    self._actors[room] = ray.get_actor(room, namespace=names.NAMESPACE)
                return answer_of(ray.get(self._actors[room].ask.remote(asked), timeout=limit_s))
            except RayTaskError as error:
                raise error.cause from None
            except (ValueError, RayActorError, ActorUnschedulableError, GetTimeoutError) as error:
                self._actors.pop(room, None)
                if not again or isinstance(error, GetTimeoutError) or time.monotonic() >= deadline:
                    raise CloudUnavailableError(f"{room} does not answer ({error}); see `novaray status`") from None
            time.sleep(RESTART_PAUSE_S)  # nobody tells a driver that an actor is back

    def call_in_parts(self, room: str, method: str, items: list[Any], at_a_time: int, *more: Any) -> list[Any]:
        """Ask about many items in several messages under way at once, so that rooms work on them side by side.

        `more` are the arguments behind the items."""
        parts = [items[first : first + at_a_time] for first in range(0, len(items), at_a_time)]
        if len(parts) > 1 and room in self._actors:
            sent = [self._actors[room].ask.remote(asking(method, (part, *more))) for part in parts]
            # asked again below, where a restart is waited for and what the room raised is raised as it was
            with suppress(RayActorError, RayTaskError, GetTimeoutError):
                return [reply for replies in ray.get(sent, timeout=CALL_LIMIT_S) for reply in answer_of(replies)]
        return [reply for part in parts for reply in self.call(room, method, part, *more)]

    def one(self, room: str, method: str, request: object, again: bool = True) -> Any:
        """Ask about one item; its fault is raised."""
        [reply] = self.call(room, method, [request], again=again)
        return value_of(reply)


def found(kind: str, rows: list[Named], name: str) -> Named:
    """The row with this id or, if only one has it, this name."""
    matches = [row for row in rows if row.id == name] or [row for row in rows if row.name == name]
    if not matches:
        raise CallerError(not_found(kind, f"there is no {kind} {name!r}"))
    if len(matches) > 1:
        raise CallerError(CallerFault(409, f"{len(matches)} {kind}s are named {name!r}: use an id", kind))
    return matches[0]


def is_id(name: str) -> bool:
    return _UUID.fullmatch(name) is not None


class Images:
    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Image]:
        return cast(list[Image], self._session.one(names.IMAGE, "list_images", ListImages(token=self._session.token)))

    def get(self, name: str) -> Image:
        return found("image", self.all(), name)

    def upload(self, name: str, file: Path, *, disk_format: str = "qcow2", public: bool = False) -> Image:
        """Create an image and send its data in chunks; it is checked before it becomes active."""
        token = self._session.token
        visibility = "public" if public else "private"
        request = CreateImage(token=token, name=name, disk_format=disk_format, visibility=visibility)
        image: Image = self._session.one(names.IMAGE, "create", request)
        self._session.one(names.IMAGE, "begin_upload", ImageRequest(token=token, image_id=image.id))
        digest = hashlib.sha512()
        offset = 0
        with file.open("rb") as data:
            while chunk := data.read(CHUNK_LIMIT_BYTES):
                digest.update(chunk)
                sent = UploadChunk(token=token, image_id=image.id, offset=offset, data=chunk)
                offset = self._session.one(names.IMAGE, "upload_chunk", sent)
        end = FinishUpload(token=token, image_id=image.id, os_hash_value=digest.hexdigest())
        return cast(Image, self._session.one(names.IMAGE, "finish_upload", end))

    def precache(self, name: str, hosts: Sequence[str]) -> None:
        """Bring it into the caches of these worker nodes, so that a first boot there need not wait for it."""
        request = PrecacheImage(token=self._session.token, image_id=self.get(name).id, hosts=tuple(hosts))
        [fault] = self._session.call(names.IMAGE, "precache", [request], limit_s=PRECACHE_LIMIT_S)
        value_of(fault)

    def delete(self, name: str) -> None:
        image = self.get(name)
        self._session.one(names.IMAGE, "delete", ImageRequest(token=self._session.token, image_id=image.id))

    def define(self, draft: NamespaceDraft) -> bool:
        """Keep definitions of metadata; False where there is such a namespace. An administrator's right."""
        from actors.image.metadefs.messages import CreateMetadef

        request = CreateMetadef(token=self._session.token, draft=draft)
        [reply] = self._session.call(names.IMAGE, "create_metadefs", [request])
        if isinstance(reply, CallerFault) and reply.status == HTTPStatus.CONFLICT:
            return False
        value_of(reply)
        return True


class Networks:
    """Networks with their subnets, ports and security groups."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Network]:
        return cast(list[Network], self._session.call(names.NETWORK, "list_networks", self._session.token))

    def get(self, name: str) -> Network:
        return found("network", self.all(), name)

    def create(self, name: str, cidr: str = "", *, shared: bool = False) -> Network:
        """A VXLAN network and, with a `cidr`, its subnet."""
        request = CreateNetwork(token=self._session.token, name=name, shared=shared)
        network: Network = self._session.one(names.NETWORK, "create_networks", request, again=False)
        if cidr:
            self.create_subnet(network.id, cidr, name=f"{name}-subnet")
        return network

    def create_external(self, name: str, *, physical_network: str) -> Network:
        """A flat network outside of the cloud, for routers and floating IPs."""
        request = CreateNetwork(
            token=self._session.token,
            name=name,
            network_type="flat",
            physical_network=physical_network,
            external=True,
        )
        return cast(Network, self._session.one(names.NETWORK, "create_networks", request, again=False))

    def create_subnet(
        self, network_id: str, cidr: str, *, name: str = "", ipv6_mode: str = "slaac", dhcp: bool = True
    ) -> Subnet:
        """In one of IPv6, guests come to their addresses as `ipv6_mode` says, in Neutron's words."""
        mode = ipv6_mode if ":" in cidr else ""
        request = CreateSubnet(
            token=self._session.token,
            network_id=network_id,
            cidr=cidr,
            name=name,
            ipv6_ra_mode=mode,
            ipv6_address_mode=mode,
            enable_dhcp=dhcp,
        )
        return cast(Subnet, self._session.one(names.NETWORK, "create_subnets", request, again=False))

    def subnets(self, network_id: str) -> list[Subnet]:
        subnets = cast("list[Subnet]", self._session.call(names.NETWORK, "list_subnets", self._session.token))
        return [subnet for subnet in subnets if subnet.network_id == network_id]

    def delete(self, name: str) -> None:
        reference = Reference(token=self._session.token, id=self.get(name).id)
        self._session.one(names.NETWORK, "delete_networks", reference)

    def ports(self, *, server_id: str = "", network_id: str = "") -> list[Port]:
        """Of a server or a router, or of a network."""
        query = PortQuery(token=self._session.token, device_id=server_id, network_id=network_id)
        return cast("list[Port]", self._session.call(names.NETWORK, "list_ports", query))

    def create_port(self, network_id: str, *, address: str = "", name: str = "") -> Port:
        fixed_ips = (FixedIpRequest(ip_address=address),) if address else None
        request = CreatePort(token=self._session.token, network_id=network_id, name=name, fixed_ips=fixed_ips)
        return cast(Port, self._session.one(names.NETWORK, "create_ports", request, again=False))

    def delete_port(self, port_id: str) -> None:
        self._session.one(names.NETWORK, "delete_ports", Reference(token=self._session.token, id=port_id))

    def create_security_group(self, name: str, *, description: str = "") -> SecurityGroup:
        request = CreateSecurityGroup(token=self._session.token, name=name, description=description)
        return cast(SecurityGroup, self._session.one(names.NETWORK, "create_security_groups", request, again=False))

    def security_groups(self) -> list[SecurityGroup]:
        """The project's groups."""
        groups = self._session.call(names.NETWORK, "list_security_groups", self._session.token)
        return cast("list[SecurityGroup]", groups)

    def allow(self, group_id: str, protocol: str, port: int = 0, *, remote: str = "") -> None:
        """Let a protocol in (tcp, udp, icmp), to one port or all, from a prefix or everywhere."""
        request = CreateSecurityGroupRule(
            token=self._session.token,
            security_group_id=group_id,
            direction="ingress",
            protocol=protocol,
            port_min=port or -1,
            port_max=port or -1,
            remote_ip_prefix=remote,
        )
        self._session.one(names.NETWORK, "create_security_group_rules", request, again=False)


class Volumes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Volume]:
        request = ListVolumes(token=self._session.token)
        return cast(list[Volume], self._session.one(names.VOLUME, "list_volumes", request))

    def get(self, name: str) -> Volume:
        return found("volume", self.all(), name)

    def create(self, name: str, size_gib: int, *, image_id: str = "") -> Volume:
        """A blank volume, or one from an image; returns when it can be used."""
        request = CreateVolume(token=self._session.token, name=name, size_gib=size_gib, image_id=image_id)
        self._session.one(names.VOLUME, "create", request)
        made = VolumeRequest(token=self._session.token, volume_id=request.volume_id)
        [volume] = self._session.call(names.VOLUME, "wait", [made], MAKE_LIMIT_S)
        return cast(Volume, value_of(volume))

    def delete(self, name: str) -> None:
        request = VolumeRequest(token=self._session.token, volume_id=self.get(name).id)
        self._session.one(names.VOLUME, "delete", request)


class Flavors:
    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Flavor]:
        return cast(list[Flavor], self._session.call(names.API, "flavors", self._session.token))

    def create(self, name: str, *, vcpus: int, ram_mib: int, disk_gib: int) -> Flavor:
        request = CreateFlavor(token=self._session.token, name=name, vcpus=vcpus, ram_mib=ram_mib, disk_gib=disk_gib)
        return self.put(request)

    def put(self, request: CreateFlavor) -> Flavor:
        reply: Flavor | CallerFault | HostFault = self._session.call(names.API, "create_flavor", request)
        return value_of(reply)


class ServerGroups:
    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[ServerGroup]:
        return cast("list[ServerGroup]", self._session.call(names.API, "server_groups", self._session.token))

    def create(self, name: str, policy: str, *, max_server_per_host: int = 1) -> ServerGroup:
        """`policy`: affinity, anti-affinity, or soft- either. A server joins by the option `server_group`."""
        request = CreateServerGroup(
            token=self._session.token, name=name, policy=policy, max_server_per_host=max_server_per_host
        )
        reply: ServerGroup | CallerFault = self._session.call(names.API, "create_server_group", request)
        return value_of(reply)

    def delete(self, name: str) -> None:
        """By id or name."""
        request = ServerGroupRequest(token=self._session.token, group_id=name)
        value_of(self._session.call(names.API, "delete_server_group", request))


class Keypairs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, name: str, public_key: str) -> Keypair:
        request = CreateKeypair(token=self._session.token, name=name, public_key=public_key.strip())
        reply: Keypair | CallerFault | HostFault = self._session.call(names.API, "create_keypair", request)
        return value_of(reply)
