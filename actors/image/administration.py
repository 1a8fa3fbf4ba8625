"""The administration of images: created, shown, listed, changed and shared on a user's word.

`service.py` builds the image room on it. Owns what that module says; keeps to its invariants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, conflict
from actors.faces import TokenVerifier
from actors.image import patch, query, rules, sharing, states
from actors.image.messages import (
    CreateImage,
    FinishUpload,
    ImageMemberRequest,
    ListImages,
    PatchImage,
    SetImageActive,
    TagImage,
    UploadChunk,
)
from actors.image.rows import ImageRows
from actors.image.states import Event
from actors.messages import AuthContext, ImageRequest
from actors.records import Change, Image, ImageMember, drop

SERVICE_S = (
    172_800.0  # for which rooms go on with what was begun after its token ended: Keystone's allow_expired_window
)

OfImage = ImageRequest | UploadChunk | FinishUpload
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Row = TypeVar("Row", Image, ImageMember)


class ImageAdministration:
    def __init__(self, rows: ImageRows, verifier: TokenVerifier, clock: Clock) -> None:
        self._rows = rows
        self._verifier = verifier
        self._clock = clock
        self._writing = asyncio.Lock()  # rows are decided and committed one batch at a time

    # ------------------------------------------------------------ images

    async def show(self, requests: list[ImageRequest]) -> list[Image | CallerFault]:
        return [
            answer(lambda asked: rules.seen(self._rows.shelf, asked.image_id, self._who(asked.token)), request)
            for request in requests
        ]

    async def list_images(self, requests: list[ListImages]) -> list[list[Image] | CallerFault]:
        """Without a query: a caller's own images and those that others let it see, oldest first."""
        return [
            answer(lambda asked: query.listed(self._rows.shelf, asked.query, self._who(asked.token)), request)
            for request in requests
        ]

    async def create(self, requests: list[CreateImage]) -> list[Image | CallerFault]:
        async with self._writing:
            drafts = dict(self._rows.images)
            replies: list[Image | CallerFault] = []
            for request in requests:
                reply = answer(lambda asked: self._new(drafts, asked), request)
                replies.append(reply)
                if isinstance(reply, Image):
                    drafts[reply.id] = reply
            fresh = [row for row in replies if isinstance(row, Image) and row.id not in self._rows.images]
            await self._rows.commit(fresh)
        return replies

    def _new(self, drafts: dict[str, Image], request: CreateImage) -> Image:
        who = self._who(request.token)
        if request.image_id in self._rows.gone:
            raise CallerError(conflict("id", f"Image ID {request.image_id} already exists!"))
        return rules.new_image(drafts, request, who, self._clock.now())

    async def patch(self, requests: list[PatchImage]) -> list[Image | CallerFault]:
        """Each request's changes are all made, or none."""
        return await self._change(requests, self._patched)

    async def tag(self, requests: list[TagImage]) -> list[Image | CallerFault]:
        return await self._change(requests, self._tagged)

    async def set_active(self, requests: list[SetImageActive]) -> list[Image | CallerFault]:
        return await self._change(requests, self._activated)

    def _patched(self, request: PatchImage) -> Image:
        who = self._who(request.token)
        return patch.patched(rules.owned(self._rows.shelf, request.image_id, who), request.changes, who)

    def _tagged(self, request: TagImage) -> Image:
        image = rules.owned(self._rows.shelf, request.image_id, self._who(request.token))
        if not request.remove:
            tags = tuple(dict.fromkeys((*image.tags, request.tag)))
        elif request.tag in image.tags:
            tags = tuple(tag for tag in image.tags if tag != request.tag)
        else:
            raise CallerError(CallerFault(404, f"image {image.id} has no tag {request.tag!r}", "tag"))
        return rules.checked(msgspec.structs.replace(image, tags=tags))

    def _activated(self, request: SetImageActive) -> Image:
        image = rules.owned(self._rows.shelf, request.image_id, self._who(request.token))
        event = Event.REACTIVATE if request.active else Event.DEACTIVATE
        try:
            return msgspec.structs.replace(image, status=states.after(image.status, event))
        except CallerError as error:
            raise CallerError(CallerFault(403, error.fault.message, "status")) from None

    async def _change(self, requests: list[Asked], decide: Callable[[Asked], Image]) -> list[Image | CallerFault]:
        """One request after the other: each sees what the ones before it left."""
        async with self._writing:
            replies: list[Image | CallerFault] = []
            for request in requests:
                reply = answer(decide, request)
                if isinstance(reply, Image) and reply != self._rows.images[reply.id]:
                    reply = msgspec.structs.replace(reply, updated_at=self._clock.now())
                    await self._rows.commit([reply])
                replies.append(reply)
        return replies

    # ------------------------------------------------------------ members

    async def list_members(self, requests: list[ImageRequest]) -> list[list[ImageMember] | CallerFault]:
        return [
            answer(lambda asked: sharing.members(self._rows.shelf, asked.image_id, self._who(asked.token)), request)
            for request in requests
        ]

    async def show_member(self, requests: list[ImageMemberRequest]) -> list[ImageMember | CallerFault]:
        return [
            answer(lambda asked: sharing.member(self._rows.shelf, asked, self._who(asked.token)), request)
            for request in requests
        ]

    async def add_member(self, requests: list[ImageMemberRequest]) -> list[ImageMember | CallerFault]:
        """Offer a shared image to a project."""
        return await self._write_members(
            requests,
            lambda asked: sharing.offered(self._rows.shelf, asked, self._who(asked.token), self._clock.now()),
        )

    async def update_member(self, requests: list[ImageMemberRequest]) -> list[ImageMember | CallerFault]:
        """A member takes the offer, or declines."""
        return await self._write_members(
            requests,
            lambda asked: sharing.answered(self._rows.shelf, asked, self._who(asked.token), self._clock.now()),
        )

    async def remove_member(self, requests: list[ImageMemberRequest]) -> list[CallerFault | None]:
        async with self._writing:
            replies = [
                answer(lambda asked: sharing.withdrawn(self._rows.shelf, asked, self._who(asked.token)), request)
                for request in requests
            ]
            await self._rows.commit([drop(reply) for reply in replies if isinstance(reply, ImageMember)])
        return [None if isinstance(reply, ImageMember) else reply for reply in replies]

    async def _write_members(
        self, requests: list[ImageMemberRequest], decide: Callable[[ImageMemberRequest], ImageMember]
    ) -> list[ImageMember | CallerFault]:
        async with self._writing:
            replies: list[ImageMember | CallerFault] = []
            for request in requests:
                reply = answer(decide, request)
                if isinstance(reply, ImageMember):
                    await self._rows.commit([reply])
                replies.append(reply)
        return replies

    # ------------------------------------------------------------ rows and callers

    def _who(self, token: str, by_service: bool = False) -> AuthContext:
        return self._verifier.verify(token, self._clock.now(), SERVICE_S if by_service else 0.0)

    def _owned(self, request: OfImage) -> Image:
        return rules.owned(self._rows.shelf, request.image_id, self._who(request.token, request.by_service))

    async def _commit_status(self, image: Image, status: str) -> Image:
        changed = msgspec.structs.replace(image, status=status, updated_at=self._clock.now())
        rows: list[Change] = [changed]
        await self._rows.commit(rows)
        return changed


def answer(decide: Callable[[Asked], Answered], request: Asked) -> Answered | CallerFault:
    """One item's answer, or its fault in the place of it."""
    try:
        return decide(request)
    except CallerError as error:
        return error.fault
