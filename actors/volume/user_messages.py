"""What went wrong with a volume after its request was answered: Cinder's user messages, and its codes. Pure.

A message is kept for `KEPT_S`, and of a project's at most `LIMIT`.
"""

from __future__ import annotations

from collections.abc import Mapping

from actors.records import Change, Volume, VolumeMessage, drop
from actors.volume.messages import new_id

KEPT_S = 30 * 86_400.0
LIMIT = 100  # messages of one project
NO_BACKEND, NOT_MADE, NOT_COPIED = "VOLUME_VOLUME_001_003", "VOLUME_VOLUME_001_001", "VOLUME_VOLUME_003_004"
NOT_IMAGED = "VOLUME_VOLUME_005_001"
TEXTS = {  # event → what is said of it
    NO_BACKEND: "schedule allocate volume: Could not find any available weighted backend.",
    NOT_MADE: "schedule allocate volume: An unknown error occurred.",
    NOT_COPIED: "copy volume to image: Failed to upload volume to image at backend.",
    NOT_IMAGED: "copy image to volume: An unknown error occurred.",
}


def noted(known: Mapping[str, VolumeMessage], volume: Volume, event: str, request_id: str, now: float) -> list[Change]:
    """The new message, and the end of those that are too old or too many."""
    message = VolumeMessage(
        id=new_id(),
        project_id=volume.project_id,
        volume_id=volume.id,
        event=event,
        request_id=request_id,
        created_at=now,
    )
    others = sorted(
        (row for row in known.values() if row.project_id == volume.project_id),
        key=lambda row: row.created_at,
        reverse=True,
    )
    gone = [row for place, row in enumerate(others) if place >= LIMIT - 1 or not is_kept(row, now)]
    return [message, *map(drop, gone)]


def is_kept(message: VolumeMessage, now: float) -> bool:
    return now < message.created_at + KEPT_S
