"""What it takes to attach one instance's block devices, and to release them: pure.

The volume room plans under its lock, commits the rows of the plan, then has the backend act. Invariants: the same
request gives the same plan (volumes that a boot makes have ids made of the instance's id and the device's place); a
volume belongs to one instance at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, conflict, value_of
from actors.ids import id_like_a_random_one, id_within
from actors.messages import AttachRequest, AuthContext, BlockDevice, DetachRequest, ImageLocation
from actors.records import Change, Volume, VolumeAttachment, VolumeSnapshot, VolumeType, drop
from actors.volume import capabilities, kinds, rules
from actors.volume.quotas import Allowance

NAMESPACE = UUID("4ac8a6d9-0b53-4e58-a8b5-8f0ce3ee1d5a")  # of the ids of volumes that boots make
ID_VERSION = 4  # of those ids, in the orders of today
BEING_MADE = ("creating", "error", "attaching")  # statuses of a volume that the boot it is made for may go on with
UNMADE = ("creating", "error")  # statuses of a volume whose data isn't there, or not whole
HALF = (*UNMADE, "downloading")  # … also because an image is being written over it


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One device: its volume as it will be when attached; `make`: its data has to be made first."""

    volume: Volume
    attachment: VolumeAttachment
    make: bool

    @property
    def reserved(self) -> Volume:
        """The volume as it is while data is being made for its instance."""
        return msgspec.structs.replace(self.volume, status="creating" if self.make else "attaching")


Located = Mapping[tuple[str, str], ImageLocation | CallerFault]
"""What the image room said, by (token, image id): not all callers see the same images."""

Plans = list[list[Planned] | CallerFault]
"""For each request of a batch the plan of its devices, or why there is none."""


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to plan with; `attachments` by volume id."""

    volumes: Mapping[str, Volume]
    snapshots: Mapping[str, VolumeSnapshot]
    attachments: Mapping[str, VolumeAttachment]
    images: Located
    types: Mapping[str, VolumeType] = {}
    allowance: Allowance | None = None  # what projects may still take; None: nothing is made


def made_id(instance_id: str, place: int, version: int) -> str:
    """The id of the volume that a boot makes for its device at `place`; `version` is what the device says."""
    make = id_like_a_random_one if version == ID_VERSION else id_within
    return make(NAMESPACE, f"{instance_id}:{place}")


def as_ordered_today(device: BlockDevice) -> BlockDevice:
    is_made = device.destination_type == "volume" and device.source_type != "volume"
    return msgspec.structs.replace(device, id_version=ID_VERSION) if is_made else device


def are_its_own(request: AttachRequest, stock: Stock) -> bool:
    """Whether these are volumes that the instance has: to reach them from a host needs nobody's leave, also where the
    token that once asked has ended."""
    holders = [stock.attachments.get(one.source_id) if one.source_type == "volume" else None for one in request.devices]
    return all(holder is not None and holder.instance_id == request.instance_id for holder in holders)


def id_of(device: BlockDevice, instance_id: str, place: int) -> str:
    """The id of the volume that a server has for its device at `place`, of those whose destination is a volume."""
    return device.source_id if device.source_type == "volume" else made_id(instance_id, place, device.id_version)


def plan(request: AttachRequest, who: AuthContext, stock: Stock, now: float) -> list[Planned]:
    """One entry a device, in order. Raises `CallerError`."""
    planned = [_device(request, place, who, stock, now) for place in range(len(request.devices))]
    ids = [entry.volume.id for entry in planned]
    for place, volume_id in enumerate(ids):
        if volume_id in ids[:place]:
            raise CallerError(bad_request(_field(place, "source_id"), f"volume {volume_id} is asked for twice"))
    if stock.allowance is not None:
        stock.allowance.take(
            who.project_id, [entry.volume for entry in planned if entry.volume.id not in stock.volumes]
        )
    return planned


def _device(request: AttachRequest, place: int, who: AuthContext, stock: Stock, now: float) -> Planned:
    device = request.devices[place]
    if device.source_type == "volume":
        volume = rules.owned_volume(stock.volumes, device.source_id, who, _field(place, "source_id"))
        _check_free(volume, request, place, stock)
        make = False
    else:
        volume = _made_volume(request, place, who, stock, now)
        _check_free(volume, request, place, stock)
        make = volume.status in UNMADE
    if device.boot_index == 0 and not volume.bootable:
        raise CallerError(bad_request(_field(place, "boot_index"), f"nothing bootable is on volume {volume.id}"))
    return Planned(
        volume=msgspec.structs.replace(
            volume, status="in-use", host=request.host, delete_on_termination=device.delete_on_termination
        ),
        attachment=VolumeAttachment(
            id=f"{volume.id}:{request.instance_id}",
            volume_id=volume.id,
            instance_id=request.instance_id,
            host=request.host,
            attempt=request.attempt,
            device=device.device_name,
            mode="ro" if volume.readonly else "rw",
            attached_at=_since(request, stock.attachments.get(volume.id), now),
        ),
        make=make,
    )


def _since(request: AttachRequest, holder: VolumeAttachment | None, now: float) -> float:
    """Since when it is attached: a repeated request changes nothing."""
    asked = (request.instance_id, request.attempt, request.host)
    if holder is None or (holder.instance_id, holder.attempt, holder.host) != asked:
        return now
    return holder.attached_at


def _check_free(volume: Volume, request: AttachRequest, place: int, stock: Stock) -> None:
    """Free, or this instance's already (a repeated request, or the next attempt on another host)."""
    field = _field(place, "source_id")
    holder = stock.attachments.get(volume.id)
    if holder is None:
        being_made = volume.made_for == request.instance_id and volume.status in BEING_MADE
        if volume.status != "available" and not being_made:
            raise CallerError(conflict(field, f"volume {volume.id} is {volume.status}"))
    elif holder.instance_id != request.instance_id or not holder.of_server:
        raise CallerError(conflict(field, f"volume {volume.id} is in use by another server"))
    elif holder.attempt > request.attempt:
        raise CallerError(conflict(field, f"volume {volume.id} belongs to attempt {holder.attempt} already"))
    elif volume.status in HALF and volume.made_for != request.instance_id:
        raise CallerError(conflict(field, f"volume {volume.id} is {volume.status}: its data is not whole"))


