"""What identity answers with, by route, and what its lists may be asked for."""

from __future__ import annotations

from actors.api.rest.identity.families import ASKED
from actors.api.rest.shapes.terms import (
    FLAG,
    NULL,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    TIME,
    TIME_OR_NULL,
    Schema,
    exactly,
    rows,
)
from actors.api.rest.tag_filters import TAG_FILTERS

SELF = exactly({"self": TEXT})
NAMED = exactly({"id": TEXT, "name": TEXT})
IN_DOMAIN = exactly({"id": TEXT, "name": TEXT, "domain": NAMED})
OPTIONS = {"type": "object"}
EXTENSIBLE: Schema = {"additionalProperties": True}
FAMILY = {"type": ["object", "array", "null"]}
DOMAIN = exactly(
    {"id": TEXT, "name": TEXT, "description": TEXT, "enabled": FLAG, "tags": TEXTS, "options": OPTIONS, "links": SELF}
)
PROJECT = (
    exactly(
        {
            **dict.fromkeys(("id", "name", "domain_id", "description", "parent_id"), TEXT),
            "enabled": FLAG,
            "is_domain": FLAG,
            "tags": TEXTS,
            "options": OPTIONS,
            "links": SELF,
        },
        {"parents": FAMILY, "subtree": FAMILY},  # where one is asked for with them
    )
    | EXTENSIBLE
)
USER = (
    exactly(
        {
            "id": TEXT,
            "name": TEXT,
            "domain_id": TEXT,
            "enabled": FLAG,
            "options": OPTIONS,
            "password_expires_at": NULL,
            "links": SELF,
        },
        {"description": TEXT, "email": TEXT, "default_project_id": TEXT},
    )
    | EXTENSIBLE
)
GROUP = exactly({"id": TEXT, "name": TEXT, "domain_id": TEXT, "description": TEXT, "links": SELF})
ROLE = exactly(
    {
        "id": TEXT,
        "name": TEXT,
        "domain_id": TEXT_OR_NULL,
        "description": TEXT_OR_NULL,
        "options": OPTIONS,
        "links": SELF,
    }
)
REGION = exactly({"id": TEXT, "description": TEXT, "parent_region_id": TEXT_OR_NULL, "links": SELF})
SERVICE = exactly({"id": TEXT, "type": TEXT, "name": TEXT, "description": TEXT, "enabled": FLAG, "links": SELF})
INTERFACE = {"enum": ["public", "internal", "admin"]}
PLACE = {"id": TEXT, "interface": INTERFACE, "region": TEXT_OR_NULL, "region_id": TEXT_OR_NULL, "url": TEXT}
ENDPOINT = exactly({**PLACE, "service_id": TEXT, "enabled": FLAG, "links": SELF})
KEPT = {"id": TEXT, "user_id": TEXT, "project_id": TEXT_OR_NULL, "type": TEXT, "blob": TEXT}
CREDENTIAL = exactly({**KEPT, "links": SELF})
PAIR = exactly(
    {
        **dict.fromkeys(("user_id", "tenant_id"), TEXT),
        **dict.fromkeys(("access", "secret", "trust_id"), TEXT_OR_NULL),
        "links": SELF,
    }
)
CATALOG = rows(exactly({"id": TEXT, "type": TEXT, "name": TEXT, "endpoints": rows(exactly(PLACE))}))
TOKEN = exactly(
    {
        "methods": TEXTS,
        "user": exactly({"id": TEXT, "name": TEXT, "password_expires_at": TIME_OR_NULL, "domain": NAMED}),
        "audit_ids": TEXTS,
        "issued_at": TIME,
        "expires_at": TIME,
    },
    {
        "project": IN_DOMAIN,
        "is_domain": FLAG,
        "domain": NAMED,
        "system": exactly({"all": FLAG}),
        "roles": rows(NAMED),
        "catalog": CATALOG,
        "OS-TRUST:trust": exactly(
            {
                "id": TEXT,
                "trustor_user": exactly({"id": TEXT}),
                "trustee_user": exactly({"id": TEXT}),
                "impersonation": FLAG,
            }
        ),
        "application_credential": exactly({"id": TEXT, "restricted": FLAG}, {"name": TEXT}),
    },
)
SUMMARY: dict[str, Schema] = {
    **dict.fromkeys(("id", "trustor_user_id", "trustee_user_id"), TEXT),
    **dict.fromkeys(("project_id", "redelegated_trust_id"), TEXT_OR_NULL),
    "impersonation": FLAG,
    "expires_at": TIME_OR_NULL,
    "remaining_uses": {"type": ["integer", "null"]},
    "redelegation_count": {"type": "integer"},
    "deleted_at": NULL,
    "links": SELF,
}
ROWS = {
    "domains": ("domain", DOMAIN),
    "projects": ("project", PROJECT),
    "users": ("user", USER),
    "groups": ("group", GROUP),
    "roles": ("role", ROLE),
    "regions": ("region", REGION),
    "services": ("service", SERVICE),
    "endpoints": ("endpoint", ENDPOINT),
}
LIST_LINKS = exactly({"self": TEXT, "previous": TEXT_OR_NULL, "next": TEXT_OR_NULL})


