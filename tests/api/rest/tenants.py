"""Two projects that know nothing of each other: one has something of every kind, all of it called secret.

For `test_isolation.py`, where the other's member, a stranger who knows every id, tries every route.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

from actors.volume.messages import VolumeRequest
from tests.world import World, token

NOBODYS = "0" * 8 + "-1111-4222-8333-" + "4" * 12  # an id that nothing has
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ secret"
COMPUTE, IMAGE, NETWORK, VOLUME, IDENTITY = "/compute/v2.1", "/image/v2", "/network/v2.0", "/volume/v3", "/identity/v3"
NEWEST = {"OpenStack_API_Version": "compute 2.96, volume 3.71, placement 1.39"}

PASSWORD = "a secret password"

TAGGED = {
    "networks": "network_id",
    "subnets": "subnet_id",
    "subnetpools": "pool_id",
    "ports": "port_id",
    "routers": "router_id",
    "floatingips": "floating_id",
    "security-groups": "group_id",
}

Things = dict[str, str]


def owner(world: World) -> httpx.AsyncClient:
    return world.http(world.member, **NEWEST)


def stranger(world: World) -> httpx.AsyncClient:
    return world.http(token("other", ("member",), "eve"), **NEWEST)


def reader(world: World) -> httpx.AsyncClient:
    return world.http(token("demo", ("reader",), "rita"), **NEWEST)


async def furnished(world: World) -> Things:
    """What the owner has, by the names that routes give to it."""
    async with owner(world) as http, world.http(world.admin, **NEWEST) as admin:
        things = {"project_id": "demo", "user_id": "ann", "key": "secret-key", "tag": "secret-tag"}
        things |= {"token": world.member, "network": "secret-network", "public_image_id": world.image.id}
        things |= {"external_network_id": await _external(admin)}
        things |= await _network(http, things["external_network_id"]) | {"shared_network_id": world.net.id}
        [shared] = (await http.get(f"{NETWORK}/subnets?network_id={world.net.id}")).json()["subnets"]
        things["shared_subnet_id"] = shared["id"]
        things |= await _images(http)
        things |= await _metadefs(admin)
        things |= await _volumes(world, http, admin)
        things |= await _compute(world, http, admin, things)
        things |= await _identity(world, admin)
    async with stranger(world) as http:
        own = {"name": "own", "flavorRef": "tiny", "imageRef": world.image.id}
        things["own_volume_id"] = await _made(http, f"{VOLUME}/volumes", "volume", name="own", size=1)
        things["own_server_id"] = await _booted(world, http, own)
    return things


async def _made(http: httpx.AsyncClient, path: str, noun: str, key: str = "id", **fields: Any) -> str:
    answer = await http.post(path, json={noun: {"name": f"secret-{noun}"} | fields})
    assert answer.is_success, answer.text
    return str((answer.json()[noun] if noun else answer.json())[key])


async def _external(admin: httpx.AsyncClient) -> str:
    fields = {"name": "outside", "router:external": True}
    network = await _made(admin, f"{NETWORK}/networks", "network", **fields)
    await _made(admin, f"{NETWORK}/subnets", "subnet", name="out", network_id=network, cidr="203.0.113.0/24")
    return network


async def _network(http: httpx.AsyncClient, external: str) -> Things:
    network = await _made(http, f"{NETWORK}/networks", "network")
    subnet = await _made(http, f"{NETWORK}/subnets", "subnet", network_id=network, cidr="10.66.0.0/24")
    group = await _made(http, f"{NETWORK}/security-groups", "security_group")
    rule = {"security_group_id": group, "direction": "ingress", "remote_ip_prefix": "192.0.2.66/32"}
    ruled = await http.post(f"{NETWORK}/security-group-rules", json={"security_group_rule": rule})
    outside = {"external_gateway_info": {"network_id": external}}
    router = await _made(http, f"{NETWORK}/routers", "router", **outside)
    added = await http.put(f"{NETWORK}/routers/{router}/add_router_interface", json={"subnet_id": subnet})
    assert added.status_code == 200, added.text
    floating = await http.post(
        f"{NETWORK}/floatingips",
        json={"floatingip": {"floating_network_id": external, "description": "secret-floating"}},
    )
    assert floating.status_code == 201, floating.text
    things = {
        "router_id": router,
        "floating_id": floating.json()["floatingip"]["id"],
        "network_id": network,
        "subnet_id": subnet,
        "pool_id": await _made(http, f"{NETWORK}/subnetpools", "subnetpool", prefixes=["10.67.0.0/16"]),
        "port_id": await _made(http, f"{NETWORK}/ports", "port", network_id=network),
        "group_id": group,
        "rule_id": ruled.json()["security_group_rule"]["id"],
    }
    for noun, key in TAGGED.items():
        tagged = await http.put(f"{NETWORK}/{noun}/{things[key]}/tags/secret-tag")
        assert tagged.status_code == 201, tagged.text
    return things


async def _images(http: httpx.AsyncClient) -> Things:
    made = {}
    for visibility in ("private", "shared"):
        fields = {"name": f"secret-{visibility}", "disk_format": "raw", "container_format": "bare"}
        answer = await http.post(f"{IMAGE}/images", json=fields | {"visibility": visibility})
        made[visibility] = str(answer.json()["id"])
        octets = {"Content-Type": "application/octet-stream"}
        data = await http.put(f"{IMAGE}/images/{made[visibility]}/file", content=b"secret" * 100, headers=octets)
        assert data.status_code == 204, data.text
    added = await http.post(f"{IMAGE}/images/{made['shared']}/members", json={"member": "third"})
    assert added.status_code == 200, added.text
    return {"image_id": made["private"], "shared_image_id": made["shared"], "member": "third"}


async def _metadefs(admin: httpx.AsyncClient) -> Things:
    """Namespaces of definitions, which administrators alone make: one of the owner's, and one for all."""
    secret = {
        "namespace": "secret-namespace",
        "owner": "demo",
        "objects": [{"name": "secret-object"}],
        "properties": {"secret-property": {"title": "secret-title", "type": "string"}},
        "tags": [{"name": "secret-tag"}],
        "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "secret-"}],
    }
    for body in (secret, {"namespace": "for-all", "visibility": "public"}):
        made = await admin.post(f"{IMAGE}/metadefs/namespaces", json=body)
        assert made.status_code == 201, made.text
    return {
        "namespace": "secret-namespace",
        "object_name": "secret-object",
        "property_name": "secret-property",
        "public_namespace": "for-all",
    }


