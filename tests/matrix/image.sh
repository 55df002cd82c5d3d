#!/bin/bash
# image.sh GUEST CACHEDIR: CACHEDIR/GUEST.raw, a Debian guest as VMware's
# hardware left it: static address 192.0.2.77/24 on ens192, an initramfs that
# knows pvscsi only where the guest's name says "dep". Needs root (chroot,
# loop devices for xfs). An image that is there and newer than this script is
# left alone.
#
#   bookworm-dep        ifupdown, ext4 by /dev/sda1, BIOS, no virtio driver
#   bookworm-networkd   systemd-networkd, btrfs, BIOS
#   trixie-netplan      netplan, ext4, UEFI without fallback loader
#   bullseye-nm         NetworkManager keyfile, xfs, BIOS
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
guest=$1 cache=$2
suite=${guest%%-*} kind=${guest#*-}
uuid=6f2d7a10-1c1e-4e0a-9d55-0000000000$(printf '%s' "$guest" | cksum |
  cut -c1-2)
image=$cache/$guest.raw
gib=3

exec 9>"$cache/$guest.lock"
flock 9
[ ! "$image" -nt "$here/image.sh" ] || exit 0
"$here/root.sh" "$suite" "$cache"
work=$(mktemp -d "$cache/.image-XXXXXX")
root=$work/root
loop=
finish() {
  mountpoint -q "$work/mnt" && umount "$work/mnt"
  [ -z "$loop" ] || losetup -d "$loop"
  rm -rf --one-file-system "$work"
}
trap finish EXIT

write() {
  mkdir -p "$root$(dirname "$1")"
  cat >"$root$1"
}

off() {
  local unit
  for unit; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
}

on() {
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf "/lib/systemd/system/$1" \
    "$root/etc/systemd/system/multi-user.target.wants/$1"
}

# --- network -----------------------------------------------------------------

ifupdown() {
  write /etc/network/interfaces <<'END'
# The loopback network interface
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug ens192
iface ens192 inet static
	address 192.0.2.77/24
	gateway 192.0.2.1
	# dns-* options are implemented by the resolvconf package, if installed
	dns-nameservers 192.0.2.53
END
  off NetworkManager.service systemd-networkd.service
}

networkd() {
  write /etc/systemd/network/20-wired.network <<'END'
# made by hand
[Match]
Name=ens192

[Network]
Address=192.0.2.77/24
Gateway=192.0.2.1
DNS=192.0.2.53
END
  on systemd-networkd.service
  off NetworkManager.service networking.service
}

netplan() {
  write /etc/netplan/50-cloud-init.yaml <<'END'
network:
  version: 2
  ethernets:
    ens192:
      addresses: [192.0.2.77/24]
      routes:
        - to: default
          via: 192.0.2.1
      nameservers:
        addresses: [192.0.2.53]
END
  chmod 600 "$root/etc/netplan/50-cloud-init.yaml"
  on systemd-networkd.service
  off NetworkManager.service networking.service
}

nm() {
  write /etc/NetworkManager/system-connections/ens192.nmconnection <<'END'
[connection]
id=ens192
uuid=2b6b0a0e-5a5a-4b7e-8f5b-6a2f1d1f0c77
type=ethernet
interface-name=ens192

[ipv4]
address1=192.0.2.77/24,192.0.2.1
dns=192.0.2.53;
method=manual

[ipv6]
method=ignore
END
  chmod 600 "$root"/etc/NetworkManager/system-connections/*
  printf 'auto lo\niface lo inet loopback\n' | write /etc/network/interfaces
  off systemd-networkd.service
}

# --- root --------------------------------------------------------------------

make_root() {
  local fs=$1 spec=$2
  mkdir -p "$root"
  tar -C "$root" -xf "$cache/$suite.tar"
  echo "$guest" >"$root/etc/hostname"
  printf '%s / %s defaults 0 1\n' "$spec" "$fs" | write /etc/fstab
  [ "$kind" != netplan ] || echo 'LABEL=ESP /boot/efi vfat umask=0077 0 1' \
    >>"$root/etc/fstab"
  off systemd-networkd-wait-online.service NetworkManager-wait-online.service \
    apt-daily.timer apt-daily-upgrade.timer man-db.timer
  if [ "$kind" = dep ]; then
    # What MODULES=dep finds on VMware's hardware.
    sed -i 's/^MODULES=.*/MODULES=list/' \
      "$root/etc/initramfs-tools/initramfs.conf"
    printf '%s\n' vmw_pvscsi mptspi sd_mod ext4 vmxnet3 \
      >>"$root/etc/initramfs-tools/modules"
  fi
  chroot "$root" update-initramfs -u >"$work/initramfs.log" 2>&1 ||
    { cat "$work/initramfs.log" >&2 && exit 1; }
}

# grub_cfg DIR: boots the one kernel that is there.
grub_cfg() {
  local version
  version=$(basename "$root"/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  mkdir -p "$root$1"
  cat >"$root$1/grub.cfg" <<END
set timeout=0
menuentry 'Debian GNU/Linux' {
  search --no-floppy --fs-uuid --set=root $uuid
  linux /boot/vmlinuz-$version root=$2 ro console=tty0 console=ttyS0
  initrd /boot/initrd.img-$version
}
END
}

# --- disks -------------------------------------------------------------------

bios_disk() {
  local fs=$1 size=$(((gib << 30) - (2 << 20))) modules="biosdisk part_msdos
    configfile linux normal search search_fs_uuid $2"
  truncate -s ${gib}G "$work/disk"
  printf 'label: dos\nstart=2048, type=83, bootable\n' |
    sfdisk -q "$work/disk"
  case $fs in
  ext4) mke2fs -q -F -t ext4 -U "$uuid" -d "$root" \
    -O ^metadata_csum_seed,^orphan_file \
    -E offset=1048576,lazy_itable_init=0 "$work/disk" $((size >> 10))k ;;
  btrfs)
    truncate -s $size "$work/part"
    mkfs.btrfs -q -f -U "$uuid" --rootdir "$root" "$work/part"
    dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse \
      status=none
    ;;
  xfs)
    truncate -s $size "$work/part"
    # What bullseye's kernel and GRUB read.
    mkfs.xfs -q -f -m uuid="$uuid",bigtime=0,inobtcount=0 -i nrext64=0 \
      "$work/part" 2>/dev/null ||
      mkfs.xfs -q -f -m uuid="$uuid",bigtime=0,inobtcount=0 "$work/part"
    loop=$(losetup --show -f "$work/part")
    mkdir "$work/mnt"
    mount "$loop" "$work/mnt"
    cp -a "$root/." "$work/mnt"
    umount "$work/mnt"
    losetup -d "$loop"
    loop=
    dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse \
      status=none
    ;;
  esac
  # shellcheck disable=SC2086 # a list
  grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core" $modules
  dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk" bs=440 count=1 \
    conv=notrunc status=none
  dd if="$work/core" of="$work/disk" bs=512 seek=1 conv=notrunc status=none
}

