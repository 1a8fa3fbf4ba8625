"""Who sees and changes which namespace of definitions, and what each change makes of it: pure decisions.

A public namespace is there for everybody, a private one for its own project and administrators; others are told that
it is not there. Administrators make them; its project changes its own too, where policy at the edge lets it, but does
not make it public. While it is protected, neither it nor a part of it can be deleted; parts are added and changed.
Wordings of refusals are Glance's where clients show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.image.metadefs import forms
from actors.image.metadefs.forms import PARTS_LIMIT
from actors.image.metadefs.messages import (
    AddTags,
    Associate,
    AssociationDraft,
    CreateMetadef,
    DropParts,
    Edit,
    Kind,
    NamespaceDraft,
    ObjectDraft,
    PutObject,
    PutProperty,
    Redescribe,
    RenameTag,
)
from actors.messages import AuthContext
from actors.records import MetadefAssociation, MetadefNamespace, MetadefObject, MetadefResourceType, MetadefTag

NAMESPACES_LIMIT = 1_000  # of the cloud
RESOURCE_TYPES_LIMIT = 1_000
NAMESPACE_LIMIT_BYTES = 1 << 20  # of one with all of its parts, as JSON

Shelf = Mapping[str, MetadefNamespace]  # by id
Part = TypeVar("Part", MetadefAssociation, MetadefObject, MetadefTag)

CALLED: dict[Kind, str] = {
    "associations": "resource-type-association",
    "properties": "property",
    "objects": "object",
    "tags": "tag",
}


# ---------------------------------------------------------------- whose


def is_visible(row: MetadefNamespace, who: AuthContext) -> bool:
    return row.visibility == "public" or may_change(row, who)


def may_change(row: MetadefNamespace, who: AuthContext) -> bool:
    """Who is in no project, as with a token for a domain, shares nothing with others who are in none."""
    return who.is_admin or (bool(who.project_id) and row.project_id == who.project_id)


def seen(shelf: Shelf, namespace: str, who: AuthContext) -> MetadefNamespace:
    for row in shelf.values():
        if row.namespace == namespace and is_visible(row, who):
            return row
    raise CallerError(not_found("namespace", f"Metadata definition namespace={namespace} was not found."))


def owned(shelf: Shelf, namespace: str, who: AuthContext) -> MetadefNamespace:
    row = seen(shelf, namespace, who)
    if not may_change(row, who):
        raise CallerError(forbidden(f"Metadata definition namespace {namespace} belongs to another project."))
    return row


def deletable(row: MetadefNamespace) -> MetadefNamespace:
    if row.protected:
        raise CallerError(
            forbidden(f"Metadata definition namespace {row.namespace} is protected and cannot be deleted.")
        )
    return row


def _owner(said: str, who: AuthContext) -> str:
    if said not in ("", who.project_id) and not who.is_admin:
        raise CallerError(forbidden("Only an administrator may give a namespace to another project."))
    return said or who.project_id


# ---------------------------------------------------------------- namespaces


def new_namespace(shelf: Shelf, request: CreateMetadef, who: AuthContext, now: float) -> MetadefNamespace:
    """The row to write; for a request that came before, the row that is there."""
    draft = request.draft
    known = shelf.get(request.id)
    if known is not None and known.namespace == draft.namespace and may_change(known, who):
        return known
    if not who.is_admin:
        raise CallerError(forbidden("Only an administrator may make a namespace."))
    if any(row.namespace == draft.namespace for row in shelf.values()):
        raise CallerError(conflict("namespace", f"The metadata definition namespace={draft.namespace} already exists."))
    if len(shelf) >= NAMESPACES_LIMIT:
        raise CallerError(CallerFault(413, f"There may be {NAMESPACES_LIMIT} namespaces."))
    if known is not None:
        raise CallerError(conflict("id", f"the id {request.id} is taken"))
    row = MetadefNamespace(
        id=request.id,
        namespace=draft.namespace,
        project_id=_owner(draft.owner, who),
        display_name=draft.display_name,
        description=draft.description,
        visibility=draft.visibility,
        protected=draft.protected,
        associations=tuple(_association(one, now) for one in draft.associations),
        properties=draft.properties,
        objects=tuple(_object(one, now, now) for one in draft.objects),
        tags=tuple(MetadefTag(name=name, created_at=now, updated_at=now) for name in draft.tags),
        created_at=now,
        updated_at=now,
    )
    for kind in CALLED:
        _check_parts(row, kind)
    return _checked(row)


def changed(shelf: Shelf, row: MetadefNamespace, edit: Edit, who: AuthContext, now: float) -> MetadefNamespace:
    """The row as it is after the edit."""
    match edit:
        case Redescribe(draft=draft):
            row = _redescribed(shelf, row, draft, who, now)
        case PutObject():
            row = _with_object(row, edit, now)
        case PutProperty():
            row = _with_property(row, edit)
        case AddTags():
            row = _with_tags(row, edit, now)
        case RenameTag():
            row = _renamed(row, edit, now)
        case Associate(draft=association):
            added = (*row.associations, _association(association, now))
            row = _check_parts(msgspec.structs.replace(row, associations=added), "associations")
        case DropParts():
            row = _without(row, edit)
    return _checked(row)


def _redescribed(
    shelf: Shelf, row: MetadefNamespace, draft: NamespaceDraft, who: AuthContext, now: float
) -> MetadefNamespace:
    """What the draft leaves out is as in a new namespace, the owner too, as in Glance."""
    if draft.visibility == "public" and row.visibility != "public" and not who.is_admin:
        raise CallerError(forbidden("Only an administrator may make a namespace public."))
    if any(other.namespace == draft.namespace and other.id != row.id for other in shelf.values()):
        said = "Invalid update. It would result in a duplicate metadata definition namespace with the same name of"
        raise CallerError(conflict("namespace", f"{said} {draft.namespace}"))
    return msgspec.structs.replace(
        row,
        namespace=draft.namespace,
        display_name=draft.display_name,
        description=draft.description,
        visibility=draft.visibility,
        protected=draft.protected,
        project_id=_owner(draft.owner, who),
        updated_at=now,
    )


def new_types(row: MetadefNamespace, known: Iterable[str], now: float) -> list[MetadefResourceType]:
    """Those of its resource types that nobody named before."""
    there = set(known)
    fresh = [one.name for one in row.associations if one.name not in there]
    if len(there) + len(fresh) > RESOURCE_TYPES_LIMIT:
        raise CallerError(CallerFault(413, f"There may be {RESOURCE_TYPES_LIMIT} resource types."))
    return [MetadefResourceType(id=name, created_at=now) for name in fresh]


# ---------------------------------------------------------------- parts


def named(parts: Iterable[Part], name: str) -> Part | None:
    return next((part for part in parts if part.name == name), None)


def missing(kind: Kind, name: str) -> CallerError:
    if kind == "associations":
        return CallerError(not_found("name", f"Failed to find resource type {name}"))
    called = CALLED[kind] if kind == "properties" else f"metadata {CALLED[kind]}"
    return CallerError(not_found("name", f"Could not find {called} {name}"))


def _association(draft: AssociationDraft, now: float) -> MetadefAssociation:
    return MetadefAssociation(
        name=draft.name, prefix=draft.prefix, properties_target=draft.properties_target, created_at=now
    )


def _object(draft: ObjectDraft, created_at: float, now: float) -> MetadefObject:
    return MetadefObject(
        name=draft.name,
        description=draft.description,
        required=draft.required,
        properties=draft.properties,
        created_at=created_at,
        updated_at=now,
    )


def _with_object(row: MetadefNamespace, edit: PutObject, now: float) -> MetadefNamespace:
    if not edit.instead_of:
        objects = (*row.objects, _object(edit.draft, now, now))
    else:
        before = named(row.objects, edit.instead_of)
        if before is None:
            raise missing("objects", edit.instead_of)
        after = _object(edit.draft, before.created_at, now)
        objects = tuple(after if part is before else part for part in row.objects)
    return _check_parts(msgspec.structs.replace(row, objects=objects), "objects")


def _with_property(row: MetadefNamespace, edit: PutProperty) -> MetadefNamespace:
    if edit.instead_of and edit.instead_of not in row.properties:
        raise missing("properties", edit.instead_of)
    if edit.name != edit.instead_of and edit.name in row.properties:
        raise _twice(row, "properties", edit.name)
    if edit.instead_of:
        kept = {
            edit.name if name == edit.instead_of else name: edit.schema if name == edit.instead_of else schema
            for name, schema in row.properties.items()
        }
    else:
        kept = row.properties | {edit.name: edit.schema}
    return _check_parts(msgspec.structs.replace(row, properties=kept), "properties")


def _with_tags(row: MetadefNamespace, edit: AddTags, now: float) -> MetadefNamespace:
    """No names change nothing, as in Glance."""
    if not edit.names:
        return row
    fresh = (MetadefTag(name=name, created_at=now, updated_at=now) for name in edit.names)
    tags = (*(row.tags if edit.append else ()), *fresh)
    return _check_parts(msgspec.structs.replace(row, tags=tags), "tags")


def _renamed(row: MetadefNamespace, edit: RenameTag, now: float) -> MetadefNamespace:
    before = named(row.tags, edit.tag)
    if before is None:
        raise missing("tags", edit.tag)
    after = msgspec.structs.replace(before, name=edit.name, updated_at=now)
    tags = tuple(after if part is before else part for part in row.tags)
    return _check_parts(msgspec.structs.replace(row, tags=tags), "tags")


def _without(row: MetadefNamespace, edit: DropParts) -> MetadefNamespace:
    if not edit.name:
        return msgspec.structs.replace(deletable(row), **{edit.kind: {} if edit.kind == "properties" else ()})
    if edit.name not in _names(row, edit.kind):
        raise missing(edit.kind, edit.name)
    if row.protected:
        said = f"Metadata definition {CALLED[edit.kind]} {edit.name} is protected and cannot be deleted."
        raise CallerError(forbidden(said))
    parts = getattr(row, edit.kind)
    if edit.kind == "properties":
        left: Any = {name: schema for name, schema in parts.items() if name != edit.name}
    else:
        left = tuple(part for part in parts if part.name != edit.name)
    return msgspec.structs.replace(row, **{edit.kind: left})


# ---------------------------------------------------------------- what a good one is


def _names(row: MetadefNamespace, kind: Kind) -> list[str]:
    parts = getattr(row, kind)
    return list(parts) if kind == "properties" else [part.name for part in parts]


def _check_parts(row: MetadefNamespace, kind: Kind) -> MetadefNamespace:
    """The row, if it has none of these twice and not too many."""
    names = _names(row, kind)
    if len(set(names)) < len(names):
        raise _twice(row, kind, next(name for place, name in enumerate(names) if name in names[:place]))
    if len(names) > PARTS_LIMIT:
        raise CallerError(CallerFault(413, f"A namespace may have {PARTS_LIMIT} {kind}."))
    return row


def _twice(row: MetadefNamespace, kind: Kind, name: str) -> CallerError:
    if kind == "associations":
        to = f"association of resource-type={name} to namespace={row.namespace} already exists."
        return CallerError(conflict("name", f"The metadata definition resource-type {to}"))
    called = "metadata tag" if kind == "tags" else f"metadata definition {CALLED[kind]}"
    return CallerError(conflict("name", f"A {called} with name={name} already exists in namespace={row.namespace}."))


def _checked(row: MetadefNamespace) -> MetadefNamespace:
    """The row, if its names can be named and it is not too big."""
    forms.one_of(forms.VISIBILITIES)("visibility", row.visibility)
    for said in (row.namespace, *(said for kind in CALLED for said in _names(row, kind))):
        forms.name("name", said)
    try:
        size = len(msgspec.json.encode(row))
    except UnicodeEncodeError:
        raise CallerError(bad_request("", "A definition holds what is no text.")) from None
    if size > NAMESPACE_LIMIT_BYTES:
        raise CallerError(CallerFault(413, f"A namespace has at most {NAMESPACE_LIMIT_BYTES} bytes, as JSON."))
    return row
