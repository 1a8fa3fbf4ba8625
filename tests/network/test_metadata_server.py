from __future__ import annotations

import json

from actors.network.metadata_server import find

EC2 = {
    "instance-id": "i-00000001",
    "placement": {"availability-zone": "nova"},
    "public-keys": {"0": {"_name": "0=mine", "openssh-key": "ssh-ed25519 AAAA"}},
    "security-groups": ["default", "web"],
}
DOCUMENTS = {
    "openstack/latest/meta_data.json": b"{}",
    "openstack/latest/user_data": b"#!/bin/sh",
    "openstack/2018-08-27/meta_data.json": b"{}",
    "ec2/latest/meta-data.json": json.dumps(EC2).encode(),
    "ec2/latest/user-data": b"#!/bin/sh",
}


def test_documents_of_openstacks_tree() -> None:
    assert find(DOCUMENTS, "/openstack/latest/user_data") == b"#!/bin/sh"
    assert find(DOCUMENTS, "/openstack/latest/nothing") is None
    assert find(DOCUMENTS, "/elsewhere") is None


def test_folders_list_what_is_below_them() -> None:
    assert find(DOCUMENTS, "/openstack") == b"latest\n2018-08-27"
    assert find(DOCUMENTS, "/openstack/latest/") == b"meta_data.json\nuser_data"
    assert find(DOCUMENTS, "/") == b"2009-04-04\nlatest"
    assert find(DOCUMENTS, "/latest") == b"meta-data/\nuser-data"


def test_ec2_gives_each_value_its_own_path() -> None:
    assert find(DOCUMENTS, "/latest/meta-data/instance-id") == b"i-00000001"
    assert find(DOCUMENTS, "/2009-04-04/meta-data/placement/availability-zone") == b"nova"
    assert find(DOCUMENTS, "/latest/meta-data/") == b"instance-id\nplacement/\npublic-keys/\nsecurity-groups"
    assert find(DOCUMENTS, "/latest/meta-data/security-groups") == b"default\nweb"
    assert find(DOCUMENTS, "/latest/user-data") == b"#!/bin/sh"
    assert find(DOCUMENTS, "/latest/meta-data/instance-id/more") is None


def test_a_key_is_listed_by_its_name_and_read_by_its_number() -> None:
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/") == b"0=mine"
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/0/openssh-key") == b"ssh-ed25519 AAAA"
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/0/") == b"openssh-key"


def test_an_instance_without_documents_has_nothing() -> None:
    assert find({}, "/latest/meta-data/") is None
    assert find({}, "/openstack/latest") is None
