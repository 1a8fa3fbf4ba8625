"""Request ids: each request gets one, and may bring a global one that spans services.

The id is in the answer, and in what the request causes (stories, notifications, logs).
"""

from __future__ import annotations

import re
import uuid

from starlette.types import Scope

REQUEST_ID = "x-openstack-request-id"  # in an answer this service's own; in a request the global one
OLDER = {"compute": "x-compute-request-id"}  # service → by which name its older clients look for the same
_GLOBAL = re.compile(rb"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


def global_request_id(scope: Scope) -> str:
    """The one that the caller brought, '' if none or if it isn't of the form req-UUID."""
    for name, value in scope["headers"]:
        if name == b"x-openstack-request-id":
            return value.decode() if _GLOBAL.fullmatch(value) else ""
    return ""
