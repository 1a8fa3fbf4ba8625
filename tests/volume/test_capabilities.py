"""What types ask of the back end, in Cinder's words."""

from __future__ import annotations

import pytest

from actors.volume.capabilities import are_enough


@pytest.mark.parametrize(
    ("specs", "enough"),
    [
        ({}, True),
        ({"volume_backend_name": "qcow2"}, True),
        ({"volume_backend_name": "ssd"}, False),
        ({"capabilities:volume_backend_name": "qcow2", "vendor_name": "novaray"}, True),
        ({"capabilities:volume_backend_name": "ssd"}, False),
        ({"vendor:speed": "fast", "hw:x": "y"}, True),  # for others
        ({"multiattach": "<is> True"}, False),
        ({"multiattach": "<is> False"}, True),
        ({"thin_provisioning_support": "<is> true"}, True),
        ({"storage_protocol": "<or> iSCSI <or> nbd"}, True),
        ({"storage_protocol": "<or> iSCSI <or> FC"}, False),
        ({"storage_protocol": "<in> nb"}, True),
        ({"storage_protocol": "s== nbd"}, True),
        ({"storage_protocol": "s!= nbd"}, False),
        ({"nothing": "at all"}, False),
    ],
)
def test_the_back_end_is_what_a_type_asks_for(specs: dict[str, str], enough: bool) -> None:
    assert are_enough(specs) is enough
