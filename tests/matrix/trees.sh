#!/bin/bash
# trees.sh NAME DIR: puts a system that nobody serves any more into DIR, as a
# file tree made by hand: what its release, kernel, initramfs (names of modules
# without content) and network files look like. For tests/matrix/layouts and
# tests/unit/test_guest_layouts.c, which have the same golden files.
set -euo pipefail
mac=00:50:56:01:02:03
root=$2

put() { # PATH [MODE], content on standard input
  mkdir -p "$root${1%/*}"
  cat >"$root$1"
  chmod "${2:-644}" "$root$1"
}

# kernel VERSION INITRAMFS "MODULES IN IT" "MODULES AT HAND" [BUILT IN]
kernel() {
  local version=$1 image=$2 m ram
  ram=$(mktemp -d)
  mkdir -p "$ram/lib/modules/$version/kernel" "$root/lib/modules/$version"
  for m in $3; do : >"$ram/lib/modules/$version/kernel/$m.ko"; done
  for m in $3 $4; do echo "kernel/$m.ko:"; done | sort -u |
    put "/lib/modules/$version/modules.dep"
  for m in ${5:-}; do echo "kernel/$m.ko"; done |
    put "/lib/modules/$version/modules.builtin"
  echo kernel | put "/boot/vmlinuz-${image_version:-$version}"
  (cd "$ram" && find . | cpio -o -H newc --quiet) | ${squeeze:-gzip -n} |
    put "/boot/$image"
  rm -r "$ram"
}

tool() { # PATH...: a program that is there
  local p
  for p; do echo program | put "$p" 755; done
}

fstab() {
  printf 'UUID=%s / %s defaults 1 1\n' 0e5b7d10-0000-4000-8000-000000000001 \
    ext4 | put /etc/fstab
}

rules() { # NIC: as the generator of old udevs wrote it
  printf '%s\n' '# PCI device 0x15ad:0x07b0 (vmxnet3)' \
    'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*",' \
    "ATTR{address}==\"$mac\", ATTR{dev_id}==\"0x0\", ATTR{type}==\"1\"," \
    "KERNEL==\"eth*\", NAME=\"$1\"" | paste -sd' ' |
    sed 's/ SUBSYSTEM/\nSUBSYSTEM/' |
    put /etc/udev/rules.d/70-persistent-net.rules
}

virtio="virtio virtio_ring virtio_pci virtio_blk virtio_scsi virtio_net"

# --- the layouts ---------------------------------------------------------------

debian7() {
  tool /sbin/ifup /sbin/fstrim
  echo 7.11 | put /etc/debian_version
  printf '%s\n' 'PRETTY_NAME="Debian GNU/Linux 7 (wheezy)"' ID=debian \
    'VERSION_ID="7"' | put /etc/os-release
  put /etc/network/interfaces <<'END'
# This file describes the network interfaces available on your system

auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug eth0
iface eth0 inet static
	address 192.0.2.77
	netmask 255.255.255.0
	network 192.0.2.0
	broadcast 192.0.2.255
	gateway 192.0.2.1
	up ip route add 10.0.0.0/8 via 192.0.2.254 dev eth0
END
  echo 'nameserver 192.0.2.53' | put /etc/resolv.conf
  rules eth0
  kernel 3.2.0-4-amd64 initrd.img-3.2.0-4-amd64 "ata_piix mptspi sd_mod" \
    "$virtio e1000"
}

ubuntu12() {
  tool /sbin/ifup /sbin/fstrim
  printf '%s\n' 'NAME="Ubuntu"' ID=ubuntu 'VERSION_ID="12.04"' \
    'PRETTY_NAME="Ubuntu precise (12.04.5 LTS)"' | put /etc/os-release
  put /etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
        address 192.0.2.77
        netmask 255.255.255.0
        gateway 192.0.2.1
        dns-nameservers 192.0.2.53 192.0.2.54
        dns-search example.com
END
  echo kernel | put /boot/vmlinuz-3.2.0-126-generic.efi.signed
  kernel 3.2.0-126-generic initrd.img-3.2.0-126-generic "ahci mptspi" e1000 \
    "virtio_pci virtio_blk virtio_net ata_piix sd_mod"
}

rhel6() {
  tool /sbin/fstrim
  echo 'CentOS release 6.10 (Final)' | put /etc/redhat-release
  put /etc/sysconfig/network <<'END'
NETWORKING=yes
HOSTNAME=web01.example.com
GATEWAY=192.0.2.1
END
  put /etc/sysconfig/network-scripts/ifcfg-eth0 <<END
DEVICE=eth0
HWADDR=${mac^^}
TYPE=Ethernet
UUID=9a1f0c2d-1c1e-4e0a-9d55-0a0000000001
ONBOOT=yes
NM_CONTROLLED=no
BOOTPROTO=none
IPADDR=192.0.2.77
NETMASK=255.255.255.0
DNS1=192.0.2.53
END
  printf 'DEVICE=lo\nIPADDR=127.0.0.1\nNETMASK=255.0.0.0\nONBOOT=yes\n' |
    put /etc/sysconfig/network-scripts/ifcfg-lo
  rules eth0
  kernel 2.6.32-754.el6.x86_64 initramfs-2.6.32-754.el6.x86_64.img \
    "$virtio ata_piix ahci sd_mod" e1000
}

