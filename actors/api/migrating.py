"""Having a server go to another host, at the door: what Nova refuses is refused here, before its guest is touched.

Part of the compute API's room. Invariant: what is refused here has changed nothing.
"""

from __future__ import annotations

from actors.acts import Migrate
from actors.api.act_messages import MigrateServer
from actors.api.acts import ServerActs, check_lock, check_state, patient
from actors.errors import CallerError, bad_request, forbidden
from actors.records import InstanceAction
from actors.states import Vm

SAME = "Cannot migrate to the host where the server exists."
NOT_ALLOWED = "only an administrator has servers go to other hosts"
NOT_CHOSEN = "only an administrator chooses the host"


class ServerMigrations(ServerActs):
    async def migrate(self, request: MigrateServer) -> InstanceAction:
        """Accepted, and durable, when this returns. Raises `CallerError`."""
        context = self._authorized(request.token)
        server = await self._one(request.token, request.server_id)
        if not (context.is_admin or request.may):
            raise CallerError(forbidden(NOT_ALLOWED))
        if request.host and not (context.is_admin or request.may_choose):
            raise CallerError(forbidden(NOT_CHOSEN))
        check_lock(server, context)
        check_state("migrate_stopped" if server.vm_state == Vm.STOPPED else "migrate", server)
        if request.host:
            await self._check_target(server.host, request.host)
        act = Migrate(token=request.token, to=request.host)
        return await self._begin(context, server, patient(act, server), request.request_id)

    async def _check_target(self, own: str, wanted: str) -> None:
        if wanted == own:
            raise CallerError(bad_request("", SAME))
        if all(seen.report.host != wanted for seen in await self._conductor.hosts()):
            raise CallerError(bad_request("", f"Compute host {wanted} could not be found."))
