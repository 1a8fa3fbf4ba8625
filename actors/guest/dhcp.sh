#!/bin/sh
# DHCP on one NIC: `guest-dhcp start eth0`, and the script that udhcpc calls with what the server gave.

TRIES=8 # one a second; then udhcpc goes on trying in the background

configure() {
  [ -n "$mtu" ] && ip link set dev "$interface" mtu "$mtu"
  ip -4 addr show dev "$interface" | grep -q " $ip/$mask " || {
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/$mask" broadcast + dev "$interface"
  }
  metric=$((100 + $(cat "/sys/class/net/$interface/ifindex")))
  # RFC 3442: who sends classless routes (option 121) means them instead of the router (option 3)
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      route "$1" "$2"
      shift 2
    done
  else
    for gateway in $router; do route 0.0.0.0/0 "$gateway"; done
  fi
  : >/run/guest/resolv.conf
  [ -n "$domain" ] && echo "search $domain" >>/run/guest/resolv.conf
  for server in $dns; do echo "nameserver $server" >>/run/guest/resolv.conf; done
  mv /run/guest/resolv.conf /etc/resolv.conf
}

route() { # destination/prefix gateway; a gateway of zeros means on the link
  via="via $2"
  [ "$2" = 0.0.0.0 ] && via=
  ip route add "$1" $via dev "$interface" metric "$metric" 2>/dev/null
}

case $1 in
start)
  ip link set dev "$2" up
  udhcpc -i "$2" -s /sbin/guest-dhcp -O staticroutes -O mtu -t $TRIES -T 1 -A 5 -b -S >/dev/null 2>&1
  ;;
deconfig) ip link set dev "$interface" up ;;
bound | renew) configure ;;
esac
