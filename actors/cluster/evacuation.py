"""What becomes of the servers of a node that left, by the cloud's policy (`CloudConfig.evacuate`).

Run by the supervisor. `volumes`: those that boot from a volume are built again elsewhere; `all`: also those whose root
disk went with the node, from their image; `never`: an administrator says so (`novaray evacuate`). A node that comes
back in time keeps its servers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from actors.api.messages import EvacuateNode
from actors.cluster import names, reach
from actors.cluster.config import CloudConfig
from actors.cluster.secret import admin_password
from actors.errors import CallerError, value_of
from actors.identity.messages import PasswordLogin

if TYPE_CHECKING:
    from actors.api.service import Api

AGAIN_S = 10.0  # between tries where a room is away, or no host has room
TRIES = 30

log = logging.getLogger(__name__)


async def evacuate_later(cloud: CloudConfig, node: str, is_back: Callable[[], bool]) -> None:
    """Returns when nothing is left to be evacuated from the node, when it is back, or after so many tries."""
    if cloud.evacuate == "never":
        return
    await asyncio.sleep(cloud.evacuate_after_s)
    for _ in range(TRIES):
        if is_back():
            return
        try:
            if not await _evacuate(cloud, node):
                return
        except (ConnectionError, CallerError) as error:
            log.warning("the servers of node %s are not evacuated yet: %s", node, error)
        await asyncio.sleep(AGAIN_S)


async def _evacuate(cloud: CloudConfig, node: str) -> bool:
    """Whether anything was begun."""
    login = PasswordLogin(user="admin", password=admin_password(cloud.home), project="admin")
    [grant] = await reach.identity().authenticate([login])
    api = cast("Api", reach.Reach(names.API))
    request = EvacuateNode(token=value_of(grant).token, node=node, from_image=cloud.evacuate == "all")
    found = await api.evacuate_node(request)
    begun = [one for one in found if not one.why_not]
    log.warning("node %s left: %d of its %d servers are being built elsewhere", node, len(begun), len(found))
    return bool(begun)
