"""What a user asks the compute API to do with a server that is there. Every request carries the caller's token."""

from __future__ import annotations

import msgspec

from actors.acts import AnyAct, Edit


class ActOnServer(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    server_id: str
    act: AnyAct
    request_id: str = ""


class EditServer(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks and of which server is filled into the edit by the API."""

    token: str
    server_id: str
    edit: Edit
    request_id: str = ""


class GroupOfServer(msgspec.Struct, frozen=True, kw_only=True):
    """A security group by its name or id."""

    token: str
    server_id: str
    group: str
    request_id: str = ""


class AttachVolumeTo(msgspec.Struct, frozen=True, kw_only=True):
    """`device` '' = a free name."""

    token: str
    server_id: str
    volume_id: str
    device: str = ""
    delete_on_termination: bool = False
    tag: str = ""
    request_id: str = ""


class AttachPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port of the caller's own, or a new one on a network; neither: on the one network that there is."""

    token: str
    server_id: str
    port_id: str = ""
    network_id: str = ""
    fixed_ip: str = ""
    tag: str = ""
    request_id: str = ""


class RebuildServer(msgspec.Struct, frozen=True, kw_only=True):
    """Make its guest anew from an image. What is None stays as it was; '' takes it away."""

    token: str
    server_id: str
    image: str
    name: str | None = None
    hostname: str | None = None
    description: str | None = None
    metadata: dict[str, str] | None = None
    disk_config: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    key_name: str | None = None
    user_data: str | None = None
    admin_password: str = ""  # '' = one is made
    files: tuple[tuple[str, str], ...] | None = None
    preserve_ephemeral: bool = False
    reimage: bool = False  # also the volume that it boots from
    request_id: str = ""


class RescueServer(msgspec.Struct, frozen=True, kw_only=True):
    """Have its guest boot from a disk that is made of an image."""

    token: str
    server_id: str
    image: str = ""  # its id; '' = the server's own
    admin_password: str  # of the guest that is rescued
    volumes_too: bool = False  # also a server that boots from a volume, where the image is made for that
    request_id: str = ""


class ResizeServer(msgspec.Struct, frozen=True, kw_only=True):
    """Give it another flavor, by id or name, on the host where it is."""

    token: str
    server_id: str
    flavor: str
    disk_config: str | None = None
    request_id: str = ""


class MigrateServer(msgspec.Struct, frozen=True, kw_only=True):
    """Have it go to another host, with its disks. `host`: which; '' = the scheduler chooses."""

    token: str
    server_id: str
    host: str = ""
    may: bool = False  # the operator's rules let also this caller do it: the edge says so, which reads them
    may_choose: bool = False  # the same of the host
    request_id: str = ""


class ShelveServer(msgspec.Struct, frozen=True, kw_only=True):
    """Have its host give its room back."""

    token: str
    server_id: str
    request_id: str = ""


class UnshelveServer(msgspec.Struct, frozen=True, kw_only=True):
    """Have a shelved server run again."""

    token: str
    server_id: str
    zone: str | None = None  # where it belongs from now on; '' = anywhere; None = where it did
    host: str = ""  # an administrator's choice; '' = the scheduler's
    may_choose: bool = False  # the operator's rules let also this caller choose: the edge says so, which reads them
    request_id: str = ""


class ImageOfServer(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    server_id: str
    name: str
    properties: dict[str, str] = {}
    min_disk_gib: int = 0
    backup: bool = False
    request_id: str = ""
