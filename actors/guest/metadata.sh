#!/bin/sh
# What the cloud tells this guest, put into /run/guest: hostname, uuid, authorized_keys, user_data.
# `guest-metadata drive` reads the config drive, `guest-metadata http` the metadata service; fails if there is none.

SERVICE=169.254.169.254
HTTP_WAIT_S=10
HTTP_TRIES=3

# JSON on stdin → one line a value: its path with a tab between the names, `=`, the value. Strings are unescaped; a line
# feed inside one becomes a blank, so that every value stays one line.
flatten() {
  awk '
    { text = text $0 " " }
    END { value("") }
    function skip() { sub(/^[ \t\r\n,:]+/, "", text) }
    function take(n,  token) { token = substr(text, 1, n); text = substr(text, n + 1); return token }
    function string(  raw) {
      if (!match(text, /^"([^"\\]|\\.)*"/)) exit 1
      raw = take(RLENGTH)
      raw = substr(raw, 2, length(raw) - 2)
      gsub(/\\\\/, "\001", raw)
      gsub(/\\[nrt]/, " ", raw); gsub(/\\\//, "/", raw); gsub(/\\"/, "\"", raw)
      gsub(/\001/, "\\", raw)
      return raw
    }
    function value(path,  first, name, i) {
      skip()
      first = substr(text, 1, 1)
      if (first == "{" || first == "[") {
        take(1)
        for (i = 0; ; i++) {
          skip()
          if (text == "") exit 1
          if (substr(text, 1, 1) ~ /[]}]/) { take(1); return }
          name = i
          if (first == "{") name = string()
          value(path (path == "" ? "" : "\t") name)
        }
      }
      if (first == "\"") { print path "=" string(); return }
      if (!match(text, /^[-+.A-Za-z0-9]+/)) exit 1
      print path "=" take(RLENGTH)
    }'
}

keep() { # meta_data.json on stdin
  flatten >/run/guest/meta_data || return 1
  sed -n 's/^uuid=//p' /run/guest/meta_data >/run/guest/uuid
  sed -n 's/^hostname=\([A-Za-z0-9-]*\).*/\1/p' /run/guest/meta_data >/run/guest/hostname
  sed -n "s/^public_keys	[^=]*=\(.*[^ ]\) *$/\1/p" /run/guest/meta_data >/run/guest/authorized_keys
}

from_drive() {
  drive=$(findfs LABEL=config-2 2>/dev/null)
  if [ -z "$drive" ]; then # not among the virtio disks: an IDE CD-ROM, whose slow probe other guests are spared
    modprobe -a ata_piix sr_mod 2>/dev/null
    drive=$(findfs LABEL=config-2 2>/dev/null)
  fi
  [ -n "$drive" ] || return 1
  mkdir -p /run/config
  mount -o ro "$drive" /run/config 2>/dev/null || mount -t iso9660 -o ro "$drive" /run/config || return 1
  cp /run/config/openstack/latest/user_data /run/guest/user_data 2>/dev/null
  keep </run/config/openstack/latest/meta_data.json
  kept=$?
  umount /run/config
  return $kept
}

# busybox's wget needs a resolver that a static binary lacks; nc with a bare address does not. The request goes through a
# pipe that stays open, as servers may take a half-closed connection for a lost client.
get() { # path → body on stdout
  pipe=/run/guest/request.$$
  mkfifo $pipe
  exec 3<>$pipe
  rm $pipe
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" $SERVICE >&3
  timeout $HTTP_WAIT_S nc $SERVICE 80 <&3 >/run/guest/reply
  exec 3>&-
  head -n 1 /run/guest/reply | grep -q ' 200 ' || return 1
  sed '1,/^\r*$/d' /run/guest/reply
}

from_http() {
  tried=0
  until get /openstack/latest/meta_data.json >/run/guest/meta_data.json; do
    tried=$((tried + 1))
    [ $tried -lt $HTTP_TRIES ] || return 1
    sleep 1
  done
  get /openstack/latest/user_data >/run/guest/user_data || rm -f /run/guest/user_data
  keep </run/guest/meta_data.json
}

case $1 in
drive) from_drive ;;
http) ip route get $SERVICE >/dev/null 2>&1 && from_http ;;
flatten) flatten ;; # for tests
esac
