"""The image room's methods for definitions of metadata: each has the part that keeps them made, and asks it.

Loads nothing of that part itself: most clouds are never asked for a definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.clock import Clock
from actors.errors import CallerFault
from actors.faces import TokenVerifier
from actors.records import Ledger, MetadefNamespace, MetadefResourceType

if TYPE_CHECKING:
    from actors.image.metadefs.messages import ChangeMetadef, CreateMetadef, ListMetadefs, MetadefRequest
    from actors.image.metadefs.room import Metadefs


class MetadefDoor:
    _ledger: Ledger
    _verifier: TokenVerifier
    _clock: Clock
    _kept: Metadefs | None = None

    async def list_metadefs(self, requests: list[ListMetadefs]) -> list[list[MetadefNamespace] | CallerFault]:
        return (await self._metadefs()).among(requests)

    async def show_metadefs(self, requests: list[MetadefRequest]) -> list[MetadefNamespace | CallerFault]:
        """Each with all of its parts."""
        return (await self._metadefs()).show(requests)

    async def create_metadefs(self, requests: list[CreateMetadef]) -> list[MetadefNamespace | CallerFault]:
        """Each whole, or not at all."""
        return await (await self._metadefs()).create(requests)

    async def change_metadefs(self, requests: list[ChangeMetadef]) -> list[MetadefNamespace | CallerFault]:
        return await (await self._metadefs()).change(requests)

    async def delete_metadefs(self, requests: list[MetadefRequest]) -> list[CallerFault | None]:
        return await (await self._metadefs()).delete(requests)

    async def metadef_resource_types(self, tokens: list[str]) -> list[list[MetadefResourceType] | CallerFault]:
        """For each caller all kinds of resources that namespaces were made for, the first first."""
        return (await self._metadefs()).resource_types(tokens)

    async def _metadefs(self) -> Metadefs:
        if self._kept is None:
            from actors.image.metadefs.room import Metadefs

            self._kept = Metadefs(self._ledger, self._verifier, self._clock)
        return await self._kept.ready()