def _made_volume(request: AttachRequest, place: int, who: AuthContext, stock: Stock, now: float) -> Volume:
    """The volume of a device that names an image, a snapshot or nothing: as it is known, or new."""
    device = request.devices[place]
    volume_id = made_id(request.instance_id, place, device.id_version)
    known = stock.volumes.get(volume_id)
    if known is not None and (known.status not in UNMADE or known.made_for != request.instance_id):
        return known
    origin = _origin(request, place, who, stock)
    if known is not None:
        return known
    return Volume(
        id=volume_id,
        name="",
        project_id=who.project_id,
        size_gib=rules.fitting_size(device.size_gib, origin.least_gib, _field(place, "size_gib")),
        status="creating",
        bootable=origin.bootable,
        image_id=device.source_id if device.source_type == "image" else "",
        snapshot_id=device.source_id if device.source_type == "snapshot" else "",
        volume_type=_kind(request, place, who, stock, origin).id,
        made_for=request.instance_id,
        user_id=who.user_id,
        image_metadata=origin.image_metadata,
        created_at=now,
        updated_at=now,
    )


def _origin(request: AttachRequest, place: int, who: AuthContext, stock: Stock) -> rules.Origin:
    device = request.devices[place]
    match device.source_type:
        case "image":
            return rules.Origin(image=value_of(stock.images[request.token, device.source_id]))
        case "snapshot":
            snapshot = rules.usable_snapshot(stock.snapshots, device.source_id, who, _field(place, "source_id"))
            return rules.Origin(snapshot=snapshot, parent=stock.volumes.get(snapshot.volume_id))
        case "blank":
            return rules.Origin()
        case other:
            raise CallerError(bad_request(_field(place, "source_type"), f"{other!r} can't be a volume"))


def _kind(request: AttachRequest, place: int, who: AuthContext, stock: Stock, origin: rules.Origin) -> VolumeType:
    """The type that is asked for, or that of what it is a copy of. Raises `CallerError` 400, as Nova answers."""
    wanted = request.devices[place].volume_type or (origin.parent.volume_type if origin.parent else "")
    field = _field(place, "volume_type")
    try:
        kind = kinds.chosen(stock.types, wanted, who)
    except CallerError as error:
        raise CallerError(bad_request(field, error.fault.message)) from error
    if not capabilities.are_enough(kind.extra_specs):
        raise CallerError(bad_request(field, f"no host of volumes has what the type {kind.name!r} asks for"))
    return kind


def _field(place: int, name: str) -> str:
    return f"block_device_mapping_v2[{place}].{name}"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What detaching takes: volume ids to unexport, of these the ones whose data goes, and the rows to write."""

    unexport: list[str]
    delete: list[str]
    changes: list[Change]


def release(requests: list[DetachRequest], stock: Stock) -> Release:
    """Everything that these instances hold on these hosts; without a host, wherever they hold it.

    What is kept stays theirs, and is exported no more.
    """
    asked: dict[tuple[str, str], list[DetachRequest]] = {}
    for one in requests:
        asked.setdefault((one.instance_id, one.host), []).append(one)
    result = Release(unexport=[], delete=[], changes=[])
    copied = {snapshot.volume_id for snapshot in stock.snapshots.values()}
    for attachment in stock.attachments.values():
        there = asked.get((attachment.instance_id, attachment.host), [])
        request = next(
            (one for one in (*there, *asked.get((attachment.instance_id, ""), ())) if _names(one, attachment)), None
        )
        if request is None or not attachment.of_server:
            continue
        volume = stock.volumes[attachment.volume_id]
        if request.keep and not attachment.host:
            continue
        result.unexport.append(volume.id)
        if request.keep:
            result.changes.extend((_without_host(attachment), _kept(volume)))
            continue
        result.changes.append(drop(attachment))
        if _goes(volume, request) and volume.id not in copied:  # snapshots, which may be another's, have its data
            result.delete.append(volume.id)
            result.changes.append(drop(volume))
        else:
            result.changes.append(_freed(volume))
    return result


def _names(request: DetachRequest, attachment: VolumeAttachment) -> bool:
    return not request.volume_ids or attachment.volume_id in request.volume_ids


def _goes(volume: Volume, request: DetachRequest) -> bool:
    """What a boot made goes with its failure; with a deletion what is marked so, and what was never made whole."""
    if request.volume_ids:
        return False
    made_here = volume.made_for == request.instance_id
    if request.failed_boot:
        return made_here
    return volume.delete_on_termination or (made_here and volume.status in UNMADE)


def _without_host(attachment: VolumeAttachment) -> VolumeAttachment:
    """Whoever asks late for the attempt that is over is refused."""
    attempt = attachment.attempt + 1
    return msgspec.structs.replace(attachment, host="", attempt=attempt)


def _kept(volume: Volume) -> Volume:
    """It is in use, as in Nova, and reached from nowhere."""
    return msgspec.structs.replace(volume, status="error" if volume.status in HALF else volume.status, host="")


def _freed(volume: Volume) -> Volume:
    """A volume whose data was never made whole is of no use to anybody: it says so."""
    status = "error" if volume.status in HALF else "available"
    return msgspec.structs.replace(volume, status=status, host="", delete_on_termination=False)