rhel7() {
  tool /usr/sbin/NetworkManager /usr/sbin/fstrim \
    /usr/lib/udev/rules.d/80-net-setup-link.rules /usr/lib/systemd/system/fstrim.timer
  echo 'CentOS Linux release 7.9.2009 (Core)' | put /etc/redhat-release
  printf '%s\n' 'ID="centos"' 'VERSION_ID="7"' \
    'PRETTY_NAME="CentOS Linux 7 (Core)"' | put /etc/os-release
  put /etc/sysconfig/network-scripts/ifcfg-ens192 <<'END'
TYPE="Ethernet"
BOOTPROTO="none"
DEFROUTE="yes"
IPV6INIT="yes"
NAME="ens192"
UUID="9a1f0c2d-1c1e-4e0a-9d55-0a0000000002"
DEVICE="ens192"
ONBOOT="yes"
IPADDR="192.0.2.77"
PREFIX="24"
GATEWAY="192.0.2.1"
DNS1="192.0.2.53"
END
  echo '10.0.0.0/8 via 192.0.2.254 dev ens192' |
    put /etc/sysconfig/network-scripts/route-ens192
  echo kernel | put /boot/vmlinuz-0-rescue-9a1f0c2d
  kernel 3.10.0-1160.el7.x86_64 initramfs-3.10.0-1160.el7.x86_64.img \
    "vmw_pvscsi ata_piix sd_mod" "$virtio e1000"
}

rhel9() {
  tool /usr/sbin/NetworkManager /usr/sbin/fstrim \
    /usr/lib/udev/rules.d/80-net-setup-link.rules /usr/lib/systemd/system/fstrim.timer \
    /usr/sbin/qemu-ga
  squeeze='zstd -q'
  printf '%s\n' 'ID="almalinux"' 'VERSION_ID="9.4"' \
    'PRETTY_NAME="AlmaLinux 9.4 (Seafoam Ocelot)"' | put /etc/os-release
  put /etc/NetworkManager/system-connections/ens192.nmconnection 600 <<'END'
[connection]
id=ens192
uuid=9a1f0c2d-1c1e-4e0a-9d55-0a0000000003
type=ethernet
interface-name=ens192

[ethernet]

[ipv4]
address1=192.0.2.77/24,192.0.2.1
dns=192.0.2.53;
may-fail=false
method=manual

[ipv6]
addr-gen-mode=eui64
method=disabled
END
  kernel 5.14.0-427.el9.x86_64 initramfs-5.14.0-427.el9.x86_64.img \
    "$virtio ata_piix ahci sd_mod" e1000
}

sles11() {
  printf '%s\n' 'SUSE Linux Enterprise Server 11 (x86_64)' 'VERSION = 11' \
    'PATCHLEVEL = 4' | put /etc/SuSE-release
  put /etc/sysconfig/network/ifcfg-eth0 <<'END'
BOOTPROTO='static'
BROADCAST=''
ETHTOOL_OPTIONS=''
IPADDR='192.0.2.77/24'
MTU=''
NAME='VMXNET3 Ethernet Controller'
NETMASK=''
NETWORK=''
REMOTE_IPADDR=''
STARTMODE='auto'
USERCONTROL='no'
END
  echo 'default 192.0.2.1 - -' | put /etc/sysconfig/network/routes
  printf 'NETCONFIG_DNS_STATIC_SERVERS="192.0.2.53"\n' |
    put /etc/sysconfig/network/config
  rules eth0
  echo kernel | put /boot/vmlinux-3.0.101-63-default.gz
  kernel 3.0.101-63-default initrd-3.0.101-63-default \
    "$virtio ata_piix ahci sd_mod" e1000
}

alpine() {
  tool /sbin/ifup /sbin/fstrim
  echo 3.20.3 | put /etc/alpine-release
  printf '%s\n' ID=alpine VERSION_ID=3.20.3 \
    'PRETTY_NAME="Alpine Linux v3.20"' | put /etc/os-release
  put /etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address 192.0.2.77/24
	gateway 192.0.2.1
END
  echo 'nameserver 192.0.2.53' | put /etc/resolv.conf
  image_version=lts kernel 6.6.54-0-lts initramfs-lts \
    "$virtio ata_piix ahci sd_mod" e1000
}

case $1 in
debian7 | ubuntu12 | rhel6 | rhel7 | rhel9 | sles11 | alpine) ;;
*)
  echo "trees.sh: no system $1" >&2
  exit 2
  ;;
esac
mkdir -p "$root"/{etc,boot,var/backups,usr,lib/modules}
fstab
"$1"
