"""What becomes of the servers of a node that left, by the cloud's policy (`CloudConfig.evacuate`).

Run by the supervisor. `volumes`: those that boot from a volume are built again elsewhere; `all`: also those whose root
disk went with the node, from their image; `never`: an administrator says so (`novaray evacuate`). A node that comes
back in time keeps its servers. One that was leaving the node when that was lost is waited for: where it can't arrive,
it falls back to the node, and is built elsewhere as the others are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from actors.api.messages import Evacuated, EvacuateNode
from actors.cluster import names, reach
from actors.cluster.config import CloudConfig
from actors.cluster.secret import admin_password
from actors.errors import CallerError, value_of
from actors.identity.messages import PasswordLogin

if TYPE_CHECKING:
    from actors.api.service import Api

AGAIN_S = 10.0  # between tries where a room is away, or no host has room
TRIES = 30
LOOKS = 1_000  # with those where nobody but servers that may fall back is waited for: longer than disks may travel

log = logging.getLogger(__name__)


async def evacuate_later(cloud: CloudConfig, node: str, is_back: Callable[[], bool]) -> None:
    """Returns when nothing is left to be evacuated from the node, when it is back, or after so many tries."""
    if cloud.evacuate == "never":
        return
    await asyncio.sleep(cloud.evacuate_after_s)
    await evacuate_all(lambda: _evacuate(cloud, node), node, is_back)


async def evacuate_all(
    evacuate: Callable[[], Awaitable[list[Evacuated]]], node: str, is_back: Callable[[], bool], again_s: float = AGAIN_S
) -> None:
    """`evacuate` asks for every server of the node. It is asked again as long as any was begun, or may come yet."""
    tries = 0
    for _ in range(LOOKS):
        if is_back():
            return
        try:
            found = await evacuate()
            if not any(not one.why_not or one.may_come for one in found):
                return
            tries += any(not one.why_not for one in found)
        except (ConnectionError, CallerError) as error:
            log.warning("the servers of node %s are not evacuated yet: %s", node, error)
            tries += 1
        if tries == TRIES:
            return
        await asyncio.sleep(again_s)


async def _evacuate(cloud: CloudConfig, node: str) -> list[Evacuated]:
    login = PasswordLogin(user="admin", password=admin_password(cloud.home), project="admin")
    [grant] = await reach.identity().authenticate([login])
    api = cast("Api", reach.Reach(names.API))
    request = EvacuateNode(token=value_of(grant).token, node=node, from_image=cloud.evacuate == "all")
    found = await api.evacuate_node(request)
    begun = [one for one in found if not one.why_not]
    log.warning("node %s left: %d of its %d servers are being built elsewhere", node, len(begun), len(found))
    return found
