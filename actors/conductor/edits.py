"""Changes to what is known of a server, its guest untouched: names, metadata, tags, locks, an administrator's reset.

Pure: `edited` applies one edit to a boot or refuses it and changes nothing. Called by the conductor, which writes.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors import lifecycle
from actors.acts import Edit
from actors.conductor.act_preparing import check_home, check_lock
from actors.conductor.attached import with_ends
from actors.conductor.boots import Boot
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.states import Vm
from actors.vifs import Vif

NO_GUEST = (Vm.BUILDING, Vm.SHELVED, Vm.SHELVED_OFFLOADED)
TAGS_LIMIT = 50  # of one server, as in Nova


def edited(boot: Boot, edit: Edit, now: float, metadata_items: int = -1) -> CallerFault | None:
    """`metadata_items`: the project's quota of one server's, -1 = any number."""
    try:
        if edit.vm_state:
            _check_may_be_reset(boot, Vm(edit.vm_state))
        if edit.metadata is not None or edit.metadata_without:
            check_lock(boot, edit.above_locks)
        metadata, tags = _metadata(boot, edit, metadata_items), _tags(boot, edit)
    except CallerError as error:
        return error.fault
    named = {
        "name": edit.name,
        "hostname": edit.hostname,
        "description": edit.description,
        "disk_config": edit.disk_config,
        "access_ip_v4": edit.access_ip_v4,
        "access_ip_v6": edit.access_ip_v6,
        "security_groups": edit.security_groups,
    }
    asked = {"metadata": metadata, "tags": tags} | {field: value for field, value in named.items() if value is not None}
    spec = boot.spec()
    if any(getattr(spec, field) != value for field, value in asked.items()):
        boot.ask_anew(**asked)
    boot.change(name=boot.spec().name, updated_at=now)
    _lock(boot, edit)
    if edit.volumes_end:
        boot.ask_anew(block_devices=with_ends(boot.spec(), boot.id, edit.volumes_end))
    if edit.vifs:
        told = {vif.port_id: vif for vif in edit.vifs}
        boot.change(addresses=tuple(_as_now(vif, told.get(vif.port_id, vif)) for vif in boot.instance.addresses))
    if edit.vm_state:
        boot.become(lifecycle.reset(boot.state, Vm(edit.vm_state)))
        boot.acting = ""
    return None


def _check_may_be_reset(boot: Boot, wanted: Vm) -> None:
    """What is done to its guest may go on, and changes its state no more when it ends. But who builds or deletes it
    tells what it is by then, and one that is shelved, lost with its node, or was never built has no guest to be
    anything. Raises `CallerError`."""
    what = f"vm_state {boot.vm_state}" if boot.vm_state in NO_GUEST else ""
    if boot.instance.deleting:
        what = f"task_state {boot.task}"
    if what:
        raise CallerError(conflict("", f"Cannot 'os-resetState' instance {boot.id} while it is in {what}"))
    if wanted is not Vm.ACTIVE:
        return
    check_home(boot)
    if not boot.instance.launched_at:
        raise CallerError(conflict("", f"Cannot 'os-resetState' instance {boot.id} while it has never been active"))


def _as_now(vif: Vif, now: Vif) -> Vif:
    """What may change of a port that a guest has."""
    return replace(vif, security_groups=now.security_groups, fixed_ips=now.fixed_ips, subnets=now.subnets)


def _metadata(boot: Boot, edit: Edit, most: int) -> dict[str, str]:
    known = boot.spec().metadata
    kept = {} if edit.metadata_anew else {k: v for k, v in known.items() if k not in edit.metadata_without}
    for key in edit.metadata_without:
        if key not in known:
            raise CallerError(not_found("key", "Metadata item was not found"))
    merged = kept | (edit.metadata or {})
    if 0 <= most < len(merged) and len(merged) > len(known):
        raise CallerError(forbidden(f"Maximum number of metadata items exceeds {most}"))
    return merged


def _tags(boot: Boot, edit: Edit) -> tuple[str, ...]:
    tags = boot.spec().tags if edit.tags is None else tuple(dict.fromkeys(edit.tags))
    for tag in edit.tags_without:
        if tag not in tags:
            raise CallerError(not_found("tag", f"Server {boot.id} has no tag '{tag}'"))
    tags = tuple(tag for tag in tags if tag not in edit.tags_without)
    if edit.tag and edit.tag not in tags:
        tags = (*tags, edit.tag)
    if len(tags) > TAGS_LIMIT:
        text = f"The number of tags exceeded the per-server limit {TAGS_LIMIT}"
        raise CallerError(bad_request("tags", text))
    return tags


def _lock(boot: Boot, edit: Edit) -> None:
    if edit.locked is None:
        return
    owner = boot.instance.project_id == edit.project_id
    by = ("owner" if owner else "admin") if edit.locked else ""
    boot.change(locked_by=by, locked_reason=edit.locked_reason if edit.locked else "")
