"""The kinds of row that identity keeps and what is true of each: the one table that its rules are made of.

Pure. A kind says where its names are unique, what its fields refer to, and what may be changed later. What a row
refers to must exist; when that goes, the row goes too (`OWNED`), or the deletion is refused (`KEPT`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from actors.records import (
    ApplicationCredential,
    CatalogEndpoint,
    CatalogRegion,
    CatalogService,
    Credential,
    Domain,
    Group,
    ImpliedRole,
    Project,
    Role,
    RoleAssignment,
    Trust,
    User,
)

Row = (
    Domain
    | Project
    | User
    | Group
    | Role
    | ImpliedRole
    | RoleAssignment
    | CatalogRegion
    | CatalogService
    | CatalogEndpoint
    | ApplicationCredential
    | Credential
    | Trust
)
ROW_TYPES: tuple[type[Row], ...] = Row.__args__
Bond = Literal["owned", "kept"]


@dataclass(frozen=True, slots=True)
class Kind:
    record: type[Row]
    names_in: str | None = ""  # the field whose value has each name once; '' = the whole cloud; None = names repeat
    refers: Mapping[str, tuple[type[Row], Bond]] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()  # fields that stay as they were made
    open: tuple[str, ...] = ()  # of what it refers to, fields that may be empty


KINDS: dict[str, Kind] = {
    "domain": Kind(Domain),
    "project": Kind(
        Project,
        "domain_id",
        {"domain_id": (Domain, "owned"), "parent_id": (Project, "kept")},
        ("domain_id", "parent_id"),
        ("parent_id",),
    ),
    "user": Kind(User, "domain_id", {"domain_id": (Domain, "owned")}, ("domain_id", "password_hash")),
    "group": Kind(Group, "domain_id", {"domain_id": (Domain, "owned")}, ("domain_id", "user_ids")),
    "role": Kind(Role, "domain_id", {"domain_id": (Domain, "owned")}, ("domain_id",), ("domain_id",)),
    "region": Kind(CatalogRegion, None, {"parent_region_id": (CatalogRegion, "kept")}, open=("parent_region_id",)),
    "service": Kind(CatalogService, None),
    "endpoint": Kind(
        CatalogEndpoint,
        None,
        {"service_id": (CatalogService, "owned"), "region_id": (CatalogRegion, "kept")},
        open=("region_id",),
    ),
    "application_credential": Kind(
        ApplicationCredential,
        "user_id",
        {"user_id": (User, "owned"), "project_id": (Project, "owned")},
        ("name", "user_id", "project_id", "secret_hash", "role_ids", "expires_at", "unrestricted", "description"),
    ),
    "credential": Kind(
        Credential,
        None,
        {"user_id": (User, "owned"), "project_id": (Project, "owned")},
        ("user_id", "type", "project_id"),
        ("project_id",),
    ),
    "trust": Kind(
        Trust,
        None,
        {
            "trustor_user_id": (User, "owned"),
            "trustee_user_id": (User, "owned"),
            "project_id": (Project, "owned"),
            "redelegated_trust_id": (Trust, "owned"),
        },
        Trust.__struct_fields__,
        ("project_id", "redelegated_trust_id"),
    ),
}
OTHERS: tuple[Kind, ...] = (  # made by requests of their own
    Kind(
        RoleAssignment,
        None,
        {
            "role_id": (Role, "owned"),
            "user_id": (User, "owned"),
            "group_id": (Group, "owned"),
            "project_id": (Project, "owned"),
            "domain_id": (Domain, "owned"),
        },
    ),
    Kind(ImpliedRole, None, {"prior_role_id": (Role, "owned"), "implied_role_id": (Role, "owned")}),
)
BY_RECORD: dict[type[Row], Kind] = {kind.record: kind for kind in (*KINDS.values(), *OTHERS)}
NOUNS: dict[type[Row], str] = {kind.record: noun for noun, kind in KINDS.items()}
