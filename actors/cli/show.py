"""How results look: tables for people, JSON for scripts. Knows nothing of where the results come from."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from actors.cluster.bringup import Runtime
from actors.cluster.clouds_file import client_variables
from actors.cluster.config import CloudConfig
from actors.cluster.status import CloudStatus
from actors.messages import ServerView, StoryLine
from actors.records import Notification
from actors.vifs import Vif

WIDE = 200  # columns where no terminal says how many there are: a file or a pipe
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def as_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def cloud_is_up(runtime: Runtime, config: CloudConfig, json: bool) -> None:
    if json:
        nodes = [node.host for node in runtime.nodes]
        as_json(
            {
                "address": runtime.address,
                "dashboard": runtime.dashboard,
                "api": runtime.api,
                "home": str(config.home),
                "nodes": nodes,
            }
        )
        return
    kind = "simulated hypervisors: no real guests" if config.hypervisor == "simulated" else "libvirt and QEMU"
    where = f"{len(runtime.nodes)} node(s)" if runtime.processes else "nodes as they join Ray"
    out.print(f"[bold]The cloud is up[/bold]: {where}, {kind}.")
    out.print(f"  state      {config.home}")
    out.print(f"  Ray        {runtime.address}" + (f", jobs at {runtime.dashboard}" if runtime.dashboard else ""))
    out.print(f"  REST       {runtime.api}")
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in client_variables(config.home).items())
    out.print(f"  clients    export {variables}")
    out.print("  next       novaray boot NAME · novaray list · novaray story NAME · novaray down")


def status(found: CloudStatus, json: bool) -> None:
    if json:
        as_json(found)
        return
    out.print(f"cloud in {found.home}: [bold]{'up' if found.up else 'down'}[/bold]")
    if not found.up:
        return
    table = Table("actor", "state", "node", box=None)
    for actor in found.actors:
        table.add_row(actor.name, actor.state, actor.node or "head")
    out.print(table)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(found.servers.items()))
    out.print(f"servers: {counts or 'none'}")


def servers(views: list[ServerView], json: bool) -> None:
    if json:
        as_json(views)
        return
    table = Table("ID", "Name", "Status", "Task State", "Power State", "Networks", "Flavor", "Host", box=None)
    for view in views:
        row = (view.id, view.name, view.status, view.task_state or "None", view.power_state)
        table.add_row(*row, addresses(view), view.flavor, view.host)
    out.print(table)


def addresses(view: ServerView) -> str:
    return "; ".join(f"{vif.network_name}={','.join(_led(vif))}" for vif in view.addresses)


def _led(vif: Vif) -> list[str]:
    """Its own addresses, and the floating ones."""
    return [*(ip.ip_address for ip in vif.fixed_ips), *(address for address, _ in vif.floating_ips)]


def server(view: ServerView, json: bool) -> None:
    if json:
        as_json(view)
        return
    table = Table("Field", "Value", box=None)
    for field in view.__struct_fields__:
        value = getattr(view, field)
        if field == "addresses":
            value = addresses(view)
        elif field.endswith("_at"):
            value = datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds") if value else ""
        elif field == "fault":
            value = value.message if value else ""
        table.add_row(field, str(value))
    out.print(table)


def story(lines: list[StoryLine], json: bool) -> None:
    if json:
        as_json(lines)
        return
    table = Table("at ms", "step", "flow", "took ms", "", "host", "note", box=None)
    table.columns[0].justify = table.columns[3].justify = "right"
    start = lines[0].at if lines else 0.0
    for line in lines:
        took = "…" if line.took_ms < 0 else f"{line.took_ms:.1f}"
        again = f" (attempt {line.attempt + 1})" if line.attempt else ""
        at_ms = f"{(line.at - start) * 1000:.1f}"
        table.add_row(at_ms, line.step + again, line.flow, took, line.phase, line.host, line.note)
    out.print(table)


def text(value: str, field: str, json: bool) -> None:
    if json:
        as_json({field: value})
    else:
        out.print(value, markup=False)


def event(found: Notification, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        sys.stdout.flush()
        return
    at = datetime.fromtimestamp(found.at, UTC).isoformat(timespec="milliseconds")
    out.print(f"{found.sequence:>6}  {at}  {found.event_type:<24} {found.payload.get('display_name', '')}")
