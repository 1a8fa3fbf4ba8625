"""A day of work with the unmodified `openstack` command, against `novaray up` with simulated hypervisors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.openstack_client import OpenStack, alone, openstack
from tests.running import CommandLine, cloud

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def line() -> Iterator[CommandLine]:
    with cloud("--hypervisor", "simulated", "--hosts", "4", "--no-dashboard") as running:
        yield running


@pytest.fixture(scope="module")
def client(line: CommandLine) -> Iterator[OpenStack]:
    with openstack(line.home) as one:
        yield one


def test_the_one_line_that_up_prints_is_enough(line: CommandLine) -> None:
    said = line.run("env")
    assert "export OS_CLOUD=novaray" in said and f"{line.home}/clouds.yaml" in said
    issued = json.loads(alone(line.home, "token", "issue", "-f", "json"))
    assert issued["id"].count(".") == 2 and issued["expires"] and issued["user_id"]
    catalog = json.loads(alone(line.home, "catalog", "list", "-f", "json"))
    assert {entry["Type"] for entry in catalog} >= {"identity", "compute", "image", "network", "volumev3", "placement"}


def test_identity(client: OpenStack) -> None:
    assert client.json("versions show")
    lab = client.json("project create lab --description", "a place to try things")
    assert lab["description"] == "a place to try things" and lab["enabled"] is True
    assert client.json("project show lab")["id"] == lab["id"]
    client.run("project set lab --description changed --tag blue")
    assert client.json("project show lab")["tags"] == ["blue"]
    bob = client.json("user create bob --project lab --password secret --email bob@example.org")
    assert "password" not in {name for name, value in bob.items() if value == "secret"}
    assert bob["default_project_id"] == lab["id"]
    assert "bob" in {row["Name"] for row in client.json("user list")}
    assert [row["Name"] for row in client.json("role list")] != []
    client.run("role add --user bob --project lab member")
    [held] = client.json("role assignment list --user bob --names")
    assert (held["Role"], held["Project"]) == ("member", "lab@Default")
    effective = {row["Role"] for row in client.json("role assignment list --user bob --effective --names")}
    assert effective == {"member", "reader"}
    client.run("group create team")
    client.run("group add user team bob")
    client.run("group contains user team bob")
    client.run("role create operator")
    client.run("role add --group team --project lab operator")
    client.run("implied role create operator --implied-role reader")
    assert len(client.json("implied role list")) == 4
    client.run("role add --user bob --system all reader")
    assert client.json("role assignment list --system all --user bob")
    other = client.json("domain create other")
    client.run("project create far --domain other")
    assert client.field("domain_id", "project show far --domain other") == other["id"]
    assert {row["Name"] for row in client.json("domain list")} == {"Default", "other"}


def test_logging_in_as_the_new_user(client: OpenStack) -> None:
    client.as_user = ("--os-username", "bob", "--os-password", "secret", "--os-project-name", "lab")
    try:
        issued = client.json("token issue")
        for which in ("", " --my-projects"):  # who may not list all gets its own
            assert [row["Name"] for row in client.json(f"project list{which}")] == ["lab"]
        assert "403" in client.run("user list", code=1)
        client.run("user password set --original-password secret --password changed")
        assert "401" in client.run("token issue", code=1)
        client.as_user = (*client.as_user[:3], "changed", *client.as_user[4:])
        assert client.json("token issue")["user_id"] == issued["user_id"]
        made = client.json("application credential create ci --role reader")
        assert made["Secret"]
        assert [row["Name"] for row in client.json("application credential list")] == ["ci"]
        client.run("application credential delete ci")
    finally:
        client.as_user = ()


def test_who_may_act_for_whom(client: OpenStack) -> None:
    client.run("user create robot --password secret")
    trust = client.json("trust create --project admin --role reader --impersonate admin robot")
    assert [row["ID"] for row in client.json("trust list --auth-user")] == [trust["id"]]
    assert client.json("trust show", trust["id"]) == trust
    client.run("trust delete", trust["id"])
    assert client.json("trust list") == []
    client.run("user delete robot")


def test_the_catalog_is_administered(client: OpenStack) -> None:
    client.run("region create north")
    service = client.json("service create dns --name designate")
    client.run("endpoint create dns public http://dns.example.org --region north")
    [endpoint] = client.json("endpoint list --service dns")
    assert (endpoint["URL"], endpoint["Region"]) == ("http://dns.example.org", "north")
    assert client.json("catalog show dns")["id"] == service["id"]
    client.run("endpoint set --disable", endpoint["ID"])
    client.run("endpoint delete", endpoint["ID"])
    client.run("service delete dns")
    client.run("region delete north")


def test_images(client: OpenStack, tmp_path: Path) -> None:
    disk, back = tmp_path / "disk.raw", tmp_path / "back.raw"
    disk.write_bytes(bytes(range(256)) * 1_000)
    raw = "--disk-format raw --container-format bare --file"
    made = client.json(f"image create own {raw} {disk} --property os_distro=none --tag blue")
    assert (made["status"], made["size"]) == ("active", 256_000)
    client.run(f"image save --file {back} own")
    assert back.read_bytes() == disk.read_bytes()
    assert [row["Name"] for row in client.json("image list --tag blue")] == ["own"]
    client.run("image set --property os_version=1 --min-disk 1 --hidden own")
    assert "own" not in [row["Name"] for row in client.json("image list")]
    assert "own" in [row["Name"] for row in client.json("image list --hidden")]
    client.run("image unset --property os_distro --tag blue own")
    shown = client.json("image show own")
    assert (shown["min_disk"], shown["tags"], shown["properties"]["os_version"]) == (1, [], "1")
    client.run("image set --deactivate own")
    assert client.field("status", "image show own") == "deactivated"
    client.run("image set --activate --protected --unhidden own")
    assert "403" in client.run("image delete own", code=1)
    client.run("image set --unprotected --shared own")
    client.run("image add project own service")
    assert [row["Status"] for row in client.json("image member list own")] == ["pending"]
    client.run("image remove project own service")
    client.run(f"image create imported {raw} {disk} --import")
    client.run("image import info")
    client.run("image delete own imported")


def test_volumes(client: OpenStack) -> None:
    client.run("volume type create gold --property storage_protocol=nbd")
    assert client.json("volume type show gold")["properties"] == {"storage_protocol": "nbd"}
    client.run("volume create data --size 1 --type gold --property use=test")
    client.run("volume create root --size 1 --image tiny")
    shown = client.json("volume show data")
    assert (shown["size"], shown["type"], shown["properties"]) == (1, "gold", {"use": "test"})
    assert client.json("volume show root")["bootable"] is True
    client.run("volume set --size 2 --description larger --bootable data")
    assert (client.json("volume show data")["size"], client.field("description", "volume show data")) == (2, "larger")
    client.run("volume snapshot create --volume data moment")
    assert [row["Size"] for row in client.json("volume snapshot list --volume data")] == [2]
    client.run("volume create --snapshot moment copied")
    client.run("volume create --source data cloned")
    assert {row["Name"] for row in client.json("volume list --status available")} >= {
        "data",
        "root",
        "copied",
        "cloned",
    }
    assert "400" in client.run("volume delete data", code=1)
    client.run("volume revert moment")
    client.run("volume snapshot set --name renamed moment")
    client.run("volume snapshot delete renamed")
    client.run("volume set --state error copied")
    assert client.field("status", "volume show copied") == "error"
    client.run("image create --volume root of-root")
    client.run("quota set --volumes 30 admin")
    limits = {row["Resource"]: row["Limit"] for row in client.json("quota show --volume")}
    assert limits["volumes"] == 30
    assert client.json("volume summary")["Total Count"] >= 4
    assert [row["Binary"] for row in client.json("volume service list")] == ["cinder-volume"]
    client.run("availability zone list --volume")
    client.run("volume delete data cloned copied")
    client.run("volume delete --force root")
    client.run("volume type delete gold")
    client.run("image delete of-root")


def test_what_was_made_is_deleted(client: OpenStack) -> None:
    client.run("role remove --user bob --system all reader")
    client.run("role remove --user bob --project lab member")
    client.run("group remove user team bob")
    client.run("group delete team")
    client.run("role delete operator")
    client.run("user delete bob")
    client.run("project delete lab")
    client.run("domain set other --disable")
    client.run("domain delete other")
    assert {row["Name"] for row in client.json("project list")} == {"admin", "service"}
