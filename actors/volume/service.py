"""The volume room: volumes, their snapshots and attachments [Cinder].

Owns: the rows of `VolumeRows` and, through its backend, the data and exports. Asked by compute (`attach`, `detach`)
and by the API (`validate`, and what `administration.py` has). Invariants: decisions and their commit happen under one
lock, copying of data outside of it; an export exists only for an attachment that is on disk; whatever is asked twice
is done once.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Mapping

import msgspec

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, Fault, HostError, HostFault, conflict
from actors.faces import TokenVerifier
from actors.fencing import Epochs
from actors.image.cache import ImageCache
from actors.messages import SERVICE, AttachRequest, ConnectionInfo, DetachRequest
from actors.records import Change, ComputeNode, Ledger, Volume, drop
from actors.volume.administration import VolumeAdministration
from actors.volume.backend import BackendError, VolumeBackend
from actors.volume.desk import answer
from actors.volume.making import Making, causes_of
from actors.volume.plan import Located, Planned, Plans, Stock, are_its_own, plan, release
from actors.volume.quotas import LIMITS
from actors.volume.reimaging import VolumeReimaging
from actors.volume.rows import VolumeRows
from actors.volume.specifications import VolumeSpecifications
from actors.volume.telling import VolumeMessages
from actors.volume.transfers import VolumeTransfers
from actors.volume.uploads import Imagery, VolumeUploads
from actors.volume.views import VolumeViews

STEP = "block_devices"  # the step of a boot that a host's fault is named for

CUT_OFF = {
    "creating": "error",
    "extending": "error_extending",
    "reverting": "error",
    "uploading": "available",
    "downloading": "error",
}
"""What becomes of a volume whose work ended with a former room; a server's is asked for again, or goes with it."""


