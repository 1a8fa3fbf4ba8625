"""Paths with and without a project: /v3/{project}/volumes is /v3/volumes of that project.

Invariant: behind `ProjectPaths` no path has a project; one that was there stands in the request's state, and must be
the token's (`of_own_project`), as Cinder has it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.api.rest.context import Asking, Caller, base_url
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, CallerFault, bad_request

NOUNS = frozenset(
    (
        *("volumes", "snapshots", "attachments", "types", "limits", "os-quota-sets", "os-quota-class-sets"),
        *(
            "os-availability-zone",
            "os-services",
            "os-hosts",
            "scheduler-stats",
            "capabilities",
            "extensions",
            "messages",
        ),
        *("resource_filters", "default-types", "groups", "group_types", "group_snapshots", "backups"),
        *("volume-transfers", "os-volume-transfer", "qos-specs", "consistencygroups", "cgsnapshots", "clusters"),
    )
)


class ProjectPaths:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"]["url_project"] = ""
            parts = scope["path"].split("/")  # '', volume, v3, project or noun, …
            if len(parts) > 4 and parts[2] == "v3" and parts[3] not in NOUNS:
                scope["state"]["url_project"] = parts[3]
                scope = {**scope, "path": "/".join(parts[:3] + parts[4:])}
        await self._app(scope, receive, send)


async def of_own_project(request: Request, caller: Asking) -> None:
    """A dependency of every router. Raises `CallerError` 400 for the path of another project."""
    project = request.state.url_project
    if project and project != caller.context.project_id:
        raise CallerError(bad_request("", "Malformed request url"))


def since(minor: int) -> Callable[[Version], Awaitable[None]]:
    """A dependency: what the interface has since 3.`minor` is not there for who speaks an older version."""

    async def check(spoken: Spoken) -> None:
        if spoken < (3, minor):
            raise CallerError(CallerFault(404, "The resource could not be found."))

    return check


def service_url(request: Request, caller: Caller) -> str:
    """Where this caller's things are."""
    return f"{base_url(request)}/volume/v3/{caller.context.project_id}"


def links_of(request: Request, caller: Caller, path: str) -> list[dict[str, str]]:
    project = caller.context.project_id
    return [
        {"rel": "self", "href": f"{service_url(request, caller)}/{path}"},
        {"rel": "bookmark", "href": f"{base_url(request)}/volume/{project}/{path}"},
    ]
