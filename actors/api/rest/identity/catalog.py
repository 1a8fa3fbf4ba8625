"""The service catalog as a token's answer and `/auth/catalog` show it: placeholders become where things are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.identity.messages import ServiceEntry
from actors.messages import AuthContext
from actors.records import CatalogEndpoint

EDGE = "$(edge)s"


def filled(url: str, edge: str, context: AuthContext | None = None) -> str:
    """'' where the URL needs a project and the token has none: that endpoint is not for this token."""
    found = url.replace(EDGE, edge)
    if context is None:
        return found
    known = {"project_id": context.project_id, "tenant_id": context.project_id, "user_id": context.user_id}
    for name, value in known.items():
        for spelled in (f"$({name})s", f"%({name})s"):
            if spelled in found and not value:
                return ""
            found = found.replace(spelled, value)
    return found


def catalog(entries: Sequence[ServiceEntry], context: AuthContext, edge: str) -> list[dict[str, Any]]:
    return [
        {
            "id": entry.service.id,
            "type": entry.service.type,
            "name": entry.service.name,
            "endpoints": [_endpoint(one, url) for one in entry.endpoints if (url := filled(one.url, edge, context))],
        }
        for entry in entries
    ]


def _endpoint(row: CatalogEndpoint, url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "interface": row.interface,
        "region": row.region_id or None,
        "region_id": row.region_id or None,
        "url": url,
    }
