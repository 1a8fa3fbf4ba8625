"""The commands of `novaray`: each connects, asks, and prints a table, or JSON where a script reads it.

Exit codes: 0 done, 1 refused or failed (the message says why), 2 no cloud answers.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from actors.cli import bench, floating_ips, images, networks, node, server_groups, volumes
from actors.cli import show as shown
from actors.cli.audit import audit
from actors.cli.backup import backup, restore
from actors.cli.explain import explain
from actors.cli.prune import prune
from actors.cluster.config import CloudConfig, EvacuationPolicy, HypervisorName, default_home

app = typer.Typer(
    help="Boot virtual machines on a Ray cluster: OpenStack Nova's whole boot path as actors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(node.app, name="node")
app.command()(node.drain)
app.command()(node.enable)
app.command()(node.evacuate)
app.add_typer(bench.app, name="bench")
app.add_typer(server_groups.app, name="server-group")
app.add_typer(images.app, name="image")
app.add_typer(networks.app, name="network")
app.add_typer(floating_ips.app, name="floating-ip")
app.add_typer(volumes.app, name="volume")
app.command()(explain)
app.command()(audit)
app.command()(backup)
app.command()(restore)
app.command()(prune)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A server's name or id.")]
Names = Annotated[list[str], typer.Argument(help="Servers, by name or id.")]


def run() -> None:
    from actors.cloud import BootFailedError, CloudUnavailableError
    from actors.errors import CallerError

    try:
        app()
    except CloudUnavailableError as error:
        err.print(f"novaray: {error}", style="red", markup=False)
        sys.exit(2)
    except (CallerError, BootFailedError, TimeoutError, RuntimeError) as error:
        err.print(f"novaray: {error}", style="red", markup=False)
        sys.exit(1)


def _say(line: str) -> None:
    err.print(f"  {line}", style="dim", markup=False)


# ---------------------------------------------------------------- the cloud


@app.command()
def up(
    nodes: Annotated[
        int | None,
        typer.Option(min=1, help="Worker nodes on this machine [1]; with --address, how many to wait for [0]."),
    ] = None,
    hypervisor: Annotated[
        HypervisorName | None, typer.Option(help="libvirt: real guests; simulated: none, for load tests. [libvirt]")
    ] = None,
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts on each node.")] = 1,
    database: Annotated[str, typer.Option(help="Database URL, e.g. postgresql+psycopg://…  [SQLite]")] = "",
    take_database: Annotated[
        bool, typer.Option("--take-database", help="Take the database from another cloud that runs on it.")
    ] = False,
    dashboard: Annotated[bool, typer.Option(help="Ray's dashboard, which `ray job submit` needs.")] = True,
    address: Annotated[
        str, typer.Option(help="Join the Ray cluster there ('auto': this machine's) instead of starting one.")
    ] = "",
    api_host: Annotated[str, typer.Option(help="Address on which the REST edge listens.")] = "127.0.0.1",
    api_port: Annotated[int, typer.Option(min=0, max=65_535, help="Its port. [the last one, or a free one]")] = 0,
    evacuate: Annotated[
        EvacuationPolicy, typer.Option(help="Servers of a node that left, by themselves: on volumes, or all anew.")
    ] = "never",
    evacuate_after: Annotated[float, typer.Option(min=0.0, help="Seconds for a node to come back before.")] = 60.0,
    external: Annotated[
        str,
        typer.Option(
            metavar="CIDR", help="Have an external network: floating IPs of it reach guests from here. 172.24.4.0/24"
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Start a cloud on this machine (or leave it as it is, where it runs already), or on a Ray cluster."""
    from actors.cluster import bringup
    from actors.cluster.config import SimulatedConfig

    chosen = hypervisor or "libvirt"
    config = CloudConfig(
        hypervisor=chosen,
        database_url=database,
        api_host=api_host,
        api_port=api_port,
        evacuate=evacuate,
        evacuate_after_s=evacuate_after,
    )
    if address and external:
        raise typer.BadParameter("is for nodes on this machine; elsewhere a node's settings name its physical networks")
    if address:
        shown.cloud_is_up(start_joined(config, address, nodes or 0, take_database), config, as_json)
        return
    _require_real_hypervisor(chosen)
    options = bringup.UpOptions(
        nodes=nodes or 1,
        hypervisor=chosen,
        simulated=SimulatedConfig(hosts=hosts),
        dashboard=dashboard,
        database_url=database,
        take_database=take_database,
        external_cidr=external,
    )
    runtime = start(config, options)
    shown.cloud_is_up(runtime, config, as_json)


def start(config: CloudConfig, options: Any) -> Any:
    """Bring the cloud up and seed it; what is running."""
    from actors.cloud import Cloud
    from actors.cluster import bringup
    from actors.cluster.seed import seed

    runtime = bringup.up(config, options, _say)
    external_cidr = runtime.nodes[0].external_cidr if runtime.nodes else ""  # as it was started, whatever is said now
    with Cloud.connect(config.home) as cloud:
        seed(cloud, config, _say, external_cidr)
    return runtime


