"""`novaray node …`: what is run on a worker node itself, by `cluster.yaml` before `ray start` or by hand."""

from __future__ import annotations

import socket
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Prepare this machine as a worker node, or clear it up.", no_args_is_help=True)
err = Console(stderr=True, highlight=False)

Host = Annotated[str, typer.Option(help="The node's name; its label `novaray/host` in Ray.  [host name]")]


@app.command()
def prepare(host: Host = "") -> None:
    """Make what its file (/etc/novaray/node.json, or NOVARAY_NODE_FILE) asks for: namespace, libvirt daemon."""
    from actors.cluster import node
    from actors.cluster.config import NodeConfig

    node.prepare(NodeConfig.of_this_node(host or socket.gethostname()), _say)


@app.command()
def clear(host: Host = "") -> None:
    """Take away what `prepare` made, with the guests of the node's own libvirt daemon."""
    from actors.cluster import node
    from actors.cluster.config import NodeConfig

    node.clear(NodeConfig.of_this_node(host or socket.gethostname()), _say)


def drain(node: Annotated[str, typer.Argument(help="A worker node's name, as `novaray status` shows it.")]) -> None:
    """Place no new machines on a worker node, and wait for those that build there."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        left = cloud.drain(node)
    _say(f"{node} is drained; {len(left)} server(s) are on it" + "".join(f"\n    {server.name}" for server in left))


def enable(node: Annotated[str, typer.Argument(help="A drained worker node's name.")]) -> None:
    """Let a drained worker node take machines again."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.enable(node)


def evacuate(
    node: Annotated[str, typer.Argument(help="A worker node that is no more, or is said to be down.")],
    from_image: Annotated[bool, typer.Option(help="Also servers whose root disk was there: it is made anew.")] = False,
) -> None:
    """Build the servers of a worker node that is no more again on other hosts. Its machine must be off."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        found = cloud.evacuate(node, from_image=from_image)
    for one in found:
        _say(f"{one.name}: {one.why_not or 'on its way'}")
    _say(f"{sum(not one.why_not for one in found)} of {len(found)} servers of {node} are being built again")


def _say(line: str) -> None:
    err.print(f"  {line}", style="dim", markup=False)
