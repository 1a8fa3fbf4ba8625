"""What clients send of definitions, and what Glance's files of them hold, read into drafts. Pure.

Forms are Glance's: docs.openstack.org/api-ref/image, «Metadata Definitions». A name that it does not know is refused
at every depth, which Glance does in some places and answers others with a 500. Every reader takes where it is in the
body and a value, and raises `CallerError` 400.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from actors.errors import CallerError, bad_request, forbidden
from actors.image.metadefs.messages import AssociationDraft, NamespaceDraft, ObjectDraft, Property
from actors.image.rules import is_storable

NAME_LIMIT = 80  # characters; so too of a prefix, a target and a name to show
DESCRIPTION_LIMIT = 500  # of a namespace
OWNER_LIMIT = 255
TEXT_LIMIT = 65_535  # of any other text
PARTS_LIMIT = 1_000  # of one kind in a namespace
TYPES = ("array", "boolean", "integer", "number", "object", "string")
VISIBILITIES = ("public", "private")
LINKS, TIMES = ("self", "schema"), ("created_at", "updated_at")  # what the service alone says
OWN = (*LINKS, *TIMES)

Reader = Callable[[str, Any], Any]


def refusal(where: str, message: str) -> CallerError:
    return CallerError(bad_request(where, f"{where or 'The body'} {message}."))


# ---------------------------------------------------------------- single values


def text(limit: int) -> Reader:
    def read(where: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit or not is_storable(value):
            raise refusal(where, f"must be a text of at most {limit} characters")
        return value

    return read


def name(where: str, value: Any) -> str:
    """A slash would be the end of a name in a path."""
    if not isinstance(value, str) or not 1 <= len(value) <= NAME_LIMIT or not value.isprintable() or "/" in value:
        raise refusal(
            where, f"must be a text of 1 to {NAME_LIMIT} characters that can be printed, none of them a slash"
        )
    return value


def one_of(values: tuple[str, ...]) -> Reader:
    def read(where: str, value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise refusal(where, f"must be one of {', '.join(values)}")
        return value

    return read


def flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refusal(where, "must be true or false")
    return value


def number(where: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_kept(value):
        raise refusal(where, "must be a number of at most 64 bits")
    return value


def count(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0 or not _is_kept(value):
        raise refusal(where, "must be a whole number from 0 on")
    return value


def as_text(where: str, value: Any) -> str:
    """Glance keeps a default as text, whatever the property's type: 2 is "2", true is "True"."""
    if isinstance(value, str):
        said: str = text(TEXT_LIMIT)(where, value)
        return said
    if not isinstance(value, bool | int | float):
        raise refusal(where, "must be a text, a number, true or false")
    return str(value) if isinstance(value, bool) else str(number(where, value))


