#!/bin/sh
# The guest's start, run once by busybox init before any shell. A failed line never stops the boot: a guest that has
# no network or no metadata still says so on its console. Ends with the line that outsiders wait for: GUEST READY …

USER_DATA_WAIT_S=10 # user data that takes longer goes on beside the ready guest
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run/guest /srv/www
mount -t devpts devpts /dev/pts
echo "GUEST START $(uname -r) after $(cut -d' ' -f1 /proc/uptime) s"

modprobe -a virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon virtio_console button evdev
# the SCSI layer is a quarter of all module code: only for a guest that has virtio-scsi (PCI ids, virtio 1.2 section 4.1.2)
grep -qE '0x1004|0x1048' /sys/bus/pci/devices/*/device && modprobe -a virtio_scsi sd_mod sr_mod
ip link set lo up

dhcp_all() {
  for path in /sys/class/net/eth*; do
    [ -e "$path" ] && guest-dhcp start "${path##*/}" &
  done
  wait
}
dhcp_all &
dhcp=$!
guest-metadata drive || { wait $dhcp && guest-metadata http; } || echo "GUEST has no metadata"
wait $dhcp

name=$(cat /run/guest/hostname 2>/dev/null)
hostname "${name:-guest}"
echo "127.0.0.1 localhost $(hostname)" >/etc/hosts

mkdir -p -m 700 /root/.ssh /etc/dropbear
umask 077
cp /run/guest/authorized_keys /root/.ssh/authorized_keys 2>/dev/null
umask 022
dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/dev/null 2>&1
dropbear -s -r /etc/dropbear/dropbear_ed25519_host_key
guest-report pages
httpd -p 80 -h /srv/www

run_user_data() {
  head -n 1 /run/guest/user_data | grep -q '^#!' || return
  chmod 700 /run/guest/user_data
  /run/guest/user_data </dev/null
  echo "GUEST USER_DATA ended with $?"
}
if [ -s /run/guest/user_data ]; then
  run_user_data &
  user_data=$!
  waited=0
  while kill -0 $user_data 2>/dev/null && [ $waited -lt $((USER_DATA_WAIT_S * 10)) ]; do
    usleep 100000
    waited=$((waited + 1))
  done
fi

acpid -l /dev/null -p /run/acpid.pid # the power button
uevent /sbin/guest-report &         # devices that come and go
dmesg -n 1                          # from here on the kernel must not write into the middle of our lines
guest-report pages
guest-report console
