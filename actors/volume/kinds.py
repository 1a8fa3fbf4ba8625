"""Volume types: names that users choose volumes by. All are kept by the one backend, so a type only says things.

Pure decisions of the volume room, in Cinder's words. Invariant: there is always a default type, which nobody deletes.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping

import msgspec

from actors.errors import CallerError, bad_request, conflict, forbidden, not_found
from actors.messages import AuthContext
from actors.records import Volume, VolumeType
from actors.volume.messages import CreateVolumeType, UpdateVolumeType

NAMESPACE = uuid.UUID("d1f2f0b7-8f0e-4f6b-9f69-0b8c7a4d6a11")
DEFAULT_TYPE = VolumeType(
    id=str(uuid.uuid5(NAMESPACE, "default")), name="__DEFAULT__", description="Default Volume Type"
)
NAME_LIMIT = 255  # characters
SPEC_NAME = re.compile(rf"[A-Za-z0-9_.:-]{{1,{NAME_LIMIT}}}")  # as Cinder has it
SPECS_LIMIT = 128  # extra specs of a type


def is_usable(kind: VolumeType, who: AuthContext) -> bool:
    return kind.is_public or who.is_admin or who.project_id in kind.projects


def seen(types: Mapping[str, VolumeType], type_id: str, who: AuthContext) -> VolumeType:
    kind = types.get(type_id)
    if kind is None or not is_usable(kind, who):
        raise CallerError(not_found("volume_type", f"there is no volume type {type_id!r}"))
    return kind


def chosen(types: Mapping[str, VolumeType], name: str, who: AuthContext) -> VolumeType:
    """By id or name; '' is the default type. One that is to be encrypted is refused: nothing here encrypts."""
    if not name:
        return DEFAULT_TYPE
    for kind in types.values():
        if name in (kind.id, kind.name) and is_usable(kind, who):
            if kind.encryption:
                text = f"volumes of the type {kind.name!r} are to be encrypted, which this cloud does not do"
                raise CallerError(bad_request("volume_type", text))
            return kind
    raise CallerError(not_found("volume_type", f"there is no volume type {name!r}"))


def administered(types: Mapping[str, VolumeType], type_id: str, who: AuthContext) -> VolumeType:
    """The type, if this caller may change it."""
    kind = seen(types, type_id, who)
    if not who.is_admin:
        raise CallerError(forbidden("only an administrator may change volume types"))
    return kind


def new_type(types: Mapping[str, VolumeType], request: CreateVolumeType, who: AuthContext, now: float) -> VolumeType:
    if not who.is_admin:
        raise CallerError(forbidden("only an administrator may make volume types"))
    known = types.get(request.type_id)
    if known is not None and known.name == request.name:
        return known
    _check_name(types, request.name, "")
    return checked(
        VolumeType(
            id=request.type_id,
            name=request.name,
            description=request.description,
            is_public=request.is_public,
            extra_specs=dict(request.extra_specs),
            created_at=now,
            updated_at=now,
        )
    )


def updated(types: Mapping[str, VolumeType], request: UpdateVolumeType, who: AuthContext, now: float) -> VolumeType:
    kind = administered(types, request.type_id, who)
    if request.name is not None and request.name != kind.name:
        _check_name(types, request.name, kind.id)
    kept = {name: value for name, value in kind.extra_specs.items() if name not in request.drop_specs}
    for name in request.drop_specs:
        if name not in kind.extra_specs:
            raise CallerError(not_found("extra_specs", f"volume type {kind.id} has no extra spec {name!r}"))
    return checked(
        msgspec.structs.replace(
            kind,
            name=kind.name if request.name is None else request.name,
            description=kind.description if request.description is None else request.description,
            is_public=kind.is_public if request.is_public is None else request.is_public,
            extra_specs={**kept, **request.extra_specs},
            projects=_projects(kind, request),
            updated_at=now,
        )
    )


def _projects(kind: VolumeType, request: UpdateVolumeType) -> tuple[str, ...]:
    if kind.is_public and (request.add_project or request.remove_project):
        raise CallerError(bad_request("project", "a public volume type is everybody's"))
    if request.add_project in kind.projects:
        raise CallerError(conflict("project", f"{request.add_project} may use volume type {kind.id} already"))
    if request.remove_project and request.remove_project not in kind.projects:
        raise CallerError(not_found("project", f"{request.remove_project} may not use volume type {kind.id}"))
    kept = tuple(project for project in kind.projects if project != request.remove_project)
    return (*kept, request.add_project) if request.add_project else kept


def deletable(kind: VolumeType, volumes: Collection[Volume]) -> VolumeType:
    if kind.id == DEFAULT_TYPE.id:
        raise CallerError(bad_request("volume_type", "the default volume type can't be deleted"))
    check_unused(kind, volumes)
    return kind


def check_unused(kind: VolumeType, volumes: Collection[Volume]) -> None:
    if any(volume.volume_type == kind.id for volume in volumes):
        raise CallerError(bad_request("volume_type", f"volume type {kind.id} has volumes"))


def checked(kind: VolumeType) -> VolumeType:
    _require(bool(kind.name.strip()) and _is_text(kind.name), "name", f"1 to {NAME_LIMIT} characters")
    _require(_is_text(kind.description), "description", f"at most {NAME_LIMIT} characters")
    _require(len(kind.extra_specs) <= SPECS_LIMIT, "extra_specs", f"at most {SPECS_LIMIT}")
    for name, value in kind.extra_specs.items():
        fits = SPEC_NAME.fullmatch(name) is not None and _is_text(value)
        text = f"names have 1 to {NAME_LIMIT} letters, digits and any of _.:-, values at most {NAME_LIMIT} characters"
        _require(fits, "extra_specs", text)
    return kind


def _check_name(types: Mapping[str, VolumeType], name: str, own_id: str) -> None:
    if any(kind.name == name and kind.id != own_id for kind in types.values()):
        raise CallerError(conflict("name", f"the volume type {name!r} exists already"))


def _require(fine: bool, field: str, message: str) -> None:
    if not fine:
        raise CallerError(bad_request(field, message))


def _is_text(text: str) -> bool:
    return len(text) <= NAME_LIMIT and text.isprintable()
