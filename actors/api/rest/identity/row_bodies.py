"""What is taken for rows of each kind: the fields that a request may set. What Keystone ignores is ignored."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from actors.api.rest.bodies import Lenient, Name

Text = Annotated[str, StringConstraints(max_length=65_535)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Tags = list[Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^,/]+$")]]
PROTECTING = ("lock_password", "multi_factor_auth_enabled", "multi_factor_auth_rules")  # options of Keystone's users


def promises_nothing(options: dict[str, Any]) -> dict[str, Any]:
    """An option without effect is passed over, but not one that somebody relies on."""
    asked = [name for name in PROTECTING if options.get(name)]
    if asked:
        raise ValueError(f"users have no option {asked[0]} here")
    return options


class DomainBody(Lenient):
    name: Name | None = None
    description: Text | None = None
    enabled: bool | None = None


class ProjectBody(Lenient):
    name: Name | None = None
    domain_id: Id | None = None
    parent_id: Id | None = None
    description: Text | None = None
    enabled: bool | None = None
    tags: Tags | None = None


class UserBody(Lenient):
    name: Name | None = None
    domain_id: Id | None = None
    default_project_id: Id | None = None
    description: Text | None = None
    email: Text | None = None
    enabled: bool | None = None
    password: Annotated[str, StringConstraints(max_length=4_096)] | None = None
    options: Annotated[dict[str, Any], AfterValidator(promises_nothing)] | None = Field(default=None, exclude=True)


class GroupBody(Lenient):
    name: Name | None = None
    domain_id: Id | None = None
    description: Text | None = None


class RoleBody(Lenient):
    name: Name | None = None
    description: Text | None = None


class RegionBody(Lenient):
    id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    description: Text | None = None
    parent_region_id: Annotated[str, StringConstraints(max_length=255)] | None = None


class ServiceBody(Lenient):
    type: Name | None = None
    name: Text | None = None
    description: Text | None = None
    enabled: bool | None = None


class EndpointBody(Lenient):
    service_id: Id | None = None
    interface: Name | None = None
    url: Text | None = None
    region_id: Annotated[str, StringConstraints(max_length=255)] | None = None
    enabled: bool | None = None
