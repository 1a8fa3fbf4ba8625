"""The statuses of a volume as one table `{(status, event): status}` and nothing else.

The words are Cinder's. An event that the table lacks is illegal: `after` raises 400 and nothing changes. What a boot
does to its own volumes is decided in `plan.py`, which asks the rows and not the status alone.
"""

from __future__ import annotations

from enum import StrEnum

from actors.errors import CallerError, bad_request


class Event(StrEnum):
    MADE = "made"  # the data is there
    BROKEN = "broken"  # the data could not be made
    RESERVE = "reserve"  # somebody is going to attach it
    UNRESERVE = "unreserve"
    HOLD = "hold"  # the same, by an attachment of its own
    CONNECT = "connect"  # the one who holds it said from where
    ATTACH = "attach"
    BEGIN_DETACHING = "begin detaching"
    ROLL_DETACHING = "roll detaching"
    DETACH = "detach"
    EXTEND = "extend"
    EXTENDED = "extended"
    NOT_EXTENDED = "not extended"
    REVERT = "revert"  # it becomes again what its newest snapshot is
    REVERTED = "reverted"
    NOT_REVERTED = "not reverted"
    UPLOAD = "upload"  # its data is copied into an image
    UPLOADED = "uploaded"
    REIMAGE = "reimage"  # an image is written over its data
    REIMAGED = "reimaged"
    REIMAGED_HELD = "reimaged for whoever holds it"
    OFFER = "offer"  # to another project
    OFFERED = "no longer offered"  # taken, or not
    RETYPE = "retype"
    DELETE = "delete"


TABLE: dict[tuple[str, Event], str] = {
    ("creating", Event.MADE): "available",
    ("creating", Event.BROKEN): "error",
    ("available", Event.RESERVE): "attaching",
    ("attaching", Event.UNRESERVE): "available",
    ("available", Event.HOLD): "reserved",
    ("reserved", Event.CONNECT): "attaching",
    ("attaching", Event.CONNECT): "attaching",
    ("available", Event.ATTACH): "in-use",
    ("attaching", Event.ATTACH): "in-use",
    ("in-use", Event.BEGIN_DETACHING): "detaching",
    ("detaching", Event.ROLL_DETACHING): "in-use",
    ("reserved", Event.DETACH): "available",
    ("attaching", Event.DETACH): "available",
    ("in-use", Event.DETACH): "available",
    ("detaching", Event.DETACH): "available",
    ("available", Event.EXTEND): "extending",
    ("extending", Event.EXTENDED): "available",
    ("extending", Event.NOT_EXTENDED): "error_extending",
    ("available", Event.REVERT): "reverting",
    ("reverting", Event.REVERTED): "available",
    ("reverting", Event.NOT_REVERTED): "error",
    ("available", Event.UPLOAD): "uploading",
    ("uploading", Event.UPLOADED): "available",
    ("available", Event.REIMAGE): "downloading",
    ("error", Event.REIMAGE): "downloading",
    ("reserved", Event.REIMAGE): "downloading",
    ("downloading", Event.REIMAGED): "available",
    ("downloading", Event.REIMAGED_HELD): "reserved",
    ("downloading", Event.BROKEN): "error",
    ("available", Event.OFFER): "awaiting-transfer",
    ("awaiting-transfer", Event.OFFERED): "available",
    ("available", Event.RETYPE): "available",
    ("in-use", Event.RETYPE): "in-use",
    ("available", Event.DELETE): "deleting",
    ("error", Event.DELETE): "deleting",
    ("error_extending", Event.DELETE): "deleting",
    ("error_deleting", Event.DELETE): "deleting",
    ("deleting", Event.DELETE): "deleting",  # a deletion that failed may be asked for again
}
STATUSES = frozenset(
    (
        *("creating", "available", "reserved", "attaching", "in-use", "detaching", "deleting"),
        *("extending", "reverting", "uploading", "downloading", "maintenance", "awaiting-transfer"),
        *("error", "error_deleting", "error_extending"),
    )
)
SNAPSHOT_STATUSES = frozenset(("creating", "available", "deleting", "error", "error_deleting"))
SNAPSHOT_REPORTS = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}
"""What whoever makes or deletes a snapshot may say of it, by the status that it has."""
HELD = ("reserved", "attaching", "in-use", "detaching")  # by somebody


def after(status: str, event: Event) -> str:
    """The status that follows. Raises `CallerError` 400 where the table has none."""
    try:
        return TABLE[status, event]
    except KeyError:
        raise CallerError(bad_request("status", f"{event.value} is not possible: the volume is {status}")) from None
