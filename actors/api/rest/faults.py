"""Refusals as answers: each service has an error body of its own, and clients read their messages from it.

A service installs its form once; routers raise `CallerError` (or let `value_of` do so) and never build an error body.
Invariant: no answer says what went wrong inside; a bug is a 500 with the request's id, and the log has the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from actors.api.rest.answers import Json
from actors.errors import CallerError, CallerFault, HostError

AWAY = "The service is restarting; try again in a moment."
BROKEN = "An unexpected error prevented the server from fulfilling your request."
LOGIN = "The request you have made requires authentication."
NOWHERE = "The resource could not be found."
RETRY_AFTER_S = 1

NOVA_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    message: str
    field: str = ""
    request_id: str = ""
    kind: str = ""  # as `CallerFault.kind`

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase


Form = Callable[[Refusal], Any]  # a service's error body


def nova_form(refusal: Refusal) -> Any:
    """Compute's and block storage's."""
    name = NOVA_NAMES.get(refusal.status, "computeFault")
    return {name: {"code": refusal.status, "message": refusal.message}}


def keystone_form(refusal: Refusal) -> Any:
    return {"error": {"code": refusal.status, "title": refusal.title, "message": refusal.message}}


def neutron_form(refusal: Refusal) -> Any:
    """The type is the fault's own kind (NetworkNotFound, OverQuota), or what its status alone says (HTTPBadRequest)."""
    plain = "PolicyNotAuthorized" if refusal.status == HTTPStatus.FORBIDDEN else "HTTP" + refusal.title.replace(" ", "")
    kind = refusal.kind or plain
    return {"NeutronError": {"type": kind, "message": refusal.message, "detail": ""}}


def glance_form(refusal: Refusal) -> Any:
    return {
        "message": f"{escape(refusal.message, quote=False)}<br /><br />\n\n\n",
        "code": f"{refusal.status} {refusal.title}",
        "title": refusal.title,
    }


def glance_page(refusal: Refusal) -> str:
    """The same for whoever takes anything: glanceclient, for one, reads no JSON but of other forms."""
    status = f"{refusal.status} {refusal.title}"
    head = f"<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  "
    return f"{head}{glance_form(refusal)['message']}\n </body>\n</html>"


def placement_form(refusal: Refusal) -> Any:
    error = {
        "status": refusal.status,
        "title": refusal.title,
        "detail": refusal.message,
        "code": refusal.kind or "placement.undefined_code",
        "request_id": refusal.request_id,
    }
    return {"errors": [error]}


def refused(request: Request, form: Form, fault: CallerFault) -> Response:
    """The answer for a fault. A 401 has identity's form in every service, and says where to log in."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if fault.status in (413, 429, 503) else {}
    if fault.status == HTTPStatus.UNAUTHORIZED:
        form = keystone_form
        headers = {"WWW-Authenticate": f'Keystone uri="{request.url.scheme}://{request.url.netloc}/identity"'}
    request_id = getattr(request.state, "request_id", "")
    refusal = Refusal(fault.status, _message(fault), fault.field, request_id, fault.kind)
    if form is glance_form and "json" not in request.headers.get("accept", ""):
        return HTMLResponse(glance_page(refusal), fault.status, headers)
    return Json(form(refusal), status_code=fault.status, headers=headers)


def install(app: FastAPI, form: Form) -> None:
    """Every refusal of this service, whoever raises it, is answered in its form."""
    app.state.form = form

    async def caller_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CallerError)
        return refused(request, form, error.fault)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refused(request, form, _first_fault(error))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.scope["raw_path"].endswith(b"/"):
            return refused(request, form, CallerFault(404, NOWHERE))  # meant is one of many, whose id is empty
        return refused(request, form, CallerFault(error.status_code, str(error.detail)))

    async def away(request: Request, _: Exception) -> Response:
        return refused(request, form, CallerFault(503, AWAY))

    async def bug(request: Request, _: Exception) -> Response:
        return refused(request, form, CallerFault(500, BROKEN))

    app.add_exception_handler(CallerError, caller_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(ConnectionError, away)
    app.add_exception_handler(HostError, bug)
    app.add_exception_handler(Exception, bug)


def _message(fault: CallerFault) -> str:
    """May name what was sent, of which not all is text that an answer can carry."""
    return _said(fault).encode(errors="replace").decode()


def _said(fault: CallerFault) -> str:
    if fault.field and fault.status in (400, 409) and fault.field not in fault.message:
        return f"Invalid input for {fault.field}: {fault.message}" if fault.status == 400 else fault.message
    return fault.message


def _first_fault(error: RequestValidationError) -> CallerFault:
    """Says where, never what was sent: it may be a password."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return CallerFault(400, "The request body is not valid JSON.")
    where = ".".join(str(part) for part in first["loc"][1:])
    return CallerFault(400, f"Invalid input for field/attribute {where or 'body'}: {first['msg']}")
