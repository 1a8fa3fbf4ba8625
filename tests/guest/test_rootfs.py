"""The guest's root file system: libraries are found in ldd's words."""

from actors.guest.rootfs import shared_libraries

LDD = """\
\tlinux-vdso.so.1 (0x00007fad78e4c000)
\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007fad78cf0000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fad78ad2000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007fad78e4e000)
"""


def test_libraries_and_the_loader_but_not_the_kernels_page() -> None:
    assert shared_libraries(LDD) == [
        "/lib/x86_64-linux-gnu/libz.so.1",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    ]


def test_a_static_program_has_none() -> None:
    assert shared_libraries("\tstatically linked\n") == []
