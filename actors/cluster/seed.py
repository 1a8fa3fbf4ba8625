"""What a new cloud is given so that a first boot works: flavors, a shared network, a security group, an image; and
where it has an external network, that and a router between the two.

The administrator's project has no quotas of servers, volumes or ports: its hosts alone limit it. Every item is made
only where it is missing, so `up` may run it each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.api.messages import CreateFlavor
from actors.cloud import Cloud
from actors.cluster import names
from actors.cluster.config import CloudConfig
from actors.conductor.quotas import UNLIMITED
from actors.identity.messages import Describe
from actors.network import external
from actors.network import quotas as network_quotas
from actors.network.messages import SetQuota
from actors.volume import quotas as volume_quotas
from actors.volume.messages import QuotaRequest

NETWORK = "private"
CIDR = "10.77.0.0/16"
ROUTER = "router"
IMAGE = "tiny"
SECURITY_GROUP = "ssh-and-web"
SIMULATED_IMAGE_BYTES = 1 << 20

FLAVORS = (  # name, vcpus, MiB, GiB; Nova's customary ones, and one that suits the tiny image
    ("tiny", 1, 128, 1),
    ("m1.tiny", 1, 512, 1),
    ("m1.small", 1, 2_048, 20),
    ("m1.medium", 2, 4_096, 40),
    ("m1.large", 4, 8_192, 80),
)


def seed(cloud: Cloud, config: CloudConfig, say: Callable[[str], None], external_cidr: str = "") -> None:
    _lift_quotas(cloud)
    known = {flavor.name for flavor in cloud.flavors.all()}
    for name, vcpus, ram_mib, disk_gib in FLAVORS:
        if name not in known:
            request = CreateFlavor(
                token=cloud.session.token, name=name, vcpus=vcpus, ram_mib=ram_mib, disk_gib=disk_gib, id=name
            )
            cloud.flavors.put(request)
    if NETWORK not in {network.name for network in cloud.networks.all()}:
        cloud.networks.create(NETWORK, CIDR, shared=True)
    if external_cidr:
        _lead_out(cloud, external_cidr)
    if SECURITY_GROUP not in {group.name for group in cloud.networks.security_groups()}:
        group = cloud.networks.create_security_group(SECURITY_GROUP, description="ssh, http and ping from everywhere")
        for protocol, port in (("icmp", 0), ("tcp", 22), ("tcp", 80)):
            cloud.networks.allow(group.id, protocol, port)
    if IMAGE not in {image.name for image in cloud.images.all()}:
        say("uploading the guest image")
        _upload_image(cloud, config, say)


def _lead_out(cloud: Cloud, cidr: str) -> None:
    """Servers of the first network reach the external one, and have floating IPs of it. Each part is asked for by
    itself: who made the last may have been killed."""
    known = {network.name for network in cloud.networks.all()}
    if external.NETWORK not in known:
        cloud.networks.create_external(external.NETWORK, physical_network=external.PHYSICAL_NETWORK)
    public, private = (cloud.networks.get(name) for name in (external.NETWORK, NETWORK))
    if not cloud.networks.subnets(public.id):
        cloud.networks.create_subnet(public.id, cidr, name=f"{public.name}-subnet", dhcp=False)
    if ROUTER not in {router.name for router in cloud.routers.all()}:
        cloud.routers.create(ROUTER, external_network_id=public.id)
    router = cloud.routers.get(ROUTER)
    joined = {ip.subnet_id for port in cloud.networks.ports(server_id=router.id) for ip in port.fixed_ips}
    for subnet in cloud.networks.subnets(private.id):
        if subnet.cidr == CIDR and subnet.id not in joined:
            cloud.routers.add_interface(router.id, subnet.id)


def _lift_quotas(cloud: Cloud) -> None:
    """This project is limited by the hosts alone, unless it was given limits of its own; others have the cloud's."""
    call, token = cloud.session.call, cloud.session.token
    servers = call(names.API, "quota", token)
    if not servers.own:
        call(names.API, "set_quota", token, "", UNLIMITED, True)
    project = cloud.session.one(names.IDENTITY, "describe", Describe(token=token, subject=token)).context.project_id
    of_volumes = QuotaRequest(token=token, project_id=project)
    if not cloud.session.one(names.VOLUME, "show_quota", of_volumes).own:
        lifted = msgspec.structs.replace(of_volumes, limits=volume_quotas.UNLIMITED)
        cloud.session.one(names.VOLUME, "change_quota", lifted)
    if project not in call(names.NETWORK, "list_quotas", token):
        call(names.NETWORK, "set_quota", SetQuota(token=token, project_id=project, limits=network_quotas.NO_LIMITS))


def _upload_image(cloud: Cloud, config: CloudConfig, say: Callable[[str], None]) -> None:
    if config.hypervisor == "simulated":
        file = config.home / "simulated.raw"
        with file.open("wb") as blank:
            blank.truncate(SIMULATED_IMAGE_BYTES)
        cloud.images.upload(IMAGE, file, disk_format="raw", public=True)
        file.unlink()
        return
    from actors.guest.image import build_guest_image

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "novaray"
    cloud.images.upload(IMAGE, build_guest_image(cache, say), public=True)
