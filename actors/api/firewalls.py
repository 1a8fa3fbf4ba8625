"""The security groups of a server: those of its ports, given and taken all at once, as Nova's API has it.

A part of the compute API's room. The groups are the network room's, and so are the ports that have them; the server's
own order only remembers the names. Invariant: each change may be asked twice.
"""

from __future__ import annotations

from actors.acts import Edit
from actors.api.act_messages import EditServer, GroupOfServer
from actors.api.acts import ServerActs
from actors.errors import CallerError, CallerFault, bad_request, conflict, value_of
from actors.messages import ServerView, Vif
from actors.network.messages import PortQuery, UpdatePort
from actors.network.naming import COMPUTE_OWNER
from actors.records import Port, SecurityGroup


class ServerFirewalls(ServerActs):
    async def security_groups(self, token: str, server_id: str) -> list[SecurityGroup]:
        """Those of its ports, each once. Raises `CallerError` 404."""
        server = await self._one(token, server_id)
        wanted = dict.fromkeys(group for port in await self._ports(token, server) for group in port.security_groups)
        known = {group.id: group for group in await self._network.list_security_groups(token)}
        return [known[group_id] for group_id in wanted if group_id in known]

    async def ports_changed(self, ports: list[Port]) -> None:
        """These have other addresses or groups now, or groups of another name: the servers that have them shall say so.

        What a port says of its server is its owner's word: only interfaces that a server really has count.
        """
        held = [port for port in ports if port.device_owner.startswith(COMPUTE_OWNER)]
        if not held:
            return
        vifs = {vif.port_id: vif for vif in await self._network.vifs([port.id for port in held]) if vif}
        servers = await self._conductor.show(list({port.device_id for port in held}))
        there = [server for server in servers if not isinstance(server, CallerFault)]
        edits = [edit for server in there if (edit := _edit(server, vifs)).vifs]
        await self._conductor.edit(edits)

    async def add_security_group(self, request: GroupOfServer) -> None:
        """Every port of the server's gets it, but those without port security. Raises `CallerError` 400, 404, 409."""
        server = await self._one(request.token, request.server_id)
        group = await self._group(request, server)
        ports = [port for port in await self._ports(request.token, server) if port.port_security_enabled]
        if not ports:
            text = "Network requires port_security_enabled and subnet associated in order to apply security groups."
            raise CallerError(bad_request("addSecurityGroup", text))
        without = [port for port in ports if group.id not in port.security_groups]
        await self._regroup(request, {port.id: (*port.security_groups, group.id) for port in without})

    async def remove_security_group(self, request: GroupOfServer) -> None:
        """No port of the server's has it any more. Raises `CallerError` 400 where none had it, 404, 409."""
        server = await self._one(request.token, request.server_id)
        group = await self._group(request, server)
        having = [port for port in await self._ports(request.token, server) if group.id in port.security_groups]
        if not having:
            text = f"Security group {group.id} not associated with the instance {server.id}"
            raise CallerError(bad_request("removeSecurityGroup", text))
        kept = {port.id: tuple(one for one in port.security_groups if one != group.id) for port in having}
        await self._regroup(request, kept)

    async def _regroup(self, request: GroupOfServer, wanted: dict[str, tuple[str, ...]]) -> None:
        """Ports get these groups, and the server's order the names of all that its ports have then."""
        changes = [
            UpdatePort(token=request.token, id=port_id, security_groups=groups) for port_id, groups in wanted.items()
        ]
        ports = [value_of(reply) for reply in await self._network.update_ports(changes)] if changes else []
        await self.ports_changed(ports)
        names = tuple(group.name for group in await self.security_groups(request.token, request.server_id))
        edit = Edit(instance_id="", security_groups=names)
        await self.edit(
            EditServer(token=request.token, server_id=request.server_id, edit=edit, request_id=request.request_id)
        )

    async def _ports(self, token: str, server: ServerView) -> list[Port]:
        mine = {vif.port_id for vif in server.addresses}
        found = await self._network.list_ports(PortQuery(token=token, device_id=server.id)) if mine else []
        return [port for port in found if port.id in mine]

    async def _group(self, request: GroupOfServer, server: ServerView) -> SecurityGroup:
        """By its id, or by its name among those of the server's project."""
        groups = await self._network.list_security_groups(request.token)
        found = [one for one in groups if one.id == request.group] or [
            one for one in groups if one.name == request.group and one.project_id == server.project_id
        ]
        if not found:
            text = f"Security group {request.group[:64]} not found for project {server.project_id}."
            raise CallerError(CallerFault(404, text, "", "SecurityGroupNotFound"))
        if len(found) > 1:
            text = f"Multiple security groups found matching '{request.group[:64]}'. Use an ID to be more specific."
            raise CallerError(conflict("", text))
        return found[0]


def _edit(server: ServerView, vifs: dict[str, Vif]) -> Edit:
    """Those of the server's interfaces that have other groups or addresses now."""
    pairs = [(vif, vifs.get(vif.port_id, vif)) for vif in server.addresses]
    changed = tuple(now for vif, now in pairs if _said(now) != _said(vif))
    return Edit(instance_id=server.id, vifs=changed)


def _said(vif: Vif) -> tuple[object, object]:
    return vif.security_groups, vif.fixed_ips
