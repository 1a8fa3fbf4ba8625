from __future__ import annotations

import pickle

from actors.network.messages import DhcpHost, DhcpNetworkInfo
from actors.records import FixedIp, Network, Subnet


def test_dhcp_contents_survive_the_way_to_another_process() -> None:
    info = DhcpNetworkInfo(
        network_id="n",
        network=Network(id="n", name="é", project_id="p", network_type="vxlan"),
        subnets=(Subnet(id="s", name="", network_id="n", project_id="p", cidr="10.0.0.0/24", pools=(("a", "b"),)),),
        hosts=(DhcpHost(port_id="p", mac_address="m", fixed_ips=(FixedIp("s", "i"),), dns_name="", device_id="d"),),
        port=None,
        dns_domain="openstacklocal",
    )
    assert pickle.loads(pickle.dumps(info)) == info