def start_joined(config: CloudConfig, address: str, nodes: int, take_database: bool = False) -> Any:
    """Start the cloud on a Ray cluster that is there, and seed it; what is running."""
    from actors.cloud import Cloud
    from actors.cluster.join import join
    from actors.cluster.seed import seed

    runtime = join(config, address, nodes, _say, take_database)
    with Cloud.connect(config.home) as cloud:
        seed(cloud, config, _say)
    return runtime


def _require_real_hypervisor(hypervisor: str) -> None:
    if hypervisor != "libvirt":
        return
    from actors.cli.doctor import lacks_for_real_guests

    lacks = lacks_for_real_guests()
    if lacks:
        raise RuntimeError(
            "real guests are not possible here: "
            + "; ".join(lacks)
            + "\n`novaray doctor` says what to do; `novaray up --hypervisor simulated` works without."
        )


@app.command()
def down(purge: Annotated[bool, typer.Option(help="Remove the home folder too.")] = False) -> None:
    """Stop the cloud: every guest, service, bridge and namespace. The database and images stay."""
    from actors.cluster import bringup

    bringup.down(default_home(), _say, purge)


@app.command()
def status(as_json: Json = False) -> None:
    """What runs: nodes, services, servers."""
    from actors.cluster.status import cloud_status

    shown.status(cloud_status(default_home()), as_json)


@app.command()
def env() -> None:
    """Variables for the shell: eval "$(novaray env)" lets `openstack` and `ray job submit` talk to this cloud."""
    from actors.cloud import CloudUnavailableError
    from actors.cluster import bringup
    from actors.cluster.clouds_file import client_variables

    home = default_home()
    runtime = bringup.running(home)
    if runtime is None:
        raise CloudUnavailableError(f"no cloud runs in {home}; start one with `novaray up`")
    variables = {"RAY_API_SERVER_ADDRESS": runtime.dashboard, "RAY_ADDRESS": runtime.address}
    variables |= runtime.authentication | client_variables(home)
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """What this machine can do, and what to do about each lack."""
    from actors.cli.doctor import examine, print_checks

    print_checks(examine(), as_json)


# ---------------------------------------------------------------- servers


@app.command()
def boot(
    name: Annotated[str, typer.Argument(help="The server's name.")],
    flavor: Annotated[str, typer.Option(help="Flavor, by name or id.")] = "tiny",
    image: Annotated[str, typer.Option(help="Image, by name or id.")] = "tiny",
    network: Annotated[list[str] | None, typer.Option(help="Network, by name or id; may be repeated.")] = None,
    volume: Annotated[list[str] | None, typer.Option(help="Volume to attach; may be repeated.")] = None,
    security_group: Annotated[list[str] | None, typer.Option(help="Security group; may be repeated.")] = None,
    key: Annotated[Path | None, typer.Option(help="OpenSSH public key file for root.", exists=True)] = None,
    user_data: Annotated[Path | None, typer.Option(help="File with user data.", exists=True)] = None,
    availability_zone: Annotated[str, typer.Option(help="Zone, or zone:host.")] = "",
    count: Annotated[int, typer.Option(min=1, help="How many servers alike.")] = 1,
    min_count: Annotated[int, typer.Option(min=0, help="Boot at least so many or none. [each for itself]")] = 0,
    server_group: Annotated[str, typer.Option(help="Server group, by name or id.")] = "",
    wait_for_capacity: Annotated[float, typer.Option(min=0.0, help="Seconds to wait where no host has room.")] = 0.0,
    wait: Annotated[bool, typer.Option(help="Wait until they are ACTIVE.")] = True,
    as_json: Json = False,
) -> None:
    """Launch servers."""
    from actors.cloud import BootOptions, Cloud

    options = BootOptions(
        flavor=flavor,
        image=image,
        networks=tuple(network or ()),
        volumes=tuple(volume or ()),
        security_groups=tuple(security_group or ("ssh-and-web",)),
        public_key=key.read_text().strip() if key else "",
        user_data=user_data.read_bytes() if user_data else b"",
        availability_zone=availability_zone,
        server_group=server_group,
        wait_for_capacity_s=wait_for_capacity,
    )
    with Cloud.connect() as cloud:
        if count > 1:
            servers = cloud.boot_group(name, count, options, min_count=min_count)
            if wait:
                cloud.wait(servers)
        else:
            servers = [cloud.run(name, options) if wait else cloud.boot(name, options)]
        shown.servers([server.view for server in servers], as_json)


@app.command("list")
def list_servers(as_json: Json = False) -> None:
    """The project's servers."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        shown.servers([server.view for server in cloud.servers()], as_json)


@app.command()
def show(server: Name, as_json: Json = False) -> None:
    """One server in full."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        shown.server(cloud.server(server).view, as_json)


