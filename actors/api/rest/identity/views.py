"""Identity's rows as Keystone shows them. Pure: row and URL of the service in, body out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from actors.api.rest.identity.catalog import catalog, filled
from actors.identity.messages import CredentialView, Shown, TokenDescription, UserView
from actors.records import (
    ApplicationCredential,
    CatalogEndpoint,
    CatalogRegion,
    CatalogService,
    Domain,
    Group,
    Project,
    Role,
    Trust,
)


def moment(at: float) -> str:
    """As Keystone writes times: microseconds and Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def linked(body: dict[str, Any], url: str) -> dict[str, Any]:
    return {**body, "links": {"self": url}}


def row_view(row: Shown, v3: str) -> dict[str, Any]:
    """`v3` is the URL of the service's version, without a slash at the end."""
    match row:
        case Domain():
            body = {"id": row.id, "name": row.name, "description": row.description, "enabled": row.enabled}
            return linked(body | {"tags": [], "options": row.options}, f"{v3}/domains/{row.id}")
        case Project():
            return linked(_project(row), f"{v3}/projects/{row.id}")
        case UserView():
            return linked(_user(row), f"{v3}/users/{row.id}")
        case Group():
            body = {"id": row.id, "name": row.name, "domain_id": row.domain_id, "description": row.description}
            return linked(body, f"{v3}/groups/{row.id}")
        case Role():
            body = {"id": row.id, "name": row.name, "domain_id": row.domain_id or None}
            body |= {"description": row.description or None}
            return linked(body | {"options": row.options}, f"{v3}/roles/{row.id}")
        case CatalogRegion():
            parent = row.parent_region_id or None
            body = {"id": row.id, "description": row.description, "parent_region_id": parent}
            return linked(body, f"{v3}/regions/{row.id}")
        case CatalogService():
            body = {"id": row.id, "type": row.type, "name": row.name, "description": row.description}
            return linked(body | {"enabled": row.enabled}, f"{v3}/services/{row.id}")
        case CatalogEndpoint():
            return linked(_endpoint(row, v3.removesuffix("/identity/v3")), f"{v3}/endpoints/{row.id}")
        case CredentialView():
            body = {"id": row.id, "user_id": row.user_id, "project_id": row.project_id or None}
            return linked(body | {"type": row.type, "blob": row.blob}, f"{v3}/credentials/{row.id}")
        case ApplicationCredential():
            url = f"{v3}/users/{row.user_id}/application_credentials/{row.id}"
            return linked(_credential(row), url)
        case Trust():
            return linked(_trust(row), f"{v3}/OS-TRUST/trusts/{row.id}")


def token_view(described: TokenDescription, edge: str, with_catalog: bool = True) -> dict[str, Any]:
    """The body of `POST` and `GET /auth/tokens`."""
    context = described.context
    domain = described.user_domain
    user = {"id": context.user_id, "name": context.user_name, "password_expires_at": None}
    body: dict[str, Any] = {
        "methods": list(context.methods),
        "user": user | {"domain": {"id": domain.id, "name": domain.name}},
        "audit_ids": [context.token_id[:22]],
        "issued_at": moment(context.issued_at),
        "expires_at": moment(context.expires_at),
    }
    if not context.is_scoped:
        return body
    body |= _scope(described)
    body["roles"] = [{"id": role.id, "name": role.name} for role in described.roles]
    if context.credential_id:
        body["application_credential"] = {"id": context.credential_id, "restricted": context.restricted}
    if trust := described.trust:
        body["OS-TRUST:trust"] = {
            "id": trust.id,
            "trustor_user": {"id": trust.trustor_user_id},
            "trustee_user": {"id": trust.trustee_user_id},
            "impersonation": trust.impersonation,
        }
    if with_catalog:
        body["catalog"] = catalog(described.catalog, context, edge)
    return body


def listed(collection: str, rows: Sequence[Any], url: str) -> dict[str, Any]:
    return {collection: list(rows), "links": {"self": url, "previous": None, "next": None}}


def _scope(described: TokenDescription) -> dict[str, Any]:
    context, domain = described.context, described.project_domain
    if context.system:
        return {"system": {"all": True}}
    if context.domain_id:
        return {"domain": {"id": context.domain_id, "name": context.domain_name}}
    inside = {"id": domain.id, "name": domain.name} if domain else {"id": context.project_domain_id, "name": ""}
    project = {"id": context.project_id, "name": context.project_name, "domain": inside}
    return {"project": project, "is_domain": False}


def _project(row: Project) -> dict[str, Any]:
    return row.extra | {
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "description": row.description,
        "enabled": row.enabled,
        "parent_id": row.parent_id or row.domain_id,
        "is_domain": False,
        "tags": list(row.tags),
        "options": row.options,
    }


def _user(row: UserView) -> dict[str, Any]:
    body: dict[str, Any] = row.extra | {
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "enabled": row.enabled,
        "options": row.options,
        "password_expires_at": None,
    }
    for name in ("description", "email", "default_project_id"):
        if value := getattr(row, name):
            body[name] = value
    return body


def _endpoint(row: CatalogEndpoint, edge: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "service_id": row.service_id,
        "interface": row.interface,
        "region": row.region_id or None,
        "region_id": row.region_id or None,
        "url": filled(row.url, edge),
        "enabled": row.enabled,
    }


def _credential(row: ApplicationCredential) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description or None,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "unrestricted": row.unrestricted,
        "expires_at": moment(row.expires_at).removesuffix("Z") if row.expires_at else None,
        "system": None,
    }


def _trust(row: Trust) -> dict[str, Any]:
    """Without its roles, of which a list shows none."""
    return {
        "id": row.id,
        "trustor_user_id": row.trustor_user_id,
        "trustee_user_id": row.trustee_user_id,
        "project_id": row.project_id or None,
        "impersonation": row.impersonation,
        "expires_at": moment(row.expires_at) if row.expires_at else None,
        "remaining_uses": row.remaining_uses if row.remaining_uses >= 0 else None,
        "redelegated_trust_id": row.redelegated_trust_id or None,
        "redelegation_count": row.redelegation_count,
        "deleted_at": None,
    }
