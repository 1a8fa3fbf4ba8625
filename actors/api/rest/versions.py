"""Version documents: what a client reads first, without a token, to find out what a service speaks.

Each service says its own in the form that its clients know; the parts that are alike are made here.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import base_url

UPDATED = "2026-01-01T00:00:00Z"  # when the interface last changed: clients show it and do nothing with it


def links(href: str) -> list[dict[str, str]]:
    return [{"rel": "self", "href": href}]


def serve_document(app: FastAPI, path: str, document: Any, status: int = 200) -> None:
    """`document` makes the body from the URL at which the service is reached."""

    async def answer(request: Request) -> Json:
        return Json(document(f"{base_url(request)}{request.scope['root_path']}"), status_code=status)

    app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)
