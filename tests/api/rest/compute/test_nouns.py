"""Flavors, key pairs and server groups over HTTP: their shapes by version, their rules, and who sees whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from tests.api.rest.compute.test_servers import body, client, launched, refused
from tests.world import World, in_world, token

V = "/compute/v2.1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXb7Ol5tSN7AWaMDuNhEFrTgrX3Dcqvy6yMU4wnkz5j ann@host"


def test_flavors_are_made_described_and_deleted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as admin, client(world, "2.61", world.admin) as newer:
            sent = {"name": "m1", "ram": 512, "vcpus": 2, "disk": 3, "id": "auto", "OS-FLV-EXT-DATA:ephemeral": 1}
            made = (await admin.post(f"{V}/flavors", json={"flavor": sent})).json()["flavor"]
            assert made.keys() == {
                "id", "name", "ram", "disk", "swap", "OS-FLV-EXT-DATA:ephemeral", "OS-FLV-DISABLED:disabled", "vcpus",
                "os-flavor-access:is_public", "rxtx_factor", "links",
            }  # fmt: skip
            assert (made["ram"], made["swap"], made["rxtx_factor"]) == (512, "", 1.0)
            path = f"{V}/flavors/{made['id']}"
            refused(await admin.put(path, json={"flavor": {"description": "x"}}), 404, "itemNotFound")
            described = (await newer.put(path, json={"flavor": {"description": "medium"}})).json()["flavor"]
            assert described.keys() == made.keys() | {"description", "extra_specs"}
            assert described["description"] == "medium"
            refused(await admin.post(f"{V}/flavors", json={"flavor": sent}), 409, "conflictingRequest")
            refused(await admin.post(f"{V}/flavors", json={"flavor": sent | {"ram": -1}}), 400, "badRequest")
            assert (await admin.delete(path)).status_code == 202
            refused(await admin.get(path), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_extra_specs(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as admin:
            path = f"{V}/flavors/tiny/os-extra_specs"
            two = {"extra_specs": {"hw:cpu_policy": "shared", "a": "b"}}
            assert (await admin.post(path, json=two)).json() == two
            assert (await admin.put(f"{path}/a", json={"a": "c"})).json() == {"a": "c"}
            refused(await admin.put(f"{path}/a", json={"b": "c"}), 400, "badRequest")
            assert (await admin.get(f"{path}/a")).json() == {"a": "c"}
            assert (await admin.delete(f"{path}/a")).status_code == 200
            refused(await admin.get(f"{path}/a"), 404, "itemNotFound")
            assert (await admin.get(path)).json() == {"extra_specs": {"hw:cpu_policy": "shared"}}

    in_world(tmp_path, play)


def test_a_flavor_that_is_not_public_is_there_for_those_who_may(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as admin, client(world) as http:
            sent = {"name": "own", "ram": 64, "vcpus": 1, "disk": 0, "id": "own", "os-flavor-access:is_public": False}
            await admin.post(f"{V}/flavors", json={"flavor": sent})
            refused(await http.get(f"{V}/flavors/own"), 404, "itemNotFound")
            refused(await http.post(f"{V}/servers", json=body(world, flavorRef="own")), 400, "badRequest")
            granted = await admin.post(f"{V}/flavors/own/action", json={"addTenantAccess": {"tenant": "demo"}})
            assert granted.json() == {"flavor_access": [{"flavor_id": "own", "tenant_id": "demo"}]}
            assert (await http.get(f"{V}/flavors/own")).status_code == 200
            assert [one["id"] for one in (await http.get(f"{V}/flavors")).json()["flavors"]] == ["own", "tiny"]
            assert [one["id"] for one in (await admin.get(f"{V}/flavors")).json()["flavors"]] == ["tiny"]
            every = (await admin.get(f"{V}/flavors/detail?is_public=None")).json()["flavors"]
            assert [one["id"] for one in every] == ["own", "tiny"]
            again = {"addTenantAccess": {"tenant": "demo"}}
            refused(await admin.post(f"{V}/flavors/own/action", json=again), 409, "conflictingRequest")
            taken = await admin.post(f"{V}/flavors/own/action", json={"removeTenantAccess": {"tenant": "demo"}})
            assert taken.json() == {"flavor_access": []}
            refused(await http.get(f"{V}/flavors/own"), 404, "itemNotFound")
            refused(await admin.get(f"{V}/flavors/tiny/os-flavor-access"), 404, "itemNotFound")
            for path in ("flavors", "flavors/own/action", "flavors/tiny/os-extra_specs"):
                sent_by_member: dict[str, Any] = {
                    "flavors": {"flavor": sent | {"name": "x", "id": "x"}},
                    "flavors/own/action": again,
                    "flavors/tiny/os-extra_specs": {"extra_specs": {"a": "b"}},
                }[path]
                refused(await http.post(f"{V}/{path}", json=sent_by_member), 403, "forbidden")

    in_world(tmp_path, play)


def test_key_pairs_are_imported_made_and_deleted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as old, client(world, "2.10") as http:
            first = await old.post(f"{V}/os-keypairs", json={"keypair": {"name": "k", "public_key": KEY}})
            assert (first.status_code, first.json()["keypair"].keys()) == (
                200, {"name", "public_key", "fingerprint", "user_id"},
            )  # fmt: skip
            assert first.json()["keypair"]["fingerprint"].count(":") == 15
            made = await http.post(f"{V}/os-keypairs", json={"keypair": {"name": "m"}})
            pair = made.json()["keypair"]
            assert (made.status_code, pair["type"]) == (201, "ssh")
            private = load_ssh_private_key(pair["private_key"].encode(), None)
            assert private is not None
            shown = (await http.get(f"{V}/os-keypairs/m")).json()["keypair"]
            assert "private_key" not in shown and shown["deleted"] is False
            listed = (await old.get(f"{V}/os-keypairs")).json()["keypairs"]
            assert [one["keypair"]["name"] for one in listed] == ["k", "m"]
            refused(await http.post(f"{V}/os-keypairs", json={"keypair": {"name": "m"}}), 409, "conflictingRequest")
            refused(
                await old.post(f"{V}/os-keypairs", json={"keypair": {"name": "x", "type": "ssh"}}), 400, "badRequest"
            )
            for junk in ("no key", "ssh-rsa JUNK nova@ubuntu", f"ssh-rsa {'A' * 2048} x"):
                bad = {"keypair": {"name": "x", "public_key": junk}}
                refused(await http.post(f"{V}/os-keypairs", json=bad), 400, "badRequest")
            made = await http.post(f"{V}/os-keypairs", json={"keypair": {"name": "windows", "type": "x509"}})
            pair = made.json()["keypair"]
            assert (made.status_code, pair["type"], pair["fingerprint"].count(":")) == (201, "x509", 19)
            assert pair["public_key"].startswith("-----BEGIN CERTIFICATE-----") and pair["private_key"]
            assert (await http.delete(f"{V}/os-keypairs/windows")).status_code == 204
            server = await launched(world, http, body(world, key_name="k"))
            assert server["key_name"] == "k"
            assert (await http.delete(f"{V}/os-keypairs/m")).status_code == 204
            assert (await old.delete(f"{V}/os-keypairs/k")).status_code == 202
            refused(await http.get(f"{V}/os-keypairs/k"), 404, "itemNotFound")
        async with client(world, "2.92") as newest:
            refused(await newest.post(f"{V}/os-keypairs", json={"keypair": {"name": "m"}}), 400, "badRequest")

    in_world(tmp_path, play)


def test_a_public_key_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    """Ansible's `keypair` compares it with its file, line's end and all, and fails where they differ."""

    async def play(world: World) -> None:
        async with client(world, "2.10") as http:
            sent = {"keypair": {"name": "k", "public_key": KEY + "\n"}}
            assert (await http.post(f"{V}/os-keypairs", json=sent)).json()["keypair"]["public_key"] == KEY + "\n"
            assert (await http.get(f"{V}/os-keypairs/k")).json()["keypair"]["public_key"] == KEY + "\n"
            server = await launched(world, http, body(world, key_name="k"))
        assert world.conductor._boots[server["id"]].spec().public_key == KEY  # a line of the guest's authorized_keys

    in_world(tmp_path, play)


def test_key_pairs_are_their_users_and_limited(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.api.set_quota(world.admin, "demo", {"key_pairs": 1}, force=False)
        async with (
            client(world, "2.10") as http,
            client(world, "2.10", token("demo", user="bob")) as bob,
            client(world, "2.10", world.admin) as admin,
        ):
            await http.post(f"{V}/os-keypairs", json={"keypair": {"name": "k", "public_key": KEY}})
            refused(await bob.get(f"{V}/os-keypairs/k"), 404, "itemNotFound")
            refused(await bob.get(f"{V}/os-keypairs?user_id=ann"), 403, "forbidden")
            assert (await bob.get(f"{V}/os-keypairs")).json() == {"keypairs": []}
            assert (await admin.get(f"{V}/os-keypairs/k?user_id=ann")).json()["keypair"]["name"] == "k"
            full = await http.post(f"{V}/os-keypairs", json={"keypair": {"name": "l", "public_key": KEY}})
            assert "key pairs" in refused(full, 403, "forbidden")

    in_world(tmp_path, play)


def test_server_groups_in_either_shape(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as old, client(world, "2.64") as http, client(world, token=token("other")) as other:
            soft = {"server_group": {"name": "s", "policies": ["soft-affinity"]}}
            refused(await old.post(f"{V}/os-server-groups", json=soft), 400, "badRequest")
            first = {"server_group": {"name": "g", "policies": ["anti-affinity"]}}
            made = (await old.post(f"{V}/os-server-groups", json=first)).json()["server_group"]
            assert made == {
                "id": made["id"], "name": "g", "policies": ["anti-affinity"], "members": [], "metadata": {},
            }  # fmt: skip
            rules = {"max_server_per_host": 2}
            sent = {"server_group": {"name": "g", "policy": "anti-affinity", "rules": rules}}
            newer = (await http.post(f"{V}/os-server-groups", json=sent)).json()["server_group"]
            assert (newer["policy"], newer["rules"], newer["project_id"]) == ("anti-affinity", rules, "demo")
            refused(await http.post(f"{V}/os-server-groups", json=first), 400, "badRequest")
            refused(await other.get(f"{V}/os-server-groups/{made['id']}"), 404, "itemNotFound")
            refused(await other.delete(f"{V}/os-server-groups/{made['id']}"), 404, "itemNotFound")
            assert (await other.get(f"{V}/os-server-groups")).json() == {"server_groups": []}
            strange = body(world) | {"os:scheduler_hints": {"group": made["id"]}}
            refused(await other.post(f"{V}/servers", json=strange), 400, "badRequest")
            assert len((await http.get(f"{V}/os-server-groups")).json()["server_groups"]) == 2
            assert (await http.delete(f"{V}/os-server-groups/{made['id']}")).status_code == 204
            refused(await http.get(f"{V}/os-server-groups/{made['id']}"), 404, "itemNotFound")

    in_world(tmp_path, play)
