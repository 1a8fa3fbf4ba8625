"""Providers that are no hosts of the cloud, as a service of its own makes them: what the tests of these share."""

from __future__ import annotations

from typing import Any

from httpx import AsyncClient, Response

from tests.world import World

NEWEST = "1.39"
FPGA = "CUSTOM_FPGA"
OWNER = {"project_id": "demo", "user_id": "ann"}


def placement(world: World, version: str = NEWEST, token: str = "") -> AsyncClient:
    return world.http(token or world.admin, OpenStack_API_Version=f"placement {version}")


async def asked(http: AsyncClient, verb: str, path: str, body: Any = None, status: int = 200) -> Any:
    """The answer's body; the error's text where it is refused."""
    answer = await answered(http, verb, path, body)
    assert answer.status_code == status, (verb, path, answer.status_code, answer.text)
    if answer.is_success:
        return answer.json() if answer.content else None
    [error] = answer.json()["errors"]
    assert error["status"] == status
    return error


async def answered(http: AsyncClient, verb: str, path: str, body: Any = None) -> Response:
    return await http.request(verb, f"/placement{path}", **({} if body is None else {"json": body}))


async def provider(http: AsyncClient, name: str = "cards", **fields: Any) -> str:
    """A new one's id."""
    return str((await asked(http, "POST", "/resource_providers", {"name": name} | fields))["uuid"])


async def stocked(http: AsyncClient, name: str = "cards", parent: str | None = None, **stock: int) -> str:
    """A provider with cards: 4 of them, or as the inventory says."""
    fields = {"parent_provider_uuid": parent} if parent else {}
    made = await provider(http, name, **fields)
    answer = await answered(http, "PUT", f"/resource_classes/{FPGA}")
    assert answer.status_code in (201, 204)
    inventories = {FPGA: {"total": 4} | stock}
    wanted = {"resource_provider_generation": 0, "inventories": inventories}
    await asked(http, "PUT", f"/resource_providers/{made}/inventories", wanted)
    return made


def holding(generation: int | None = None, /, **amounts: int) -> dict[str, Any]:
    """A body of PUT /allocations; `amounts` by provider's id."""
    allocations = {each: {"resources": {FPGA: amount}} for each, amount in amounts.items()}
    return OWNER | {"allocations": allocations, "consumer_generation": generation, "consumer_type": "CARD_USER"}
