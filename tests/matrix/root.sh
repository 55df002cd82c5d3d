#!/bin/bash
# root.sh SUITE CACHEDIR: the root file system of a Debian release as
# CACHEDIR/SUITE.tar, with the kernel, every network stack and VMware's tools;
# image.sh makes guests of it. Its initramfs is the release's own. An archive
# that an unchanged root.sh made is left alone; CACHEDIR/SUITE.made is then a
# sum that names what it was made by.
set -euo pipefail

suite=$1 cache=$2
packages=linux-image-amd64,initramfs-tools,systemd-sysv,udev,dbus,iproute2
packages+=,ifupdown,netplan.io,network-manager,qemu-guest-agent,open-vm-tools
packages+=,xfsprogs,btrfs-progs,lvm2,bridge-utils,zstd,libpam-systemd
case $suite in
bullseye) ;;
*) packages+=,systemd-resolved ;;
esac

mkdir -p "$cache"
exec 9>"$cache/$suite.lock"
flock 9
made=$(sha256sum <"$0")
[ "$made" != "$(cat "$cache/$suite.made" 2>/dev/null)" ] || exit 0
command -v mmdebstrap >/dev/null || {
  echo "root.sh: needs mmdebstrap" >&2
  exit 77
}
start=$SECONDS
# shellcheck disable=SC2016 # $1 is for the hook
mmdebstrap --quiet --format=tar --variant=minbase --include="$packages" \
  --dpkgopt=path-exclude=/usr/share/doc/* \
  --dpkgopt=path-exclude=/usr/share/locale/* \
  --dpkgopt=path-exclude=/usr/share/man/* \
  --aptopt='Acquire::Retries "3"' \
  --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/*' \
  "$suite" "$cache/$suite.tar.new" http://deb.debian.org/debian >&2
mv "$cache/$suite.tar.new" "$cache/$suite.tar"
echo "$made" >"$cache/$suite.made"
echo "root.sh: $suite in $((SECONDS - start)) s" >&2
