"""What clients send of volumes and snapshots: models, and what each makes of the volume room's requests."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from actors.api.rest.bodies import Strict
from actors.errors import CallerError, bad_request

TRUE, FALSE = ("true", "1", "t", "yes", "on", "y"), ("false", "0", "f", "no", "off", "n")
SIZE_LIMIT = 2**31 - 1
KEY_LIMIT = 255  # characters


def _whole(value: Any) -> Any:
    """Some clients send numbers as texts."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11 else value


def _flag(value: Any) -> Any:
    """… and flags."""
    if isinstance(value, str) and value.lower() in (*TRUE, *FALSE):
        return value.lower() in TRUE
    return value


Size = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=1, le=SIZE_LIMIT)]
Flag = Annotated[bool, BeforeValidator(_flag), Field(strict=True)]
Metadata = dict[Annotated[str, Field(min_length=1, max_length=KEY_LIMIT)], Annotated[str, Field(max_length=KEY_LIMIT)]]
Model = TypeVar("Model", bound=BaseModel)


class Open(BaseModel):
    """A body in which older microversions allow anything beside what is known."""

    model_config = ConfigDict(extra="allow")


class NewVolume(Open):
    size: Size | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    display_description: str | None = None
    imageRef: str | None = None  # the interface's own name
    image_id: str | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: Metadata | None = None
    multiattach: Flag | None = None
    consistencygroup_id: str | None = None
    group_id: str | None = None
    backup_id: str | None = None


class CreateVolumeBody(Strict):
    volume: NewVolume
    hints: dict[str, Any] = Field(default_factory=dict, alias="OS-SCH-HNT:scheduler_hints")


class ChangedVolume(Strict):
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    display_description: str | None = None
    metadata: Metadata | None = None


class UpdateVolumeBody(Strict):
    volume: ChangedVolume


class NewSnapshot(Strict):
    volume_id: str | None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    display_description: str | None = None
    force: Flag | None = None
    metadata: Metadata | None = None


class CreateSnapshotBody(Strict):
    snapshot: NewSnapshot


class ChangedSnapshot(Strict):
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    display_description: str | None = None


class UpdateSnapshotBody(Strict):
    snapshot: ChangedSnapshot


class MetadataBody(Open):
    metadata: Metadata


class ItemBody(Open):
    meta: Metadata


class NewAttachment(Strict):
    volume_uuid: str
    instance_uuid: str | None = None
    connector: dict[str, Any] | None = None
    mode: str | None = None


class CreateAttachmentBody(Strict):
    attachment: NewAttachment


class ChangedAttachment(Strict):
    connector: dict[str, Any]


class UpdateAttachmentBody(Strict):
    attachment: ChangedAttachment


class NewType(Strict):
    name: str
    description: str | None = None
    is_public: Flag = Field(default=True, alias="os-volume-type-access:is_public")
    extra_specs: Metadata | None = None


class CreateTypeBody(Strict):
    volume_type: NewType


class ChangedType(Strict):
    name: str | None = None
    description: str | None = None
    is_public: Flag | None = None


class UpdateTypeBody(Strict):
    volume_type: ChangedType


class SpecsBody(Open):
    extra_specs: Metadata


class QuotaBody(Open):
    quota_set: dict[str, Any]


class QuotaClassBody(Open):
    quota_class_set: dict[str, Any]


def read(model: type[Model], value: Any, where: str) -> Model:
    """A part of a body that is not known from the start. Raises `CallerError` 400."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join((where, *map(str, first["loc"])))
        raise CallerError(bad_request("", f"Invalid input for field/attribute {place}: {first['msg']}")) from None


def refuse_unknown(*models: BaseModel) -> None:
    """Raises `CallerError` 400 where a body has what nobody knows."""
    for model in models:
        for name in model.model_extra or {}:
            raise CallerError(bad_request("", f"Additional properties are not allowed ('{name[:40]}' was unexpected)"))
