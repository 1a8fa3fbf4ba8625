"""What is taken for rows of each kind: the fields that a request may set. What Keystone ignores is ignored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints

from actors.api.rest.bodies import Lenient, Name
from actors.identity.draft import TAGS_LIMIT

TAG = r"^[^,/]+$"
Text = Annotated[str, StringConstraints(max_length=65_535)]
ShortName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=TAG)]


def _unique(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise ValueError("a tag is there twice")
    return tags


Tags = Annotated[list[Tag], Field(max_length=TAGS_LIMIT), AfterValidator(_unique)]
Option = Annotated[str, StringConstraints(max_length=64)]
Rules = list[list[Annotated[str, StringConstraints(max_length=64)]]]
Options = dict[Option, StrictBool | Rules | None]  # of each kind: `actors/identity/options.py`


class DomainBody(Lenient):
    name: ShortName | None = None
    description: Text | None = None
    enabled: StrictBool | None = None
    options: Options | None = None


class Extensible(Lenient):
    """Fields of one's own are kept and shown: `actors/identity/extras.py`."""

    model_config = ConfigDict(extra="allow")


class ProjectBody(Extensible):
    """No project acts as a domain here: those are made as what they are."""

    name: ShortName | None = None
    domain_id: Id | None = None
    parent_id: Id | None = None
    description: Text | None = None
    enabled: StrictBool | None = None
    tags: Tags | None = None
    is_domain: Literal[False] | None = Field(default=None, exclude=True)
    options: Options | None = None


class UserBody(Extensible):
    name: Name | None = None
    domain_id: Id | None = None
    default_project_id: Id | None = None
    description: Text | None = None
    email: Text | None = None
    enabled: StrictBool | None = None
    password: Annotated[str, StringConstraints(max_length=4_096)] | None = None
    options: Options | None = None


class GroupBody(Lenient):
    name: Name | None = None
    domain_id: Id | None = None
    description: Text | None = None


class RoleBody(Lenient):
    name: Name | None = None
    description: Text | None = None
    domain_id: Id | None = None
    options: Options | None = None


class RegionBody(Lenient):
    id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    description: Text | None = None
    parent_region_id: Annotated[str, StringConstraints(max_length=255)] | None = None


class ServiceBody(Lenient):
    type: Name | None = None
    name: Text | None = None
    description: Text | None = None
    enabled: StrictBool | None = None


class EndpointBody(Lenient):
    """`region` is the older way to say a region, which is then made if it isn't there."""

    service_id: Id | None = None
    interface: Name | None = None
    url: Text | None = None
    region_id: Annotated[str, StringConstraints(max_length=255)] | None = None
    region: Annotated[str, StringConstraints(max_length=255)] | None = None
    enabled: StrictBool | None = None
