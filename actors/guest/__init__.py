"""The tiny guest: an image built from Debian packages that boots, asks the cloud who it is, and says so.

`image.build_guest_image` makes it (once a machine); `kvm.probe_kvm` boots it to learn whether KVM really works here.
The shell scripts beside these modules run inside the guest. The builder imports the standard library only, so that
the launcher can build while the environment is still being installed.
"""
