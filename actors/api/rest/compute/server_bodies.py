"""The body of a request for servers, as it arrives: its fields, their kinds, and the microversions that have them.

`server_request.py` makes a boot of it. Clients send numbers and booleans as text, which is taken for what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from actors.api.rest.bodies import Strict
from actors.api.rest.compute.queries import unexpected
from actors.api.rest.microversions import Version
from actors.errors import CallerError, bad_request

NAME_LIMIT = 255  # characters
TAGS_LIMIT = 50  # of one server
TAG_LIMIT = 60  # characters
LIST_LIMIT = 1_000  # items of any list in the body

Text = Annotated[str, StringConstraints(max_length=NAME_LIMIT)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]


def _trimmed(name: str) -> str:
    if name != name.strip():
        raise ValueError("a name begins and ends with something else than a space")
    return name


def _tag(tag: str) -> str:
    if "/" in tag or "," in tag:
        raise ValueError("a tag has neither '/' nor ','")
    return tag


def _known_hints(hints: dict[str, Any]) -> dict[str, Any]:
    """Servers are named by their ids: others would keep nothing together, nor apart. A group may go by its name."""
    for name in ("same_host", "different_host"):
        value = hints.get(name, [])
        for one in value if isinstance(value, list) else [value]:
            try:
                UUID(one)
            except (AttributeError, TypeError, ValueError):
                raise ValueError(f"{name} is no UUID") from None
    return hints


def _address(version: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        """'' for none; raises `ValueError`."""
        if not text:
            return ""
        address = ip_address(text)
        if address.version != version or getattr(address, "scope_id", None):
            raise ValueError(f"is no IPv{version} address")
        return str(address)

    return check


Hints = Annotated[dict[str, Any], AfterValidator(_known_hints)]
Address4 = Annotated[str, StringConstraints(max_length=15), AfterValidator(_address(4))]
Address6 = Annotated[str, StringConstraints(max_length=45), AfterValidator(_address(6))]
ServerName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT), AfterValidator(_trimmed)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_LIMIT), AfterValidator(_tag)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT, pattern=r"^[a-zA-Z0-9-_:. ]+$")]
LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"  # of a domain's name (RFC 1123)
HostName = Annotated[
    str, StringConstraints(min_length=2, max_length=NAME_LIMIT, pattern=rf"^{LABEL}(\.{LABEL})*$")
]  # with its domain, where the version allows one
DeviceTag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_LIMIT), AfterValidator(_tag)]
DiskConfig = Literal["AUTO", "MANUAL"]


class NetworkIn(Strict):
    uuid: Text | None = None
    port: Text | None = None
    fixed_ip: Annotated[str, StringConstraints(max_length=45)] | None = None
    tag: DeviceTag | None = None


class BlockDeviceIn(Strict):
    uuid: Text | None = None
    source_type: Literal["volume", "image", "snapshot", "blank"] | None = None
    destination_type: Literal["local", "volume"] | None = None
    boot_index: int | Literal["", "None"] | None = None
    volume_size: Annotated[int, Field(ge=0, le=2**31 - 1)] | Literal[""] | None = None
    delete_on_termination: bool | None = None
    device_name: Text | None = None
    disk_bus: Text | None = None
    device_type: Text | None = None
    guest_format: Text | None = None
    tag: DeviceTag | None = None
    volume_type: Text | None = None
    no_device: bool | Literal[""] | None = None


class OldBlockDeviceIn(Strict):
    """A row of `block_device_mapping`, the first form."""

    device_name: Text
    volume_id: Text | None = None
    snapshot_id: Text | None = None
    volume_size: Annotated[int, Field(ge=0, le=2**31 - 1)] | Literal[""] | None = None
    delete_on_termination: bool | None = None
    virtual_name: Text | None = None
    no_device: bool | Literal[""] | None = None


class SecurityGroupIn(Strict):
    name: Text | None = None


class PersonalityIn(Strict):
    path: Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT)]
    contents: str


class ServerIn(Strict):
    name: ServerName
    flavorRef: int | str
    imageRef: str | None = None
    adminPass: str | None = None
    metadata: dict[Key, Text] = Field(default_factory=dict)
    networks: Annotated[list[NetworkIn], Field(max_length=LIST_LIMIT)] | Literal["auto", "none"] | None = None
    disk_config: DiskConfig = Field("MANUAL", alias="OS-DCF:diskConfig")
    accessIPv4: Address4 | None = None
    accessIPv6: Address6 | None = None
    personality: Annotated[list[PersonalityIn], Field(max_length=LIST_LIMIT)] = Field(default_factory=list)
    user_data: Annotated[str, StringConstraints(max_length=65_535)] | None = None
    security_groups: Annotated[list[SecurityGroupIn], Field(max_length=LIST_LIMIT)] = Field(default_factory=list)
    availability_zone: Text | None = None
    config_drive: bool | Literal[""] | None = None
    key_name: Text | None = None
    min_count: Count | None = None
    max_count: Count | None = None
    return_reservation_id: bool = False
    block_device_mapping: Annotated[list[OldBlockDeviceIn], Field(max_length=LIST_LIMIT)] = Field(default_factory=list)
    block_device_mapping_v2: Annotated[list[BlockDeviceIn], Field(max_length=LIST_LIMIT)] = Field(default_factory=list)
    description: Text | None = None
    tags: Annotated[list[Tag], Field(max_length=TAGS_LIMIT)] = Field(default_factory=list)
    trusted_image_certificates: Annotated[list[Text], Field(max_length=50)] | None = None
    host: Text | None = None
    hypervisor_hostname: Text | None = None
    hostname: HostName | None = None


class CreateServer(Strict):
    server: ServerIn
    hints: Hints = Field(default_factory=dict, alias="os:scheduler_hints")
    hints_too: Hints = Field(default_factory=dict, alias="OS-SCH-HNT:scheduler_hints")


class ServerChange(Strict):
    name: ServerName | None = None
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: Address4 | None = None
    accessIPv6: Address6 | None = None
    description: Text | None = None
    hostname: HostName | None = None


class ChangeServer(Strict):
    server: ServerChange


SINCE: dict[str, tuple[int, int]] = {
    "description": (2, 19),
    "tags": (2, 52),
    "trusted_image_certificates": (2, 63),
    "host": (2, 74),
    "hypervisor_hostname": (2, 74),
    "hostname": (2, 90),
}
UNTIL: dict[str, tuple[int, int]] = {"personality": (2, 56)}
DEVICE_SINCE = {"tag": (2, 42), "volume_type": (2, 67)}
DOMAINS_SINCE = (2, 94)  # a host name may have dots
DEVICE_TAG_TOO = (2, 32)  # the one version before 2.42 that had it


def refuse_strange(server: ServerIn, version: Version) -> None:
    """Raises `CallerError` 400 for a field that the version spoken has not."""
    for field in server.model_fields_set:
        if version < SINCE.get(field, version) or version > UNTIL.get(field, version):
            raise unexpected(field)
    refuse_domain(server.hostname, version)
    wanted = server.networks
    if version >= (2, 37) and wanted is None:
        raise CallerError(
            bad_request("", "Invalid input for field/attribute server: 'networks' is a required property")
        )
    if version < (2, 37) and isinstance(wanted, str):
        raise CallerError(bad_request("networks", "must be a list"))
    tagged = (*server.block_device_mapping_v2, *(wanted if isinstance(wanted, list) else ()))
    for one in tagged:
        for field in one.model_fields_set:
            if version < DEVICE_SINCE.get(field, version) and (field, tuple(version)) != ("tag", DEVICE_TAG_TOO):
                raise unexpected(field)


def refuse_strange_change(change: ServerChange, version: Version) -> None:
    """The same for a change of a server that is there."""
    for field in change.model_fields_set:
        if version < SINCE.get(field, version):
            raise unexpected(field)
    refuse_domain(change.hostname, version)


def refuse_domain(hostname: str | None, version: Version) -> None:
    if version < DOMAINS_SINCE and "." in (hostname or ""):
        raise CallerError(bad_request("hostname", "a host name has no dots before microversion 2.94"))
