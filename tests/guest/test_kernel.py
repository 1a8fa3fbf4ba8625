"""Which modules go into the guest: the wanted ones and all that they need."""

import pytest

from actors.guest.command import GuestBuildError
from actors.guest.kernel import closure, module_name, parse_dependencies

MODULES_DEP = """\
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko
kernel/fs/isofs/isofs.ko: kernel/drivers/cdrom/cdrom.ko
kernel/drivers/cdrom/cdrom.ko:
"""


def test_a_module_brings_what_it_needs_and_nothing_else() -> None:
    chosen = closure(parse_dependencies(MODULES_DEP), ("virtio_rng",))
    assert [module_name(path) for path in chosen] == ["virtio_rng", "virtio", "virtio_ring"]


def test_dash_and_underscore_are_one_name() -> None:
    dependencies = parse_dependencies(MODULES_DEP)
    assert closure(dependencies, ("virtio-rng",)) == closure(dependencies, ("virtio_rng",))


def test_a_kernel_without_a_wanted_module_is_refused() -> None:
    with pytest.raises(GuestBuildError, match="nosuch"):
        closure(parse_dependencies(MODULES_DEP), ("isofs", "nosuch"))
