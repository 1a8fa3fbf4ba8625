"""The statuses of an image as one table `{(status, event): status}` and nothing else.

The words are Glance's. An event that the table lacks is illegal: `after` raises 409 and nothing changes.
"""

from __future__ import annotations

from enum import StrEnum

from actors.errors import CallerError, conflict


class Event(StrEnum):
    UPLOAD = "upload"  # data begins to come
    STAGE = "stage"  # data begins to come, for an import later
    IMPORT = "import"  # what was staged is to be the image's
    FINISH = "finish"  # the data is whole and good
    DROP = "drop"  # the data is refused, or broke off
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"


TABLE: dict[tuple[str, Event], str] = {
    ("queued", Event.UPLOAD): "saving",
    ("saving", Event.UPLOAD): "saving",  # from the first byte on, again
    ("saving", Event.FINISH): "active",
    ("saving", Event.DROP): "queued",
    ("queued", Event.STAGE): "uploading",
    ("uploading", Event.IMPORT): "importing",
    ("uploading", Event.DROP): "queued",
    ("importing", Event.FINISH): "active",
    ("importing", Event.DROP): "queued",
    ("active", Event.DEACTIVATE): "deactivated",
    ("deactivated", Event.DEACTIVATE): "deactivated",
    ("deactivated", Event.REACTIVATE): "active",
    ("active", Event.REACTIVATE): "active",
}
RECEIVING = ("saving", "uploading", "importing")  # no data is there yet, and some comes


def after(status: str, event: Event) -> str:
    """The status that follows. Raises `CallerError` 409 where the table has none."""
    try:
        return TABLE[status, event]
    except KeyError:
        raise CallerError(conflict("status", f"{event.value} is not possible: the image is {status}")) from None
