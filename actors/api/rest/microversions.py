"""Microversions: which version of its interface a service speaks with a request.

A service adds `Negotiation` as middleware; its routes ask for `Spoken` and compare it (`version >= (2, 19)`). Every
answer says the version that was spoken. Facts: the API special interest group's guideline on microversions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, NamedTuple, cast

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.api.rest.faults import Form, refused
from actors.errors import CallerError, CallerFault, bad_request

HEADER = "OpenStack-API-Version"
_VERSION = re.compile(r"([1-9]\d{0,3})\.(0|[1-9]\d{0,3})")


class Version(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Microversions:
    """What a service speaks: `minimum` to `maximum`, and `minimum` where a request doesn't say."""

    service_type: str
    minimum: Version
    maximum: Version
    legacy_header: str = ""  # compute's own, older than the common one
    aliases: tuple[str, ...] = ()  # other types of the service by which clients say a version

    def negotiate(self, headers: Headers) -> Version:
        """Raises `CallerError`: 400 for what is no version, 406 for one that isn't spoken."""
        wanted = self._wanted(headers)
        if not wanted:
            return self.minimum
        if wanted == "latest":
            return self.maximum
        match = _VERSION.fullmatch(wanted)
        if match is None:
            raise CallerError(bad_request("", f"API Version String {wanted[:40]!r} is of invalid format."))
        version = Version(int(match[1]), int(match[2]))
        if not self.minimum <= version <= self.maximum:
            message = (
                f"Version {version} is not supported by the API. "
                f"Minimum is {self.minimum} and maximum is {self.maximum}."
            )
            raise CallerError(CallerFault(406, message))
        return version

    @cache  # noqa: B019 - there are a few, for as long as the process lives
    def headers(self, version: Version | None) -> list[tuple[bytes, bytes]]:
        """What an answer says of the version that was spoken; None where none was agreed on."""
        spoken = [(HEADER, f"{self.service_type} {version}"), (self.legacy_header, str(version))]
        vary = [("vary", name) for name, _ in spoken if name]
        said = [(name, value) for name, value in spoken if name and version is not None]
        return [(name.lower().encode(), value.encode()) for name, value in (*vary, *said)]

    def _wanted(self, headers: Headers) -> str:
        """The common header names the service: several may stand in it, and the last of ours counts."""
        wanted = ""
        for one in ",".join(headers.getlist(HEADER)).split(","):
            service, _, version = one.strip().partition(" ")
            if service.lower() in (self.service_type, *self.aliases):
                wanted = version.strip()
        return wanted or (headers.get(self.legacy_header, "") if self.legacy_header else "")


class Negotiation:
    """Middleware: agrees on the version before anything else, and says it in every answer."""

    def __init__(self, app: ASGIApp, microversions: Microversions, form: Form) -> None:
        self._app = app
        self._microversions = microversions
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            version = self._microversions.negotiate(Headers(scope=scope))
        except CallerError as error:
            await refused(Request(scope), self._form, error.fault)(scope, receive, self._saying(None, send))
            return
        scope["state"]["microversion"] = version
        await self._app(scope, receive, self._saying(version, send))

    def _saying(self, version: Version | None, send: Send) -> Send:
        said = self._microversions.headers(version)

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *said]
            await send(message)

        return saying


async def spoken_version(request: Request) -> Version:
    return cast(Version, request.state.microversion)


Spoken = Annotated[Version, Depends(spoken_version)]


def gone_since(major: int, minor: int) -> Any:
    """A route's first dependency: whoever speaks this version or a newer one finds nothing there, whoever it is."""

    async def check(spoken: Spoken) -> None:
        if spoken >= (major, minor):
            raise CallerError(CallerFault(404, "The resource could not be found."))

    return Depends(check)