def many(one: Reader) -> Reader:
    def read(where: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > PARTS_LIMIT:
            raise refusal(where, f"must be a list of at most {PARTS_LIMIT}")
        return [one(f"{where}[{place}]", item) for place, item in enumerate(value)]

    return read


def different(where: str, value: Any) -> list[str]:
    texts: list[str] = TEXTS(where, value)
    if len(set(texts)) < len(texts):
        raise refusal(where, "must not have a text twice")
    return texts


def _is_kept(value: int | float) -> bool:
    return -(2**63) <= value < 2**63 if isinstance(value, int) else isfinite(value)


# ---------------------------------------------------------------- objects


def fields(readers: Mapping[str, Reader], required: tuple[str, ...] = ()) -> Callable[[str, Any], dict[str, Any]]:
    """An object of these fields and no others."""

    def read(where: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refusal(where, "must be an object")
        for key in required:
            if key not in value:
                raise refusal(_inside(where, key), "is required")
        for key in value:
            if key not in readers:
                raise refusal(where, f"has no field {key[:NAME_LIMIT]!r}")
        return {key: readers[key](_inside(where, key), item) for key, item in value.items()}

    return read


def as_shown(readers: Mapping[str, Reader], required: tuple[str, ...]) -> Reader:
    """A part within a namespace's body. Clients send back what they were shown: what is the service's is left out."""
    read = fields({**readers, **dict.fromkeys(OWN, ignored)}, required)

    def kept(where: str, value: Any) -> dict[str, Any]:
        return {key: item for key, item in read(where, value).items() if key not in OWN}

    return kept


def ignored(where: str, value: Any) -> None:
    return None


def by_name(one: Reader) -> Reader:
    def read(where: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > PARTS_LIMIT:
            raise refusal(where, f"must be an object of at most {PARTS_LIMIT}")
        return {name(f"{where}, a name", key): one(f"{where}.{key[:NAME_LIMIT]}", item) for key, item in value.items()}

    return read


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


SHORT, TEXT = text(NAME_LIMIT), text(TEXT_LIMIT)
TEXTS = many(TEXT)
PROPERTY: dict[str, Reader] = {
    "name": name,
    "title": TEXT,
    "description": TEXT,
    "type": one_of(TYPES),
    "operators": TEXTS,
    "required": different,
    "default": as_text,
    "readonly": flag,
    "confidential": flag,
    "minimum": number,
    "maximum": number,
    "enum": TEXTS,
    "pattern": TEXT,
    "minLength": count,
    "maxLength": count,
    "items": fields({"type": one_of(TYPES), "enum": TEXTS}, ("type",)),
    "uniqueItems": flag,
    "minItems": count,
    "maxItems": count,
    "additionalItems": flag,
}
PROPERTIES = by_name(fields(PROPERTY, ("title", "type")))
ASSOCIATION: dict[str, Reader] = {"name": name, "prefix": SHORT, "properties_target": SHORT}
OBJECT: dict[str, Reader] = {"name": name, "description": TEXT, "required": different, "properties": PROPERTIES}
TAG: dict[str, Reader] = {"name": name}
NAMESPACE: dict[str, Reader] = {
    "namespace": name,
    "display_name": SHORT,
    "description": text(DESCRIPTION_LIMIT),
    "visibility": one_of(VISIBILITIES),
    "protected": flag,
    "owner": text(OWNER_LIMIT),
    "resource_type_associations": many(as_shown(ASSOCIATION, ("name",))),
    "properties": PROPERTIES,
    "objects": many(as_shown(OBJECT, ("name",))),
    "tags": many(as_shown(TAG, ("name",))),
}


# ---------------------------------------------------------------- whole bodies


def namespace_draft(body: Any) -> NamespaceDraft:
    """Raises `CallerError`: 400, or 403 for what the service alone says; so do the others."""
    read = _body(NAMESPACE, "namespace", OWN, body)
    return NamespaceDraft(
        associations=tuple(AssociationDraft(**one) for one in read.pop("resource_type_associations", ())),
        objects=tuple(_object(one) for one in read.pop("objects", ())),
        tags=tuple(one["name"] for one in read.pop("tags", ())),
        **read,
    )


def object_draft(body: Any) -> ObjectDraft:
    return _object(_body(OBJECT, "name", OWN, body))


def property_draft(body: Any) -> tuple[str, Property]:
    """Its name, and all that it says, with its name."""
    read = _body(PROPERTY, "name", TIMES, body, "title", "type")
    return read["name"], read


def association_draft(body: Any) -> AssociationDraft:
    return AssociationDraft(**_body(ASSOCIATION, "name", TIMES, body))


def tag_name(body: Any) -> str:
    said: str = _body(TAG, "name", TIMES, body)["name"]
    return said


def tag_names(body: Any) -> tuple[str, ...]:
    read = _body({"tags": many(fields(TAG, ("name",)))}, "tags", TIMES, body)
    return tuple(one["name"] for one in read["tags"])


def _object(read: dict[str, Any]) -> ObjectDraft:
    return ObjectDraft(**read | {"required": tuple(read.get("required", ()))})


def _body(readers: Mapping[str, Reader], key: str, own: tuple[str, ...], body: Any, *more: str) -> dict[str, Any]:
    for reserved in own:
        if isinstance(body, dict) and reserved in body:
            raise CallerError(forbidden(f"Attribute '{reserved}' is read-only."))
    return fields(readers, (key, *more))("", body)
