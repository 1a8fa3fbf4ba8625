"""Which of a server's backups go when a new one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import value_of
from actors.image.messages import ListImages
from actors.messages import ImageRequest
from actors.records import Image

if TYPE_CHECKING:
    from actors.image.service import ImageRoom


async def keep_newest(images: ImageRoom, token: str, marked: dict[str, str], rotation: int) -> None:
    """Of the images with these properties only the `rotation` newest stay."""
    [found] = await images.list_images([ListImages(token=token)])
    old = superseded(value_of(found), marked, rotation)
    await images.delete([ImageRequest(token=token, image_id=image.id) for image in old])


def superseded(images: list[Image], marked: dict[str, str], rotation: int) -> list[Image]:
    ours = [image for image in images if marked.items() <= image.properties.items()]
    return sorted(ours, key=lambda image: (image.created_at, image.id), reverse=True)[rotation:]
