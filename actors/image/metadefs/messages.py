"""What the image room is asked about definitions of metadata.

A draft is what a client says of something; the room makes rows of `actors/records.py` of it. A request that changes a
part is of one namespace, and all of it is done or nothing.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

import msgspec

Kind = Literal["associations", "properties", "objects", "tags"]
Property = dict[str, Any]  # as `forms.py` reads it


class AssociationDraft(msgspec.Struct, frozen=True, kw_only=True):
    name: str  # of a resource type
    prefix: str = ""
    properties_target: str = ""


class ObjectDraft(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str = ""
    required: tuple[str, ...] = ()
    properties: dict[str, Property] = {}


class NamespaceDraft(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    display_name: str = ""
    description: str = ""
    visibility: str = "private"
    protected: bool = False
    owner: str = ""  # a project; '' = the caller's
    associations: tuple[AssociationDraft, ...] = ()
    properties: dict[str, Property] = {}
    objects: tuple[ObjectDraft, ...] = ()
    tags: tuple[str, ...] = ()


class MetadefQuery(msgspec.Struct, frozen=True, kw_only=True):
    visibility: str = ""  # public, private; '' = both
    resource_types: tuple[str, ...] | None = None  # for one of these; None = for whatever
    sort_key: str = "created_at"
    sort_dir: str = "desc"  # or asc
    marker: str = ""  # the name of the last namespace of the page before
    limit: int = -1  # namespaces; -1 = all


class ListMetadefs(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    query: MetadefQuery = MetadefQuery()


class MetadefRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Of one namespace, by its name."""

    token: str
    namespace: str


class CreateMetadef(msgspec.Struct, frozen=True, kw_only=True):
    """The asker makes the id, so the same request twice makes one namespace."""

    token: str
    draft: NamespaceDraft
    id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))


class Redescribe(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The namespace itself as the draft says; its parts stay."""

    draft: NamespaceDraft


class PutObject(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    draft: ObjectDraft
    instead_of: str = ""  # the object's name before; '' = a new one


class PutProperty(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    name: str
    schema: Property
    instead_of: str = ""


class AddTags(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    names: tuple[str, ...]
    append: bool = True  # else those before go


class RenameTag(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    tag: str
    name: str


class Associate(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    draft: AssociationDraft


class DropParts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    kind: Kind
    name: str = ""  # '' = all of them


Edit = Redescribe | PutObject | PutProperty | AddTags | RenameTag | Associate | DropParts


class ChangeMetadef(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    namespace: str
    edit: Edit
