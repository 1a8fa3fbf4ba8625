"""What an application's OpenAPI document says of its answers, the same for each of its routes.

Called when the document is asked for. Routers declare what they take; what all of a service's routes refuse with is
said here once, and what the main resources look like in `shapes/`. Invariant: an answer that the document doesn't
have is a bug, and the suite's fuzzer looks for one.
"""

from __future__ import annotations

import warnings
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from actors.api.rest.faults import (
    NOVA_NAMES,
    Form,
    glance_form,
    keystone_form,
    neutron_form,
    nova_form,
    placement_form,
)

Schema = dict[str, Any]

TEXT, STATUS = {"type": "string"}, {"type": "integer", "minimum": 400, "maximum": 599}
VALIDATION = ("HTTPValidationError", "ValidationError")  # FastAPI's own, which no service here answers with


def _exactly(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


NOVA_FAULTS = dict.fromkeys([*NOVA_NAMES.values(), "computeFault"], _exactly(code=STATUS, message=TEXT))
ERRORS: dict[Form, Schema] = {
    nova_form: {
        "type": "object",
        "properties": NOVA_FAULTS,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    },
    keystone_form: _exactly(error=_exactly(code=STATUS, title=TEXT, message=TEXT)),
    neutron_form: _exactly(NeutronError=_exactly(type=TEXT, message=TEXT, detail=TEXT)),
    glance_form: _exactly(message=TEXT, code=TEXT, title=TEXT),
    placement_form: _exactly(
        errors={
            "type": "array",
            "minItems": 1,
            "items": _exactly(status=STATUS, title=TEXT, detail=TEXT, code=TEXT, request_id=TEXT),
        }
    ),
}


def document(app: FastAPI, form: Form) -> Schema:
    """The document of the application, made once."""
    if app.openapi_schema is None:
        from actors.api.rest.shapes import BODIES, QUERIES  # of every service, and some of them are made from services

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Duplicate Operation ID")  # each gets its verb here
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        bodies, queries = BODIES.get(app.title, {}), QUERIES.get(app.title, {})
        for path, verbs in made["paths"].items():
            for verb, operation in verbs.items():
                route = f"{verb.upper()} {path}"
                operation["operationId"] += f"_{verb}"  # a route of several verbs has one name for all
                operation["responses"] = _answers(form, bodies.get(route), bodiless=verb == "head")
                _ask(operation, queries.get(route, {}))
        for name in VALIDATION:
            made.get("components", {}).get("schemas", {}).pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema


def _ask(operation: Schema, query: Schema) -> None:
    """Add what may be asked for in the query and the route does not say itself."""
    said = operation.setdefault("parameters", [])
    known = {(parameter["in"], parameter["name"]) for parameter in said}
    said += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in query.items()
        if ("query", name) not in known
    ]


def _answers(form: Form, body: Schema | None, *, bodiless: bool) -> Schema:
    """A 401 has identity's form in every service; `body` is what a success has, None where that may be anything."""
    refusal = _answer("Refused, and nothing has changed", ERRORS[form], bodiless)
    done = "Done, or accepted"
    return {
        "2XX": {"description": done} if body is None else _answer(done, body, bodiless),
        "401": _answer("No valid token", ERRORS[keystone_form], bodiless),
        "4XX": refusal,
        "501": _answer("This cloud does not do that", ERRORS[form], bodiless),
        "503": _answer("Try again in a moment", ERRORS[form], bodiless),
    }


def _answer(description: str, schema: Schema, bodiless: bool) -> Schema:
    content = {} if bodiless else {"content": {"application/json": {"schema": schema}}}
    return {"description": description, **content}
