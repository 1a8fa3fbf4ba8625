"""A light client of any OpenStack cloud, for load: what it costs itself must not hide what the cloud costs.

Used by `openstack.py`. Speaks the oldest microversion, which every cloud has. Answers that a cloud may give under load
(busy, too many requests) are tried again as clients do; anything else that is unexpected is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import aiohttp

from benchmarks.openstack_login import Login, LoginError

BUSY = (429, 503)
BUSY_TRIES = 100  # times a cloud that says it is busy is asked again
BUSY_PAUSE_S = 0.5  # where it does not say how long
CONNECTIONS = 1_000
TIMEOUT_S = 300.0  # for one answer


class RefusedError(RuntimeError):
    """The cloud answered something that was not expected."""


class OpenStack:
    """Use it as an asynchronous context manager: it logs in at its beginning."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._endpoints: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        self.project_id = ""
        self.requests = 0

    async def __aenter__(self) -> OpenStack:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        self._http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            await self._authenticate()
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def _authenticate(self) -> None:
        url = f"{self._login.auth_url}/v3/auth/tokens"
        try:
            async with self._http.post(url, json=self._login.auth) as answer:
                body = await answer.json()
                if answer.status != 201:
                    raise LoginError(f"{url} answered {answer.status}: {body}")
                self._headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
        except aiohttp.ClientError as error:
            raise LoginError(f"{url}: {error}") from None
        self.project_id = body["token"].get("project", {}).get("id", "")
        self._endpoints = _endpoints(body["token"].get("catalog", []), self._login)

    async def ask(
        self, method: str, service: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body (None where there is none). Raises `RefusedError` on 4xx and 5xx, but for 404."""
        if service not in self._endpoints:
            raise LoginError(f"the catalog has no {service} service")
        url = f"{self._endpoints[service]}{path}"
        for _ in range(BUSY_TRIES):
            self.requests += 1
            async with self._http.request(method, url, json=body, params=params, headers=self._headers) as answer:
                if answer.status in BUSY:
                    pause_s = float(answer.headers.get("Retry-After") or BUSY_PAUSE_S)
                else:
                    return answer.status, await _body(answer)
            await asyncio.sleep(pause_s)
        raise RefusedError(f"{method} {url}: busy {BUSY_TRIES} times")

    async def listed(self, service: str, path: str, key: str, **params: str) -> list[dict[str, Any]]:
        """One page of what is there."""
        _, body = await self.ask("GET", service, path, params=params)
        found: list[dict[str, Any]] = body[key]
        return found


async def _body(answer: aiohttp.ClientResponse) -> Any:
    if answer.status >= 400 and answer.status != 404:
        raise RefusedError(f"{answer.method} {answer.url}: {answer.status} {await answer.text()}")
    return await answer.json() if answer.content_type == "application/json" else None


def _endpoints(catalog: list[dict[str, Any]], login: Login) -> dict[str, str]:
    """By service. Those of images and networks may leave out the version, which clients then add."""
    found: dict[str, str] = {}
    for service in catalog:
        for endpoint in service["endpoints"]:
            if endpoint["interface"] == login.interface and login.region in ("", endpoint.get("region_id")):
                found.setdefault(service["type"], str(endpoint["url"]).rstrip("/"))
    for name, version in (("image", "/v2"), ("network", "/v2.0")):
        if name in found and not found[name].endswith(version):
            found[name] += version
    return found
