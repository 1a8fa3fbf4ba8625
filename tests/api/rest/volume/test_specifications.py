"""Encryption and QoS specs of volume types, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.volume.test_volumes import NOBODY, make
from tests.world import World, in_world

V3 = "/volume/v3"
LUKS = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256, "control_location": "front-end"}


async def kind(root: httpx.AsyncClient, name: str) -> str:
    made = await root.post(f"{V3}/types", json={"volume_type": {"name": name}})
    assert made.status_code == 200, made.text
    return str(made.json()["volume_type"]["id"])


async def specs(root: httpx.AsyncClient, name: str, **fields: str) -> dict[str, Any]:
    made = await root.post(f"{V3}/qos-specs", json={"qos_specs": {"name": name, **fields}})
    assert made.status_code == 200, made.text
    assert [link["rel"] for link in made.json()["links"]] == ["self", "bookmark"]
    row: dict[str, Any] = made.json()["qos_specs"]
    return row


def test_a_types_encryption_is_made_shown_changed_and_taken_away(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            type_id = await kind(root, "secure")
            path = f"{V3}/types/{type_id}/encryption"
            assert (await root.get(path)).json() == {}
            made = (await root.post(path, json={"encryption": LUKS})).json()["encryption"]
            assert made == {"volume_type_id": type_id, "encryption_id": made["encryption_id"], **LUKS}
            assert (await root.post(path, json={"encryption": LUKS})).status_code == 400  # one a type
            one = f"{path}/{made['encryption_id']}"
            changed = await root.put(one, json={"encryption": {"key_size": 128, "control_location": "back-end"}})
            assert changed.json() == {"encryption": {"key_size": 128, "control_location": "back-end"}}
            await world.volumes.start()  # from what is on disk
            shown = (await root.get(path)).json()
            assert (shown["key_size"], shown["provider"], shown["deleted"]) == (128, "luks", False)
            assert (await root.get(f"{path}/cipher")).json() == {"cipher": LUKS["cipher"]}
            assert (await root.get(f"{path}/nothing")).status_code == 404
            assert (await http.get(path)).status_code == 403
            for verb in ("PUT", "DELETE"):
                nobodys = await root.request(verb, f"{path}/{NOBODY}", json={"encryption": {"cipher": "x"}})
                assert nobodys.status_code == 404, verb
            assert (await root.delete(one)).status_code == 202
            assert (await root.get(path)).json() == {}
            other = await root.post(f"{V3}/types/{NOBODY}/encryption", json={"encryption": LUKS})
            assert other.status_code == 404

    in_world(tmp_path, play)


def test_no_volume_is_thought_to_be_encrypted_that_is_not(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            secure, plain = await kind(root, "secure"), await kind(root, "plain")
            await root.post(f"{V3}/types/{secure}/encryption", json={"encryption": LUKS})
            for name in ("secure", secure):
                refused = await http.post(f"{V3}/volumes", json={"volume": {"size": 1, "volume_type": name}})
                assert refused.status_code == 400 and "encrypted" in refused.text
            volume_id = (await make(world, http, volume_type="plain"))["id"]
            retype = {"os-retype": {"new_type": "secure", "migration_policy": "never"}}
            assert (await http.post(f"{V3}/volumes/{volume_id}/action", json=retype)).status_code == 400
            [default] = (await http.get(f"{V3}/types?name=__DEFAULT__")).json()["volume_types"]
            for type_id in (plain, default["id"]):  # one that has volumes, and that which all others have
                late = await root.post(f"{V3}/types/{type_id}/encryption", json={"encryption": LUKS})
                assert late.status_code == 400, late.text

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "odd",
    [
        {"provider": "luks"},
        {"control_location": "front-end"},
        LUKS | {"control_location": "nowhere"},
        LUKS | {"key_size": -1},
        LUKS | {"key_size": "many"},
        LUKS | {"provider": ""},
        LUKS | {"cipher": "x" * 256},
        LUKS | {"secret": "x"},
    ],
)
def test_an_odd_encryption_is_refused(tmp_path: Path, odd: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root:
            path = f"{V3}/types/{await kind(root, 'secure')}/encryption"
            assert (await root.post(path, json={"encryption": odd})).status_code == 400
            assert (await root.get(path)).json() == {}

    in_world(tmp_path, play)


def test_qos_specs_from_creation_to_deletion(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            made = await specs(root, "fast", consumer="front-end", read_iops_sec="2000")
            assert made == {
                "id": made["id"],
                "name": "fast",
                "consumer": "front-end",
                "specs": {"read_iops_sec": "2000"},
            }
            assert (await specs(root, "plain"))["consumer"] == "back-end"
            path = f"{V3}/qos-specs/{made['id']}"
            again = await root.post(f"{V3}/qos-specs", json={"qos_specs": {"name": "fast"}})
            assert again.status_code == 409
            assert (await root.put(path, json={"qos_specs": {"write": "5"}})).json() == {"qos_specs": {"write": "5"}}
            assert (await root.put(path, json={"qos_specs": {"consumer": "both"}})).status_code == 200
            assert (await root.put(f"{path}/delete_keys", json={"keys": ["nothing"]})).status_code == 404
            assert (await root.put(f"{path}/delete_keys", json={"keys": ["read_iops_sec"]})).status_code == 202
            await world.volumes.start()  # from what is on disk
            shown = (await root.get(path)).json()["qos_specs"]
            assert (shown["specs"], shown["consumer"]) == ({"write": "5"}, "both")
            assert shown in (await root.get(f"{V3}/qos-specs")).json()["qos_specs"]
            for odd in ({}, {"name": ""}, {"name": "x", "consumer": "me"}, {"name": "x", "a": 5}, {"name": "x" * 256}):
                assert (await root.post(f"{V3}/qos-specs", json={"qos_specs": odd})).status_code == 400, odd
            assert (await http.get(path)).status_code == 403
            assert (await root.delete(path)).status_code == 202
            assert (await root.get(path)).status_code == (await root.delete(path)).status_code == 404

    in_world(tmp_path, play)


def test_types_have_qos_specs_and_lose_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root:
            types = [await kind(root, name) for name in ("a", "b", "c")]
            path = f"{V3}/qos-specs/{(await specs(root, 'fast'))['id']}"
            other = f"{V3}/qos-specs/{(await specs(root, 'slow'))['id']}"

            async def tell(what: str, type_id: str, whose: str = path) -> int:
                return (await root.get(f"{whose}/{what}", params={"vol_type_id": type_id})).status_code

            async def having() -> set[str]:
                return {row["id"] for row in (await root.get(f"{path}/associations")).json()["qos_associations"]}

            for type_id in types:
                assert await tell("associate", type_id) == 202
            assert await tell("associate", types[0]) == 202  # it is already
            assert await tell("associate", types[0], other) == 400
            assert await tell("associate", NOBODY) == 404
            assert await tell("associate", types[0], f"{V3}/qos-specs/{NOBODY}") == 404
            assert await tell("associate", "") == 400
            shown = (await root.get(f"{V3}/types/{types[0]}")).json()["volume_type"]
            assert path.endswith(shown["qos_specs_id"])
            assert await having() == set(types)
            assert await tell("disassociate", types[0], other) == 202  # which it never had
            assert await tell("disassociate", types[0]) == 202
            assert await having() == set(types[1:])
            await root.delete(f"{V3}/types/{types[1]}")
            assert await having() == {types[2]}
            assert (await root.delete(path)).status_code == 400
            assert (await root.get(f"{path}/disassociate_all")).status_code == 202
            assert await having() == set()
            assert await tell("associate", types[0]) == 202
            assert (await root.delete(f"{path}?force=True")).status_code == 202
            assert (await root.get(f"{V3}/types/{types[0]}")).json()["volume_type"]["qos_specs_id"] is None

    in_world(tmp_path, play)
