"""The image room's rows in memory: images, the members of shared ones, and which ids were images' once.

Owned by the image room. Invariant: memory is what the ledger has committed, never ahead of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.doubts import Doubts
from actors.image.rules import Shelf
from actors.records import Change, DeletedImage, Drop, Image, ImageMember, Ledger, drop


class ImageRows:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._doubts = Doubts(ledger, self._row)
        self.images: dict[str, Image] = {}
        self.members: dict[str, dict[str, ImageMember]] = {}  # by image id, then project
        self.gone: set[str] = set()  # ids of images that were deleted
        self.shelf = Shelf(self.images, self.members)

    async def load(self) -> None:
        for image in await self._ledger.load(Image):
            self._apply(image)
        for member in await self._ledger.load(ImageMember):
            self._apply(member)
        for deleted in await self._ledger.load(DeletedImage):
            self._apply(deleted)

    async def commit(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        await self._doubts.commit(changes)
        for change in changes:
            self._apply(change)

    def _row(self, kind: str, row_id: str) -> Image | ImageMember | None:
        if kind == ImageMember.__name__:
            image_id, _, project_id = row_id.partition(":")
            return self.members.get(image_id, {}).get(project_id)
        return self.images.get(row_id) if kind == Image.__name__ else None

    def without(self, image: Image, now: float) -> list[Change]:
        """What takes the image away with its members, for ever if anybody can have used it."""
        kept = [] if image.status == "queued" else [DeletedImage(id=image.id, deleted_at=now)]
        return [drop(image), *map(drop, self.members.get(image.id, {}).values()), *kept]

    def _apply(self, change: Change) -> None:
        match change:
            case Image():
                self.images[change.id] = change
            case DeletedImage():
                self.gone.add(change.id)
            case ImageMember():
                self.members.setdefault(change.image_id, {})[change.project_id] = change
            case Drop(kind=kind, id=row_id) if kind == Image.__name__:
                self.images.pop(row_id, None)
                self.members.pop(row_id, None)
            case Drop(kind=kind, id=row_id) if kind == ImageMember.__name__:
                image_id, _, project_id = row_id.partition(":")
                self.members.get(image_id, {}).pop(project_id, None)