async def _volumes(world: World, http: httpx.AsyncClient, admin: httpx.AsyncClient) -> Things:
    fields = {"os-volume-type-access:is_public": False, "extra_specs": {"secret-key": "secret-value"}}
    kind = await _made(admin, f"{VOLUME}/types", "volume_type", **fields)
    access = await admin.post(f"{VOLUME}/types/{kind}/action", json={"addProjectAccess": {"project": "demo"}})
    assert access.status_code == 202, access.text
    volume = await _made(http, f"{VOLUME}/volumes", "volume", size=1, metadata={"secret-key": "secret-value"})
    things = {"volume_id": volume, "type_id": kind}
    things["free_volume_id"] = await _made(http, f"{VOLUME}/volumes", "volume", size=1)
    things["offered_volume_id"] = await _made(http, f"{VOLUME}/volumes", "volume", size=1)
    for made in (volume, things["offered_volume_id"]):
        await world.volumes.wait([VolumeRequest(token=world.member, volume_id=made)], 5.0)
    offered = {"transfer": {"volume_id": things["offered_volume_id"], "name": "secret-transfer"}}
    offer = await http.post(f"{VOLUME}/volume-transfers", json=offered)
    assert offer.status_code == 202, offer.text
    things["transfer_id"] = offer.json()["transfer"]["id"]
    things["broken_volume_id"] = await _made(http, f"{VOLUME}/volumes", "volume", size=1, volume_type=kind)
    [told] = (await http.get(f"{VOLUME}/messages")).json()["messages"]  # no back end is as that type has it
    things["message_id"] = told["id"]
    things["snapshot_id"] = await _made(
        http, f"{VOLUME}/snapshots", "snapshot", volume_id=volume, metadata={"secret-key": "v"}
    )
    return things


