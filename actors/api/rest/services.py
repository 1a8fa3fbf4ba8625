"""What every service's application begins with."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from actors.api.rest import faults
from actors.api.rest.documents import document
from actors.api.rest.faults import Form
from actors.api.rest.microversions import Microversions, Negotiation
from actors.api.rest.rooms import EdgeRooms


def new_service(title: str, rooms: EdgeRooms, form: Form, microversions: Microversions | None = None) -> FastAPI:
    """An empty application that refuses in `form` and negotiates `microversions`, if the service has any."""
    app = FastAPI(title=title, openapi_url="/openapi.json", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.openapi = partial(document, app, form)  # type: ignore[method-assign]
    app.state.rooms = rooms
    faults.install(app, form)
    if microversions is not None:
        app.add_middleware(Negotiation, microversions=microversions, form=form)
    return app