# GPT, an ESP with EFI/debian/grubx64.efi and no EFI/BOOT, as Debian makes it.
uefi_disk() {
  local esp=$((64 << 20)) at=$(((64 << 20) + (1 << 20)))
  mkdir -p "$root/boot/efi"
  cat >"$work/early.cfg" <<END
search --no-floppy --fs-uuid --set=root $uuid
set prefix=(\$root)/boot/grub
END
  grub-mkimage -O x86_64-efi -p /boot/grub -c "$work/early.cfg" \
    -o "$work/grubx64.efi" part_gpt ext2 fat configfile linux normal search \
    search_fs_uuid efi_gop all_video
  truncate -s ${gib}G "$work/disk"
  printf 'label: gpt\nstart=2048, size=%d, type=U\nstart=%d, type=L\n' \
    $((esp / 512)) $((at / 512)) | sfdisk -q "$work/disk"
  truncate -s $esp "$work/esp"
  mkfs.vfat -n ESP "$work/esp" >/dev/null
  mmd -i "$work/esp" ::EFI ::EFI/debian
  mcopy -i "$work/esp" "$work/grubx64.efi" ::EFI/debian/grubx64.efi
  dd if="$work/esp" of="$work/disk" bs=1M seek=1 conv=notrunc status=none
  mke2fs -q -F -t ext4 -U "$uuid" -d "$root" \
    -E offset=$at,lazy_itable_init=0 "$work/disk" \
    $((((gib << 30) - at - (1 << 20)) >> 10))k
}

start=$SECONDS
case $kind in
dep)
  make_root ext4 /dev/sda1
  ifupdown
  grub_cfg /boot/grub /dev/sda1
  bios_disk ext4 ext2
  ;;
networkd)
  make_root btrfs "UUID=$uuid"
  networkd
  grub_cfg /boot/grub "UUID=$uuid"
  bios_disk btrfs btrfs
  ;;
netplan)
  make_root ext4 "UUID=$uuid"
  netplan
  grub_cfg /boot/grub "UUID=$uuid"
  uefi_disk
  ;;
nm)
  make_root xfs "UUID=$uuid"
  nm
  grub_cfg /boot/grub "UUID=$uuid"
  bios_disk xfs xfs
  ;;
*)
  echo "image.sh: no guest $guest" >&2
  exit 2
  ;;
esac
mv "$work/disk" "$image"
echo "image.sh: $guest in $((SECONDS - start)) s" >&2
