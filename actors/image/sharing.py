"""Which projects a shared image is offered to, and which of them took it: pure decisions of the image room.

A shared image has members. Its owner makes and removes them; each member alone says whether it accepts the image,
which then stands in its lists. A member sees by id what it was offered, and nobody but owner and member sees the offer.
"""

from __future__ import annotations

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.image.messages import ImageMemberRequest
from actors.image.rules import NAME_LIMIT, Shelf, seen
from actors.messages import AuthContext
from actors.records import Image, ImageMember

STATUSES = ("pending", "accepted", "rejected")
MEMBER_LIMIT = 128  # of an image; Glance's default image_member_quota


def members(shelf: Shelf, image_id: str, who: AuthContext) -> list[ImageMember]:
    """To the owner all, to a member itself."""
    image = _shared(shelf, image_id, who)
    rows = sorted(shelf.members.get(image.id, {}).values(), key=lambda row: (row.created_at, row.project_id))
    return [row for row in rows if _is_owner(image, who) or row.project_id == who.project_id]


def member(shelf: Shelf, request: ImageMemberRequest, who: AuthContext) -> ImageMember:
    for row in members(shelf, request.image_id, who):
        if row.project_id == request.member:
            return row
    raise CallerError(not_found("member", f"{request.member!r} is no member of image {request.image_id}"))


def offered(shelf: Shelf, request: ImageMemberRequest, who: AuthContext, now: float) -> ImageMember:
    image = _owners(shelf, request.image_id, who)
    if not request.member or len(request.member) > NAME_LIMIT or not request.member.isprintable():
        raise CallerError(bad_request("member", f"a project id has 1 to {NAME_LIMIT} characters"))
    if shelf.member(image, request.member) is not None:
        raise CallerError(conflict("member", f"{request.member} is a member of image {image.id} already"))
    if len(shelf.members.get(image.id, {})) >= MEMBER_LIMIT:
        raise CallerError(CallerFault(413, f"an image may have {MEMBER_LIMIT} members", "member"))
    return ImageMember(
        id=f"{image.id}:{request.member}",
        image_id=image.id,
        project_id=request.member,
        status="pending",
        created_at=now,
        updated_at=now,
    )


def answered(shelf: Shelf, request: ImageMemberRequest, who: AuthContext, now: float) -> ImageMember:
    """The member's own word on the offer."""
    row = member(shelf, request, who)
    if request.status not in STATUSES:
        raise CallerError(bad_request("status", f"one of {', '.join(STATUSES)}"))
    if row.project_id != who.project_id and not who.is_admin:
        raise CallerError(forbidden("only the member itself says whether it accepts an image"))
    return msgspec.structs.replace(row, status=request.status, updated_at=now)


def withdrawn(shelf: Shelf, request: ImageMemberRequest, who: AuthContext) -> ImageMember:
    _owners(shelf, request.image_id, who)
    return member(shelf, request, who)


def _owners(shelf: Shelf, image_id: str, who: AuthContext) -> Image:
    image = _shared(shelf, image_id, who)
    if not _is_owner(image, who):
        raise CallerError(forbidden(f"only the owner of image {image_id} says who its members are"))
    return image


def _shared(shelf: Shelf, image_id: str, who: AuthContext) -> Image:
    image = seen(shelf, image_id, who)
    if image.visibility != "shared":
        raise CallerError(forbidden("only shared images have members"))
    return image


def _is_owner(image: Image, who: AuthContext) -> bool:
    return image.project_id == who.project_id or who.is_admin
