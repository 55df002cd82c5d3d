#!/bin/sh
# deps.sh KIND...: install the packages of tests/deps.txt of these kinds that
# are missing. Never removes a package; never touches a Proxmox node's test set.
set -eu
list=$(dirname "$0")/deps.txt
kinds=$*

if [ -e /usr/bin/pveversion ]; then
  kinds=build
fi
missing=
for kind in $kinds; do
  for p in $(awk -v k="$kind" '$1 == k { print $2 }' "$list"); do
    s=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)
    [ "$s" = "install ok installed" ] || missing="$missing $p"
  done
done
[ -n "$missing" ] || exit 0
echo "deps: installing$missing" >&2
if [ "$(id -u)" != 0 ]; then
  echo "deps: as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
install() {
  apt-get install -y -q --no-install-recommends --no-remove $missing
}
# Package lists may be absent or old on a fresh machine.
install >/dev/null 2>&1 || { apt-get update -q >&2; install >&2; }