@app.command()
def story(server: Name, as_json: Json = False) -> None:
    """A server's timeline: every step of its boot with milliseconds."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        shown.story(cloud.server(server).story(), as_json)


@app.command()
def console(
    server: Name,
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines.")] = 50,
    as_json: Json = False,
) -> None:
    """The last lines of a guest's console."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        shown.text(cloud.server(server).console(lines), "console", as_json)


@app.command()
def events(
    since: Annotated[int, typer.Option(help="Begin after this number; 0 = the oldest kept.")] = 0,
    follow: Annotated[bool, typer.Option(help="Go on as they happen.")] = False,
    as_json: Json = False,
) -> None:
    """Notifications: instance.create.start, .end, .error and the like."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for event in cloud.events(since, None if follow else 0.0):
            shown.event(event, as_json)


@app.command()
def stop(servers: Names) -> None:
    """Shut guests down, and wait until they are off."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for name in servers:
            cloud.server(name).stop()


@app.command("start")
def start_servers(servers: Names) -> None:
    """Start guests that are off."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for name in servers:
            cloud.server(name).start()


@app.command()
def reboot(servers: Names, hard: Annotated[bool, typer.Option(help="Switch off, whatever its state.")] = False) -> None:
    """Have guests shut down and start again."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for name in servers:
            cloud.server(name).reboot(hard=hard)


@app.command()
def rebuild(
    server: Name, image: Annotated[str, typer.Option(help="Image, by name or id; its own if you name none.")] = ""
) -> None:
    """Make a guest anew from an image, with its addresses and volumes. What is on its root disk, or the
    volume that it boots from, is lost."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.server(server).rebuild(image)


@app.command()
def rescue(
    server: Name,
    image: Annotated[str, typer.Option(help="Image, by name or id; its own if you name none.")] = "",
    password: Annotated[str, typer.Option(help="Of the guest that is rescued, on its config drive.")] = "",
) -> None:
    """Have a guest boot from a disk made of an image, with its own root disk as the second, to mend that."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.server(server).rescue(image, password)


@app.command()
def unrescue(server: Name) -> None:
    """Have a guest that is rescued boot from its own disk again."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.server(server).unrescue()


@app.command()
def shelve(servers: Names) -> None:
    """Have hosts give the room of servers back; addresses, volumes and what is on their disks are kept."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for name in servers:
            cloud.server(name).shelve()


@app.command()
def unshelve(servers: Names) -> None:
    """Have shelved servers run again, wherever there is room."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        for name in servers:
            cloud.server(name).unshelve()


@app.command()
def resize(
    server: Name,
    flavor: Annotated[str, typer.Option(help="Flavor, by name or id.")] = "",
    confirm: Annotated[bool, typer.Option(help="Keep what it was resized to.")] = False,
    revert: Annotated[bool, typer.Option(help="Take back what it was resized to, and what it wrote since.")] = False,
) -> None:
    """Give a server another flavor, on its host or where there is room; then keep that, or take it back."""
    from actors.cloud import Cloud

    if [bool(flavor), confirm, revert].count(True) != 1:
        raise typer.BadParameter("say one of --flavor NAME, --confirm, --revert")
    with Cloud.connect() as cloud:
        known = cloud.server(server)
        if flavor:
            known.resize(flavor)
        elif confirm:
            known.confirm_resize()
        else:
            known.revert_resize()


@app.command()
def migrate(
    server: Name,
    host: Annotated[str, typer.Option(help="Where to; by itself the scheduler chooses.")] = "",
    confirm: Annotated[bool, typer.Option(help="It stays there.")] = False,
    revert: Annotated[bool, typer.Option(help="It goes back, without what it wrote since.")] = False,
) -> None:
    """Have a server go to another host, off meanwhile; then keep that, or take it back."""
    from actors.cloud import Cloud

    if [bool(host), confirm, revert].count(True) > 1:
        raise typer.BadParameter("say at most one of --host NAME, --confirm, --revert")
    with Cloud.connect() as cloud:
        known = cloud.server(server)
        if confirm:
            known.confirm_resize()
        elif revert:
            known.revert_resize()
        else:
            known.migrate(host)


@app.command()
def delete(servers: Names) -> None:
    """Delete servers and wait until they are gone."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.delete([cloud.server(name) for name in servers])


@app.command()
def ssh(
    server: Name,
    command: Annotated[list[str] | None, typer.Argument(help="A command to run there.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key file.", exists=True)] = None,
) -> None:
    """Log in to a guest as root, through a relay into its network."""
    from actors.cli.reach_guest import run_ssh
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        host, port = cloud.server(server).forward(22)
        sys.exit(run_ssh(host, port, key, command or ()))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave the cloud running.")] = False,
    hypervisor: Annotated[HypervisorName | None, typer.Option(help="[libvirt]")] = None,
) -> None:
    """Boot one machine through the whole flow and show every step."""
    from actors.cli.demo import run_demo

    _require_real_hypervisor(hypervisor or "libvirt")
    run_demo(CloudConfig(hypervisor=hypervisor or "libvirt"), keep, _say)
