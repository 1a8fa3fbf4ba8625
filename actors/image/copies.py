"""Which nodes have which image in their cache, and whom a node that lacks it should ask.

Owned by the image room; told by the nodes (`node_images.py`) and by the supervisor when a node leaves. In memory only:
every node tells it again when its compute actor starts. Invariant: no node is named that is known to have left.
"""

from __future__ import annotations

from random import Random

PEERS_TOLD = 4  # urls of peers in one answer: enough that one of them is neither dead nor busy


def data_url(server: str, image_id: str) -> str:
    """Where a server (http://host:port) of image data has an image; as Glance's image API names it."""
    return f"{server}/v2/images/{image_id}/file"


class Copies:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._servers: dict[str, str] = {}  # node → its server
        self._holders: dict[str, list[str]] = {}  # image → nodes, in no order

    def add(self, node: str, image_ids: list[str], server: str) -> None:
        """The node has these images. One that serves elsewhere than before has begun anew, maybe with other images."""
        if self._servers.get(node) != server:
            self.forget(node)
            self._servers[node] = server
        for image_id in image_ids:
            holders = self._holders.setdefault(image_id, [])
            if node not in holders:
                holders.append(node)

    def remove(self, node: str, image_ids: list[str]) -> None:
        """The node has these no more."""
        for image_id in image_ids:
            if node in (holders := self._holders.get(image_id, [])):
                holders.remove(node)
                if not holders:
                    del self._holders[image_id]

    def forget(self, node: str) -> None:
        if self._servers.pop(node, None) is None:
            return
        self.remove(node, list(self._holders))

    def drop(self, image_id: str) -> None:
        """The image is deleted: nobody is sent for it any more."""
        self._holders.pop(image_id, None)

    def urls(self, image_id: str) -> tuple[str, ...]:
        """Some of those who have it, in an order of chance that spreads the askers."""
        holders = self._holders.get(image_id)
        if not holders:
            return ()
        chosen = self._random.sample(holders, min(PEERS_TOLD, len(holders)))
        return tuple(data_url(self._servers[node], image_id) for node in chosen)

    def nodes(self, image_id: str) -> list[str]:
        return sorted(self._holders.get(image_id, ()))
