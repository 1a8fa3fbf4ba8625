"""Which servers a list asks for, by what its query says. Pure.

Called by `servers.py`. A query that says nothing known filters nothing; what only administrators may ask for is
ignored for others, as Nova does, and refused from 2.75 on where nobody knows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from actors.api.rest.compute.dates import parsed
from actors.api.rest.compute.queries import STRICT_SINCE, TRUE, flag, unknown_parameter, whole
from actors.api.rest.compute.server_view import root_device_name, updated_at
from actors.api.rest.microversions import Version
from actors.api.rest.paging import Paging
from actors.errors import CallerError, bad_request, forbidden
from actors.messages import ServerView
from actors.states import POWER_CODE, Power

SPANS_SINCE = (2, 66)  # that have an end
PATTERN_LIMIT = 255  # characters of a regular expression
Test = Callable[[ServerView], bool]

# What each sort key reads.
SORT: dict[str, Callable[[ServerView], Any]] = {
    "created_at": lambda view: view.created_at,
    "updated_at": updated_at,
    "launched_at": lambda view: view.launched_at,
    "display_name": lambda view: view.name,
    "name": lambda view: view.name,
    "uuid": lambda view: view.id,
    "id": lambda view: view.id,
    "vm_state": lambda view: view.vm_state,
    "status": lambda view: view.vm_state,
    "task_state": lambda view: view.task_state or "",
    "power_state": lambda view: POWER_CODE[Power(view.power_state)],
    "host": lambda view: view.host,
    "node": lambda view: view.host,
    "hostname": lambda view: view.hostname,
    "image_ref": lambda view: view.image_id,
    "instance_type_id": lambda view: view.flavor,
    "project_id": lambda view: view.project_id,
    "user_id": lambda view: view.user_id,
    "key_name": lambda view: view.key_name,
    "availability_zone": lambda view: view.availability_zone,
    "display_description": lambda view: view.description,
    "config_drive": lambda view: view.config_drive,
    "root_device_name": root_device_name,
    "launch_index": lambda view: view.launch_index,
    "locked": lambda view: bool(view.locked_by),
    "terminated_at": lambda view: view.deleted_at,
    "access_ip_v4": lambda view: view.access_ip_v4,
    "access_ip_v6": lambda view: view.access_ip_v6,
    "progress": lambda view: 0,
}
IGNORED = {"limit", "marker", "sort_key", "sort_dir", "all_tenants", "soft_deleted", "deleted"}
OTHERS = {  # known to Nova, and true of every server here or of none
    "terminated_at", "progress", "kernel_id", "ramdisk_id", "root_device_name",
    "created_at", "launched_at", "auto_disk_config", "locked_by", "cell_name", "vm_mode",
}  # fmt: skip


def wants_all(query: QueryParams, is_admin: bool) -> bool:
    """`all_tenants`, alone or with a value; raises `CallerError` 403 where the caller may not."""
    if "all_tenants" not in query:
        return False
    text = query["all_tenants"]
    wanted = flag("all_tenants", text) if text else True
    if wanted and not is_admin:
        message = "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."
        raise CallerError(forbidden(message))
    return wanted


class ShownServers(NamedTuple):
    living: bool
    deleted: bool


def shown_of(query: QueryParams, is_admin: bool) -> ShownServers:
    """Those that there are, those that were deleted, or both where it is asked what has changed.

    Raises `CallerError` 403 for whoever asks for those with the status DELETED and may not. `deleted` is for
    administrators, and false where it is no flag.
    """
    if {status.upper() for status in query.getlist("status")} == {"DELETED"}:
        if not is_admin:
            raise CallerError(forbidden("Only administrators may list deleted instances"))
        return ShownServers(living=False, deleted=True)
    if "deleted" in query and is_admin:
        deleted = query["deleted"].strip().lower() in TRUE
        return ShownServers(living=not deleted, deleted=deleted)
    return ShownServers(living=True, deleted="changes-since" in query or "changes-before" in query)


def check_span(query: QueryParams, version: Version) -> None:
    """Raises `CallerError` 400 for a time that ends before it begins, as from the version on that knows its end."""
    since, before = query.get("changes-since"), query.get("changes-before")
    if version < SPANS_SINCE or not since or not before:
        return
    if parsed("changes-since", since) > parsed("changes-before", before):
        text = "The value of changes-since must be less than or equal to changes-before"
        raise CallerError(bad_request("changes-since", text))


def paging_of(query: QueryParams) -> Paging:
    """Newest first, where nothing else is said."""
    keys, directions = query.getlist("sort_key"), query.getlist("sort_dir")
    for key in keys:
        if key not in SORT:
            raise CallerError(bad_request("sort_key", f"{key[:64]!r} is nothing that servers are sorted by"))
    if any(one not in ("asc", "desc") for one in directions) or len(directions) > max(1, len(keys)):
        raise CallerError(bad_request("sort_dir", "must be asc or desc, one for each sort_key"))
    ways = directions + [directions[-1] if directions else "desc"] * (len(keys) - len(directions))
    sort = [(key, way == "desc") for key, way in zip(keys, ways, strict=False)]
    for key in ("created_at", "id"):
        if key not in keys:
            sort.append((key, True))
    return Paging(limit=whole(query, "limit"), marker=query.get("marker", ""), sort=sort)


def select(views: Iterable[ServerView], query: QueryParams, version: Version, is_admin: bool) -> list[ServerView]:
    """Those that pass every filter of the query; raises `CallerError` 400."""
    check_span(query, version)
    tests = tests_of(query, version, is_admin)
    return [view for view in views if all(test(view) for test in tests)]


def tests_of(query: QueryParams, version: Version, is_admin: bool) -> list[Test]:
    tests: list[Test] = []
    for field in dict.fromkeys(query.keys()):
        values = query.getlist(field)
        if field in IGNORED:
            continue
        test = _test(field, values, version, is_admin)
        if test is not None:
            tests.append(test)
        elif version >= STRICT_SINCE and field not in ANYONE | ADMINISTRATORS.keys() | OTHERS | TAGS.keys():
            raise unknown_parameter(field)
    return tests


def _test(field: str, values: list[str], version: Version, is_admin: bool) -> Test | None:
    if field in ANYONE:
        return ANYONE_TESTS[field](values)
    if field in TAGS and version >= (2, 26):
        return TAGS[field]({tag for value in values for tag in value.split(",")})
    if field in ADMINISTRATORS and (is_admin or (version >= (2, 83) and field in FOR_ALL_SINCE_283)):
        return ADMINISTRATORS[field](values[-1])
    return None


def _status(values: list[str]) -> Test:
    wanted = {value.upper() for value in values}
    return lambda view: view.status in wanted


def _address(version: int) -> Callable[[list[str]], Test]:
    colon = version == 6

    def make(values: list[str]) -> Test:
        pattern = _pattern("ip6" if colon else "ip", values[-1])
        return lambda view: any(
            pattern.search(fixed.ip_address)
            for vif in view.addresses
            for fixed in vif.fixed_ips
            if (":" in fixed.ip_address) == colon
        )

    return make


def _pattern(field: str, text: str) -> re.Pattern[str]:
    """A regular expression; short, so that none takes long."""
    if len(text) > PATTERN_LIMIT:
        raise CallerError(bad_request(field, f"has at most {PATTERN_LIMIT} characters"))
    if _NESTED.search(text):
        raise CallerError(bad_request(field, "is too intricate an expression"))
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise CallerError(bad_request(field, "Regex: is no regular expression")) from None


_NESTED = re.compile(r"[*+}][^()]*\)[*+{]|\)[*+{].*\)[*+{]")  # repeated repetition: time without end


def _name(values: list[str]) -> Test:
    pattern = _pattern("name", values[-1])
    return lambda view: pattern.search(view.name) is not None


def _since(values: list[str]) -> Test:
    at = parsed("changes-since", values[-1])
    return lambda view: updated_at(view) >= at


def _before(values: list[str]) -> Test:
    at = parsed("changes-before", values[-1])
    return lambda view: updated_at(view) <= at


def _image(values: list[str]) -> Test:
    return lambda view: view.image_id == values[-1].rpartition("/")[2]


def _flavor(values: list[str]) -> Test:
    wanted = values[-1].rpartition("/")[2]
    return lambda view: view.embedded_flavor is not None and view.embedded_flavor.id == wanted


def _reservation(values: list[str]) -> Test:
    return lambda view: view.reservation_id == values[-1]


ANYONE_TESTS: dict[str, Callable[[list[str]], Test]] = {
    "name": _name,
    "display_name": _name,
    "status": _status,
    "image": _image,
    "image_ref": _image,
    "flavor": _flavor,
    "ip": _address(4),
    "ip6": _address(6),
    "changes-since": _since,
    "changes-before": _before,
    "reservation_id": _reservation,
}
ANYONE = ANYONE_TESTS.keys()

TAGS: dict[str, Callable[[set[str]], Test]] = {
    "tags": lambda wanted: lambda view: wanted <= set(view.tags),
    "tags-any": lambda wanted: lambda view: bool(wanted & set(view.tags)),
    "not-tags": lambda wanted: lambda view: not wanted <= set(view.tags),
    "not-tags-any": lambda wanted: lambda view: not wanted & set(view.tags),
}


def _power(text: str) -> Test:
    return lambda view: text in (view.power_state, str(POWER_CODE[Power(view.power_state)]))


def _locked(text: str) -> Test:
    wanted = flag("locked", text)
    return lambda view: bool(view.locked_by) == wanted


def _config_drive(text: str) -> Test:
    wanted = flag("config_drive", text) if text else False
    return lambda view: view.config_drive == wanted


ADMINISTRATORS: dict[str, Callable[[str], Test]] = {
    "host": lambda text: lambda view: view.host == text,
    "node": lambda text: lambda view: view.host == text,
    "hypervisor_hostname": lambda text: lambda view: view.host == text,
    "hostname": lambda text: lambda view: view.hostname == text,
    "project_id": lambda text: lambda view: view.project_id == text,
    "tenant_id": lambda text: lambda view: view.project_id == text,
    "user_id": lambda text: lambda view: view.user_id == text,
    "availability_zone": lambda text: lambda view: view.availability_zone == text,
    "config_drive": _config_drive,
    "key_name": lambda text: lambda view: view.key_name == text,
    "launch_index": lambda text: lambda view: str(view.launch_index) == text,
    "description": lambda text: lambda view: text in view.description,
    "display_description": lambda text: lambda view: text in view.description,
    "uuid": lambda text: lambda view: view.id == text,
    "access_ip_v4": lambda text: lambda view: view.access_ip_v4 == text,
    "access_ip_v6": lambda text: lambda view: view.access_ip_v6 == text,
    "vm_state": lambda text: lambda view: view.vm_state == text,
    "task_state": lambda text: lambda view: (view.task_state or "") == text,
    "power_state": _power,
    "locked": _locked,
}
FOR_ALL_SINCE_283 = {
    "availability_zone", "config_drive", "key_name", "launch_index", "description", "display_description", "hostname",
    "vm_state", "task_state", "power_state", "user_id", "locked",
}  # fmt: skip
