"""Reading a host's capabilities, and choosing its parts so that no two guests share one."""

import pytest
from os_traits import get_traits

from actors.compute.libvirt.capacity import TRAIT_FEATURES, traits_of
from actors.compute.libvirt.hardware import cpu_set
from actors.compute.libvirt.host import Host, HostCell, Taken, free_cpus, free_devices, host_from_capabilities, taken_by
from actors.compute.simulated import TRAITS
from actors.errors import CallerError, HostError

CAPABILITIES = """
<capabilities>
  <host>
    <cpu><arch>x86_64</arch><model>Nehalem</model></cpu>
    <topology><cells num='2'>
      <cell id='0'><pages unit='KiB' size='4'>9</pages><pages unit='KiB' size='2048'>8</pages>
        <pages unit='KiB' size='1048576'>0</pages><cpus num='2'><cpu id='0'/><cpu id='2'/></cpus></cell>
      <cell id='1'><pages unit='KiB' size='4'>9</pages><cpus num='2'><cpu id='1'/><cpu id='3'/></cpus></cell>
    </cells></topology>
  </host>
  <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
</capabilities>
"""

DEFINITION = """
<domain>
  <cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='0,1'/></cputune>
  <devices>
    <hostdev type='pci'><source><address domain='0x0000' bus='0x06' slot='0x0' function='0x0'/></source></hostdev>
    <hostdev type='mdev'><source><address uuid='u1'/></source></hostdev>
    <interface type='hostdev'>
      <source><address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/></source></interface>
  </devices>
</domain>
"""


def test_host_from_capabilities() -> None:
    host = host_from_capabilities("h", CAPABILITIES)
    assert host.cells == (HostCell(0, (0, 2), (4, 2048)), HostCell(1, (1, 3), (4,)))
    assert host.page_sizes_kib == (4, 2048)
    assert host.supported == (("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm"))
    assert "Nehalem" in host.cpu_xml


def test_what_other_guests_hold() -> None:
    taken = taken_by([DEFINITION])
    assert taken == Taken(frozenset({2}), frozenset({"0000:06:00.0", "0000:3b:10.2"}), frozenset({"u1"}))


def test_free_cpus_fill_the_fuller_node_first() -> None:
    host = Host("h", cells=(HostCell(0, (0, 1, 2, 3)), HostCell(1, (4, 5))))
    assert [(cell.id, cpus) for cell, cpus in free_cpus(host, Taken(), [2])] == [(1, (4, 5))]
    assert [(cell.id, cpus) for cell, cpus in free_cpus(host, Taken(frozenset({4})), [2, 1])] == [
        (0, (0, 1)),
        (1, (5,)),
    ]
    with pytest.raises(HostError):
        free_cpus(host, Taken(frozenset({0})), [4])


def test_free_devices() -> None:
    assert free_devices("h", "gpu", ("a", "b", "c"), frozenset({"a"}), 2) == ("b", "c")
    with pytest.raises(HostError, match="3 of gpu wanted, 2 free"):
        free_devices("h", "gpu", ("a", "b", "c"), frozenset({"a"}), 3)


def test_cpu_sets() -> None:
    assert cpu_set("x", "0-3, ^2,8") == (0, 1, 3, 8)
    assert cpu_set("x", "") == ()
    with pytest.raises(CallerError):
        cpu_set("x", "0-b")


def test_every_trait_is_one_of_os_traits() -> None:
    assert set(traits_of(list(TRAIT_FEATURES))) - set(get_traits()) == set()
    assert set(TRAITS) - set(get_traits()) == set()


def test_traits_have_their_names_of_os_traits() -> None:
    names = traits_of(["aes", "sse4.2", "avx512vl", "sha-ni", "never-heard-of"])
    assert [name for name in names if name.startswith("HW_")] == [
        "HW_CPU_X86_AESNI",
        "HW_CPU_X86_AVX512VL",
        "HW_CPU_X86_SHA",
        "HW_CPU_X86_SSE42",
    ]