def listed(noun: str, row: Schema) -> Schema:
    return exactly({noun: rows(row), "links": LIST_LINKS}, {"truncated": FLAG})


TRUST = exactly({**SUMMARY, "roles": rows(ROLE), "roles_links": LIST_LINKS})
TRUSTS = "/v3/OS-TRUST/trusts"
PAIRS = "/v3/users/{user_id}/credentials/OS-EC2"
BODIES: dict[str, Schema] = {
    "POST /v3/auth/tokens": exactly({"token": TOKEN}),
    "GET /v3/auth/tokens": exactly({"token": TOKEN}),
    "GET /v3/auth/catalog": listed("catalog", CATALOG["items"]),
    "GET /v3/auth/projects": listed("projects", PROJECT),
    "GET /v3/auth/domains": listed("domains", DOMAIN),
    "PUT /v3/regions/{row_id}": exactly({"region": REGION}),
    "GET /v3/credentials": listed("credentials", CREDENTIAL),
    "POST /v3/credentials": exactly({"credential": CREDENTIAL}),
    **{f"{verb} /v3/credentials/{{credential_id}}": exactly({"credential": CREDENTIAL}) for verb in ("GET", "PATCH")},
    f"GET {PAIRS}": listed("credentials", PAIR),
    f"POST {PAIRS}": exactly({"credential": PAIR}),
    f"GET {PAIRS}/{{access}}": exactly({"credential": PAIR}),
    f"GET {TRUSTS}": listed("trusts", exactly(SUMMARY)),
    f"POST {TRUSTS}": exactly({"trust": TRUST}),
    f"GET {TRUSTS}/{{trust_id}}": exactly({"trust": TRUST}),
    f"GET {TRUSTS}/{{trust_id}}/roles": exactly({"roles": rows(ROLE), "links": LIST_LINKS}),
    f"GET {TRUSTS}/{{trust_id}}/roles/{{role_id}}": exactly({"role": ROLE}),
    **{f"{verb} /v3/projects/{{project_id}}/tags": listed("tags", TEXT) for verb in ("GET", "PUT")},
    **{f"GET /v3/{noun}": listed(noun, row) for noun, (_, row) in ROWS.items()},
    **{f"POST /v3/{noun}": exactly({word: row}) for noun, (word, row) in ROWS.items()},
    **{f"GET /v3/{noun}/{{row_id}}": exactly({word: row}) for noun, (word, row) in ROWS.items()},
    **{f"PATCH /v3/{noun}/{{row_id}}": exactly({word: row}) for noun, (word, row) in ROWS.items()},
}
FILTERS = {
    "domains": ("name", "enabled"),
    "projects": ("name", "domain_id", "enabled", "parent_id", "is_domain", *sorted(TAG_FILTERS)),
    "users": ("name", "domain_id", "enabled"),
    "groups": ("name", "domain_id"),
    "roles": ("name", "domain_id"),
    "regions": ("parent_region_id",),
    "services": ("name", "type"),
    "endpoints": ("interface", "service_id", "region_id"),
}
QUERIES: dict[str, Schema] = {
    **{f"GET /v3/{noun}": dict.fromkeys((*names, "limit", "marker"), TEXT) for noun, names in FILTERS.items()},
    "GET /v3/projects/{row_id}": dict.fromkeys(ASKED, TEXT),
    "GET /v3/role_assignments": dict.fromkeys(
        (
            *("user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id", "scope.OS-INHERIT:inherited_to"),
            *("effective", "include_names"),
        ),
        TEXT,
    ),
    "GET /v3/credentials": dict.fromkeys(("user_id", "type"), TEXT),
    f"GET {TRUSTS}": dict.fromkeys(("trustor_user_id", "trustee_user_id"), TEXT),
}
