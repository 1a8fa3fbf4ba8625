from __future__ import annotations

import random

import pytest

from actors.network.mac import NoMacLeftError, new_mac, normal_mac


def test_new_ones_have_neutrons_prefix_and_are_not_taken() -> None:
    source = random.Random(1)
    taken: dict[str, str] = {}
    for number in range(2_000):
        mac = new_mac(taken, source)
        assert mac.startswith("fa:16:3e:") and mac not in taken and normal_mac(mac) == mac
        taken[mac] = str(number)


def test_a_full_space_is_an_error_not_a_loop() -> None:
    class Everything:
        def __contains__(self, mac: object) -> bool:
            return True

    with pytest.raises(NoMacLeftError):
        new_mac(Everything(), random.Random(1))


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("FA-16-3E-00-11-22", "fa:16:3e:00:11:22"),
        ("fa:16:3e:00:11:22", "fa:16:3e:00:11:22"),
        ("01:00:5e:00:00:01", None),  # multicast
        ("00:00:00:00:00:00", None),
        ("fa:16:3e:00:11", None),
        ("fa:16:3e:00:11:2g", None),
        ("fa:16:3e:00:11:22\n,set:evil", None),
        ("", None),
    ],
)
def test_normal_form(text: str, mac: str | None) -> None:
    assert normal_mac(text) == mac