async def _compute(world: World, http: httpx.AsyncClient, admin: httpx.AsyncClient, things: Things) -> Things:
    flavor = {"ram": 128, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    flavor_id = await _made(admin, f"{COMPUTE}/flavors", "flavor", **flavor)
    access = {"addTenantAccess": {"tenant": "demo"}}
    assert (await admin.post(f"{COMPUTE}/flavors/{flavor_id}/action", json=access)).status_code == 200
    specs = {"extra_specs": {"secret-key": "secret-value"}}
    assert (await admin.post(f"{COMPUTE}/flavors/{flavor_id}/os-extra_specs", json=specs)).status_code == 200
    group = await _made(http, f"{COMPUTE}/os-server-groups", "server_group", policy="anti-affinity")
    keypair = await _made(http, f"{COMPUTE}/os-keypairs", "keypair", "name", public_key=SSH)
    wanted = {
        "flavorRef": flavor_id,
        "imageRef": world.image.id,
        "networks": [{"uuid": things["network_id"]}],
        "metadata": {"secret-key": "secret-value"},
        "tags": ["secret-tag"],
        "key_name": keypair,
    }
    server = await _booted(world, http, wanted, group=group)
    attached = {"volumeAttachment": {"volumeId": things["volume_id"]}}
    held = await http.post(f"{COMPUTE}/servers/{server}/os-volume_attachments", json=attached)
    assert held.status_code == 200, held.text
    [volume] = (await http.get(f"{COMPUTE}/servers/{server}/os-volume_attachments")).json()["volumeAttachments"]
    [action, *_] = (await http.get(f"{COMPUTE}/servers/{server}/os-instance-actions")).json()["instanceActions"]
    [vif] = (await http.get(f"{COMPUTE}/servers/{server}/os-interface")).json()["interfaceAttachments"]
    return {
        "flavor_id": flavor_id,
        "server_group_id": group,
        "keypair": keypair,
        "server_id": server,
        "attachment_id": volume["attachment_id"],
        "request_id": action["request_id"],
        "server_port_id": vif["port_id"],
        "address": vif["fixed_ips"][0]["ip_address"],
    }


async def _booted(world: World, http: httpx.AsyncClient, wanted: dict[str, Any], **hints: str) -> str:
    server = {"name": "secret-server", "networks": "auto"} | wanted
    answer = await http.post(f"{COMPUTE}/servers", json={"server": server, "os:scheduler_hints": hints})
    assert answer.status_code == 202, answer.text
    await world.settled()
    return str(answer.json()["server"]["id"])


async def _identity(world: World, admin: httpx.AsyncClient) -> Things:
    project = await _made(admin, f"{IDENTITY}/projects", "project")
    user = await _made(admin, f"{IDENTITY}/users", "user", password=PASSWORD)
    [member] = (await admin.get(f"{IDENTITY}/roles?name=member")).json()["roles"]
    grant = await admin.put(f"{IDENTITY}/projects/{project}/users/{user}/roles/{member['id']}")
    assert grant.status_code == 204, grant.text
    service = await _made(admin, f"{IDENTITY}/services", "service", type="dns")
    fields = {"service_id": service, "interface": "public", "url": "http://dns"}
    return {
        "domain_id": await _made(admin, f"{IDENTITY}/domains", "domain"),
        "identity_project_id": project,
        "identity_user_id": user,
        "identity_group_id": await _made(admin, f"{IDENTITY}/groups", "group"),
        "role_id": await _made(admin, f"{IDENTITY}/roles", "role"),
        "region_id": await _made(admin, f"{IDENTITY}/regions", "region", id="secret-region"),
        "service_id": service,
        "endpoint_id": await _made(admin, f"{IDENTITY}/endpoints", "endpoint", **fields),
        **await _lent_by_itself(world, user, project),
        "kept_id": await _made(
            admin, f"{IDENTITY}/credentials", "credential", user_id=user, type="cert", blob="secret-seed"
        ),
    }


async def _lent_by_itself(world: World, user: str, project: str) -> Things:
    """An application credential and a trust of the user's, made by himself."""
    who = {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}}
    asked = {"auth": {"identity": who, "scope": {"project": {"id": project}}}}
    async with world.http() as http:
        logged_in = await http.post(f"{IDENTITY}/auth/tokens", json=asked)
        http.headers["X-Auth-Token"] = logged_in.headers["X-Subject-Token"]
        path, noun = f"{IDENTITY}/users/{user}/application_credentials", "application_credential"
        credential = await _made(http, path, noun)
        given = {"project_id": project, "impersonation": True, "roles": [{"name": "member"}]}
        given |= {"trustor_user_id": user, "trustee_user_id": user}
        return {
            "credential_id": credential,
            "trust_id": await _made(http, f"{IDENTITY}/OS-TRUST/trusts", "trust", **given),
        }


def filled(route: str, things: Things) -> str:
    """The route with the owner's ids in it; what has no name there is nobody's."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: things.get(found[1], NOBODYS), route)