class VolumeRoom(
    VolumeAdministration,
    VolumeSpecifications,
    VolumeTransfers,
    VolumeMessages,
    VolumeUploads,
    VolumeReimaging,
    VolumeViews,
):
    def __init__(
        self,
        config: CloudConfig,
        ledger: Ledger,
        verifier: TokenVerifier,
        images: Imagery,
        cache: ImageCache,
        backend: VolumeBackend,
        clock: Clock,
    ) -> None:
        quotas = LIMITS | config.volume_quotas
        super().__init__(VolumeRows(ledger), Making(images, cache, backend), verifier, clock, quotas)
        self._imagery = images
        self._scratch = config.volumes / "upload"
        self._ledger = ledger
        self._epochs = Epochs()
        self._build_limit_s = config.boot_deadline_s

    async def start(self) -> None:
        """Load the rows, export what guests use, and end what a former room had begun."""
        self._epochs = Epochs(await self._ledger.load(ComputeNode))
        await self._rows.commit([drop(lost) for lost in await self._rows.load()])
        await self._backend.start(self._rows.attached())
        await self._end_copies()
        await self._end_uploads()
        await self._end_deletions()
        cut_off: list[Change] = [
            msgspec.structs.replace(volume, status=CUT_OFF[volume.status])
            for volume in self._rows.volumes.values()
            if volume.status in CUT_OFF and not self._rows.is_servers(volume.id)
        ]
        cut_off += [
            msgspec.structs.replace(snapshot, status="error")
            for snapshot in self._rows.snapshots.values()
            if snapshot.status == "creating"
        ]
        await self._rows.commit(cut_off)

    async def close(self, stop_daemon: bool = False) -> None:
        """End the copies under way. With `stop_daemon` nothing is left running, and guests lose their volumes."""
        settling = [*self._settling.values(), *self._uploading.values()]
        for task in settling:
            task.cancel()
        await asyncio.gather(*settling, return_exceptions=True)
        await self._making.close()
        await self._backend.close(stop_daemon)

    async def world(self) -> dict[str, list[str]]:
        """Rows, files and exports, for audits and the law tests."""
        return self._rows.world() | await self._backend.world()

    # ------------------------------------------------------------ validate, attach

    async def validate(self, requests: list[AttachRequest]) -> list[CallerFault | None]:
        stock = self._stock(await self._locate(requests))
        answers = [answer(lambda asked: self._plan(asked, stock), request) for request in requests]
        return [reply if isinstance(reply, CallerFault) else None for reply in answers]

    async def attach(self, requests: list[AttachRequest]) -> list[tuple[ConnectionInfo, ...] | Fault]:
        """One commit where all volumes are there; two, with honest states between, where data has to be made."""
        located = await self._locate(requests)
        async with self._deciding:
            plans = self._plan_all(requests, located)
            if not any(entry.make for entry in _entries(plans)):
                return await self._complete(requests, plans, {})
            await self._rows.commit([row for entry in _entries(plans) for row in (entry.reserved, entry.attachment)])
            tasks = self._make_all(requests, plans, located)
        causes = await causes_of(tasks)
        async with self._deciding:
            return await self._complete(requests, self._still_held(plans), causes)

    async def _locate(self, requests: list[AttachRequest]) -> Located:
        return await self._making.locate(
            (request.token, device.source_id)
            for request in requests
            for device in request.devices
            if device.source_type == "image"
        )

    def _plan_all(self, requests: list[AttachRequest], located: Located) -> Plans:
        """Each request sees the rows as the ones before it in the batch will leave them."""
        volumes: ChainMap[str, Volume] = ChainMap({}, self._rows.volumes)
        attachments = ChainMap({}, self._rows.attachments)
        stock = msgspec.structs.replace(self._stock(located), volumes=volumes, attachments=attachments)
        plans: Plans = []
        for request in requests:
            planned = answer(lambda asked: self._plan(asked, stock), request)
            plans.append(planned)
            for entry in [] if isinstance(planned, CallerFault) else planned:
                volumes[entry.volume.id] = entry.reserved
                attachments[entry.volume.id] = entry.attachment
        return plans

    def _plan(self, request: AttachRequest, stock: Stock) -> list[Planned]:
        """A boot that was accepted may outlive its token by as long as boots may take."""
        if fault := self._epochs.fault(request.host, request.epoch):
            raise CallerError(fault)
        now = self._clock.now()
        own = are_its_own(request, stock)
        who = SERVICE if own else self._verifier.verify(request.token, now, self._build_limit_s)
        planned = plan(request, who, stock, now)
        if self._service().disabled and any(entry.volume.id not in self._rows.volumes for entry in planned):
            raise CallerError(conflict("block_devices", "no host of volumes takes new ones now"))
        return planned

    def _make_all(self, requests: list[AttachRequest], plans: Plans, located: Located) -> dict[str, asyncio.Task[None]]:
        return {
            entry.volume.id: self._making.begin(entry.volume, request.token, located, self._rows.snapshots)
            for request, planned in zip(requests, plans, strict=True)
            for entry in ([] if isinstance(planned, CallerFault) else planned)
            if entry.make
        }

    def _still_held(self, plans: Plans) -> Plans:
        """While data was made an instance may have been detached, or gone on to another attempt."""
        held = self._rows.attachments
        gone = conflict("instance_id", "the instance was detached while its volumes were made")
        return [
            planned
            if isinstance(planned, CallerFault)
            or all(held.get(entry.volume.id) == entry.attachment for entry in planned)
            else gone
            for planned in plans
        ]

    async def _complete(
        self, requests: list[AttachRequest], plans: Plans, causes: Mapping[str, str]
    ) -> list[tuple[ConnectionInfo, ...] | Fault]:
        """Record the attachments, then export; `causes` says which volumes could not be made."""
        ready = [entry for entry in _entries(plans) if entry.volume.id not in causes]
        broken = [entry.volume for entry in _entries(plans) if entry.volume.id in causes]
        await self._rows.commit(
            [row for entry in ready for row in (entry.volume, entry.attachment)]
            + [msgspec.structs.replace(volume, status="error") for volume in broken]
        )
        unreachable = await self._export([entry.volume.id for entry in ready if entry.volume.host])
        failed = {**causes, **unreachable}
        return [
            planned if isinstance(planned, CallerFault) else self._reply(request, planned, failed)
            for request, planned in zip(requests, plans, strict=True)
        ]

    async def _export(self, volume_ids: list[str]) -> dict[str, str]:
        try:
            return await self._backend.export(volume_ids) if volume_ids else {}
        except BackendError as error:
            return dict.fromkeys(volume_ids, str(error))

    def _reply(
        self, request: AttachRequest, planned: list[Planned], failed: Mapping[str, str]
    ) -> tuple[ConnectionInfo, ...] | Fault:
        causes = [failed[entry.volume.id] for entry in planned if entry.volume.id in failed]
        if causes:
            return HostFault(STEP, request.host, "; ".join(causes))
        return tuple(self._connection(entry.volume) for entry in planned)

    def _connection(self, volume: Volume) -> ConnectionInfo:
        address = self._backend.address
        return ConnectionInfo(
            volume_id=volume.id,
            size_gib=volume.size_gib,
            export=volume.id,
            unix_socket=address.unix_socket,
            host=address.host,
            port=address.port,
            serial=volume.id,
            bootable=volume.bootable,
        )

    async def connections(self, instance_ids: list[str]) -> list[tuple[ConnectionInfo, ...] | Fault]:
        async with self._deciding:
            attached: dict[str, list[Volume]] = {one: [] for one in instance_ids}
            for row in self._rows.attachments.values():
                volume = self._rows.volumes[row.volume_id]
                if row.instance_id in attached and row.of_server and row.host and volume.status == "in-use":
                    attached[row.instance_id].append(volume)
            unreachable = await self._export([one.id for volumes in attached.values() for one in volumes])
        return [
            HostFault(STEP, volumes[0].host, "; ".join(causes))
            if (causes := [unreachable[one.id] for one in volumes if one.id in unreachable])
            else tuple(map(self._connection, volumes))
            for volumes in attached.values()
        ]

    # ------------------------------------------------------------ detach

    async def detach(self, requests: list[DetachRequest]) -> None:
        """Raises `HostError` if the backend can't let go; nothing is recorded then, and the same can be asked again."""
        async with self._deciding:
            current = [each for each in requests if self._epochs.fault(each.host, each.epoch) is None]
            released = release(current, self._stock({}))
            if not released.changes:
                return
            await self._making.stop(released.unexport)
            try:
                await self._backend.unexport(released.unexport)
                for volume_id in released.delete:
                    await self._backend.delete(volume_id)
            except BackendError as error:
                raise HostError(HostFault(STEP, requests[0].host, str(error))) from error
            offers = [drop(offer) for volume_id in released.delete for offer in self._rows.offers_of(volume_id)]
            await self._rows.commit([*released.changes, *offers])

    async def fence(self, node: str, epoch: int) -> None:
        self._epochs.tell(node, epoch)

    def _stock(self, located: Located) -> Stock:
        rows = self._rows
        return Stock(
            volumes=rows.volumes,
            snapshots=rows.snapshots,
            attachments=rows.attachments,
            images=located,
            types=rows.types,
            allowance=self._allowance(),
        )


def _entries(plans: Plans) -> list[Planned]:
    return [entry for planned in plans if not isinstance(planned, CallerFault) for entry in planned]
