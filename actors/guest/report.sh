#!/bin/sh
# What this guest is: `guest-report console` prints it on the serial line, the last line being GUEST READY;
# `guest-report pages` writes the pages that httpd serves: / and /disks.txt. Run again whenever a device comes or goes.

disks() {
  for path in /sys/block/vd* /sys/block/sd*; do
    [ -e "$path/size" ] || continue
    serial=$(cat "$path/serial" 2>/dev/null)
    echo "${path##*/} $(($(cat "$path/size") * 512)) serial=$serial"
  done
}

address() { ip -4 addr show dev "$1" scope global | sed -n 's/^ *inet \([0-9.]*\).*/\1/p' | head -n 1; }

nics() {
  for path in /sys/class/net/eth*; do
    [ -e "$path" ] || continue
    nic=${path##*/}
    echo "$nic ip=$(address "$nic") mac=$(cat "$path/address") mtu=$(cat "$path/mtu")"
  done
}

# the first NIC that has an address; else the first NIC; else nothing
main_nic() {
  nics >/run/guest/nics
  line=$(grep -m 1 ' ip=[0-9]' /run/guest/nics || head -n 1 /run/guest/nics)
  ip=$(echo "$line" | sed -n 's/.* ip=\([0-9.]*\).*/\1/p')
  mac=$(echo "$line" | sed -n 's/.* mac=\([^ ]*\).*/\1/p')
}

pages() {
  main_nic
  disks >/srv/www/disks.txt.new
  cat >/srv/www/index.html.new <<PAGE
<!doctype html>
<title>$(hostname)</title>
<pre>
hostname=$(hostname)
ip=$ip
mac=$mac
uuid=$(cat /run/guest/uuid 2>/dev/null)
</pre>
<p><a href="/disks.txt">disks</a></p>
PAGE
  for page in disks.txt index.html; do mv "/srv/www/$page.new" "/srv/www/$page"; done
}

console() {
  main_nic
  disks | sed 's/^/GUEST DISK /'
  sed 's/^/GUEST NIC /' /run/guest/nics
  echo "GUEST READY ip=${ip:-none} hostname=$(hostname) mac=${mac:-none} after $(cut -d' ' -f1 /proc/uptime) s"
}

case $1 in
pages) pages ;;
console) console ;;
*) # called by `uevent` for each change of devices
  case $SUBSYSTEM in
  block) pages ;;
  net) [ "$ACTION" = add ] && case $INTERFACE in eth*) guest-dhcp start "$INTERFACE" && pages ;; esac ;;
  esac
  ;;
esac
