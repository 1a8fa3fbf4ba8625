"""Images written over volumes that are there: on an owner's word, and for servers that boot from them and are rebuilt.

`service.py` builds the volume room on it. Invariants: a volume is `downloading` while its data is written, nobody
reads or attaches it meanwhile, and what ends that early leaves it in `error`; of two that write one volume the later
one does; a rebuild's writing is done once, however often it is asked for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, Fault, HostError, HostFault, value_of
from actors.faces import TokenVerifier
from actors.fencing import Epochs
from actors.image.cache import FetchFailed
from actors.messages import ImageLocation, ReimageRequest
from actors.records import Volume
from actors.volume import imaged, rules
from actors.volume.backend import BackendError
from actors.volume.desk import VolumeDesk
from actors.volume.making import Making, causes_of
from actors.volume.messages import ReimageVolume
from actors.volume.plan import Located
from actors.volume.rows import VolumeRows
from actors.volume.states import Event, after
from actors.volume.user_messages import NOT_IMAGED

STEP = "reimage"  # that a host's fault is named for
REMEMBERED = 1_000  # rebuilds whose writing is done, or given up: what comes of them twice, or late, is known
GIVEN_UP = "the rebuild went no further"


@dataclass(slots=True, eq=False)
class _Writing:
    """One image on its way to one volume; `cause`: why it did not get there."""

    image: ImageLocation
    act_id: str
    request_id: str
    over: asyncio.Event = field(default_factory=asyncio.Event)
    cause: str = "it was stopped"


class VolumeReimaging(VolumeDesk):
    _epochs: Epochs
    _build_limit_s: float
    _settling: dict[str, asyncio.Task[None]]

    def __init__(
        self, rows: VolumeRows, making: Making, verifier: TokenVerifier, clock: Clock, quotas: Mapping[str, int]
    ) -> None:
        super().__init__(rows, making, verifier, clock, quotas)
        self._writing: dict[str, _Writing] = {}  # by volume id
        self._written: OrderedDict[str, None] = OrderedDict()  # act ids
        self._given_up: OrderedDict[str, None] = OrderedDict()  # the same

    # ------------------------------------------------------------ on an owner's word

    async def reimage(self, requests: list[ReimageVolume]) -> list[Volume | CallerFault]:
        """Answers at once with volumes that are `downloading`; `wait` tells when they are what they were."""
        located = await self._making.locate((request.token, request.image_id) for request in requests)
        async with self._deciding:
            return [await self._reimage(request, located) for request in requests]

    async def _reimage(self, request: ReimageVolume, located: Located) -> Volume | CallerFault:
        try:
            volume = self._volume(request.volume_id, request.token)
            image = value_of(located[request.token, request.image_id])
            begun = imaged.begun(volume, self._rows.attachments.get(volume.id), request.reserved_too)
            imaged.check_fits(image, volume)
        except CallerError as error:
            return error.fault
        await self._write_image(begun, image, request.token, request_id=request.request_id)
        return self._rows.volumes[volume.id]

    # ------------------------------------------------------------ for a server that is rebuilt

    async def ready_root(self, requests: list[ReimageRequest]) -> list[Fault | None]:
        located = await self._making.locate((request.token, request.image_id) for request in requests)
        return [await self._ready(request, located) for request in requests]

    async def _ready(self, request: ReimageRequest, located: Located) -> Fault | None:
        try:
            _, image = self._asked(request, located)
            await self._making.ready(image, request.token)
        except CallerError as error:
            return error.fault
        except (BackendError, FetchFailed, OSError) as error:
            return HostFault(STEP, request.host, str(error))
        return None

    async def reimage_root(self, requests: list[ReimageRequest]) -> list[Fault | None]:
        """It may take as long as an image takes to be copied."""
        located = await self._making.locate((request.token, request.image_id) for request in requests)
        async with self._deciding:
            begun = [await self._begin_root(request, located) for request in requests]
        for one in begun:
            if isinstance(one, _Writing):
                await one.over.wait()
        return [_reply(request, one) for request, one in zip(requests, begun, strict=True)]

    async def give_up_root(self, act_ids: list[str]) -> None:
        for act_id in act_ids:
            _remember(self._given_up, act_id)

    async def _begin_root(self, request: ReimageRequest, located: Located) -> _Writing | Fault | None:
        try:
            begun, image = self._asked(request, located)
            if request.act_id in self._written:
                return None
            if request.act_id in self._given_up:
                return HostFault(STEP, request.host, GIVEN_UP)
            known = self._writing.get(begun.id)
            if known is not None and known.act_id == request.act_id:
                return known
            return await self._write_image(begun, image, request.token, act_id=request.act_id)
        except CallerError as error:
            return error.fault
        except HostError as error:
            return error.fault

    def _asked(self, request: ReimageRequest, located: Located) -> tuple[Volume, ImageLocation]:
        """The volume as it will be while it is written. A rebuild that was accepted may outlive its token."""
        if fault := self._epochs.fault(request.host, request.epoch):
            raise CallerError(fault)
        who = self._verifier.verify(request.token, self._clock.now(), self._build_limit_s)
        volume = rules.owned_volume(self._rows.volumes, request.volume_id, who)
        begun = imaged.begun_for_server(volume, self._rows.attachments.get(volume.id), request)
        image = value_of(located[request.token, request.image_id])
        imaged.check_fits(image, volume)
        return begun, image

    # ------------------------------------------------------------ the writing

    async def _write_image(
        self, begun: Volume, image: ImageLocation, token: str, act_id: str = "", request_id: str = ""
    ) -> _Writing:
        """Under the lock. Raises `HostError` where whoever reads the volume can't be cut off: nothing is done then."""
        await self._making.stop([begun.id])
        try:
            await self._backend.unexport([begun.id])
        except BackendError as error:
            raise HostError(HostFault(STEP, begun.host, str(error))) from error
        await self._rows.commit([self._stamped(begun)])
        making = self._making.rewrite(begun, image, token)
        writing = _Writing(image, act_id, request_id)
        task = asyncio.create_task(self._settle_writing(begun.id, writing, making))
        self._writing[begun.id], self._settling[begun.id] = writing, task
        task.add_done_callback(lambda _: self._forget_writing(begun.id, writing))
        return writing

    async def _settle_writing(self, volume_id: str, writing: _Writing, making: asyncio.Task[None]) -> None:
        """Of one that was detached, deleted or is written by a later one meanwhile nothing is said any more."""
        causes = await causes_of({volume_id: making})
        async with self._deciding:
            volume = self._rows.volumes.get(volume_id)
            if volume is None or volume.status != "downloading" or self._writing.get(volume_id) is not writing:
                writing.cause = f"volume {volume_id} was taken away while it was written"
                return
            if causes:
                writing.cause = causes[volume_id]
                broken = self._stamped(msgspec.structs.replace(volume, status=after(volume.status, Event.BROKEN)))
                await self._end_with([broken, *self._noted(volume, NOT_IMAGED, writing.request_id)])
                return
            holder = self._rows.attachments.get(volume_id)
            await self._end_with([self._stamped(imaged.written(volume, holder, writing.image))])
            writing.cause = ""
            _remember(self._written, writing.act_id)

    def _forget_writing(self, volume_id: str, writing: _Writing) -> None:
        """Also of one whose room is closed before it has ended: nobody shall wait for that."""
        writing.over.set()
        if self._writing.get(volume_id) is writing:
            del self._writing[volume_id], self._settling[volume_id]


def _remember(among: OrderedDict[str, None], act_id: str) -> None:
    among[act_id] = None
    if len(among) > REMEMBERED:
        among.popitem(last=False)


def _reply(request: ReimageRequest, begun: _Writing | Fault | None) -> Fault | None:
    if not isinstance(begun, _Writing):
        return begun
    return HostFault(STEP, request.host, begun.cause) if begun.cause else None
