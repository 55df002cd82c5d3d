#!/bin/bash
# shellcheck disable=SC2154 # set by the()
# image.sh GUEST CACHEDIR: CACHEDIR/GUEST.raw, a Debian guest of guests.sh as
# VMware's hardware left it: static address 192.0.2.77/24 on ens192, and
# started once there (pvscsi or LSI, vmxnet3), where it had that address.
# UEFI guests are started there by their kernel: Debian's OVMF does not boot
# from pvscsi. Needs root (chroot, loop devices). An image that unchanged
# scripts made is left alone.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
check=$here/../lab/guest/boot-check.sh
guest=$1 cache=$2
# shellcheck source=tests/matrix/guests.sh
. "$here/guests.sh"
the "$guest"
image=$cache/$guest.raw
gib=3 boot_mib=256 esp_mib=64
# uuid N: of file system N.
uuid() { printf '6f2d7a10-1c1e-4e0a-9d55-00000000000%s' "$1"; }

exec 9>"$cache/$guest.lock"
flock 9
# The guest's own lines of the table, and all that makes it.
key=$({
  the "$guest"
  echo "$guest $suite $net $fs $firmware $made"
  cat "$here"/{image,root}.sh "$check"
} | sha256sum)
[ "$key" != "$(cat "$cache/$guest.made" 2>/dev/null)" ] || exit 0
"$here/root.sh" "$suite" "$cache"
work=$(mktemp -d "$cache/.image-XXXXXX")
root=$work/root
loop=
finish() {
  ! mountpoint -q "$work/mnt" || umount "$work/mnt"
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

bridge() {
  write /etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

iface ens192 inet manual

# containers are on it
auto br0
iface br0 inet static
	address 192.0.2.77/24
	gateway 192.0.2.1
	dns-nameservers 192.0.2.53
	bridge_ports ens192
	bridge_stp off
	bridge_fd 0
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

# What / is called, and the fstab of it all.
case $fs in
lvm-*) root_name=/dev/mapper/debian--vg-root ;;
*) root_name=UUID=$(uuid 1) ;;
esac
[ "$guest" != bookworm-dep ] || root_name=/dev/sda1

fstab() {
  echo "$root_name / ${fs#lvm-} defaults 0 1"
  [ "$fs" = "${fs#lvm-}" ] || {
    echo "UUID=$(uuid 2) /boot ext4 defaults 0 2"
    echo "/dev/mapper/debian--vg-var /var xfs defaults 0 2"
  }
  [ "$firmware" = bios ] || echo 'LABEL=ESP /boot/efi vfat umask=0077 0 1'
}

make_root() {
  mkdir -p "$root"
  tar -C "$root" -xf "$cache/$suite.tar"
  echo "$guest" >"$root/etc/hostname"
  fstab | write /etc/fstab
  off systemd-networkd-wait-online.service NetworkManager-wait-online.service \
    apt-daily.timer apt-daily-upgrade.timer man-db.timer
  if [ "$guest" = bookworm-dep ]; then
    # What MODULES=dep finds on VMware's hardware.
    sed -i 's/^MODULES=.*/MODULES=list/' \
      "$root/etc/initramfs-tools/initramfs.conf"
    printf '%s\n' vmw_pvscsi mptspi sd_mod ext4 vmxnet3 \
      >>"$root/etc/initramfs-tools/modules"
  fi
  chroot "$root" update-initramfs -u >"$work/initramfs.log" 2>&1 ||
    { cat "$work/initramfs.log" >&2 && exit 1; }
  cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
  cp "$root"/boot/initrd.img-* "$work/initrd"
  "$net"
  grub_cfg
}

# Emulated on a busy machine, a device may take longer than systemd's 90 s.
words="ro console=tty0 console=ttyS0 systemd.default_timeout_start_sec=600"
words+=" systemd.default_device_timeout_sec=600"

# grub_cfg: boots the one kernel that is there.
grub_cfg() {
  local version dir=/boot id
  id=$(uuid 1)
  [ "$fs" = "${fs#lvm-}" ] || dir='' id=$(uuid 2)
  version=$(basename "$root"/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  mkdir -p "$root/boot/grub"
  cat >"$root/boot/grub/grub.cfg" <<END
set timeout=0
menuentry 'Debian GNU/Linux' {
  search --no-floppy --fs-uuid --set=root $id
  linux $dir/vmlinuz-$version root=$root_name $words
  initrd $dir/initrd.img-$version
}
END
}

# --- file systems ------------------------------------------------------------

# fill FILE TYPE BYTES UUID DIR: a file system with the content of DIR. Of the
# features that the oldest of the kernels and GRUBs here read.
fill() {
  truncate -s "$3" "$1"
  case $2 in
  ext4) mke2fs -q -F -t ext4 -U "$4" -d "$5" \
    -O ^metadata_csum_seed,^orphan_file -E lazy_itable_init=0 "$1" ;;
  btrfs) mkfs.btrfs -q -f -U "$4" --rootdir "$5" "$1" ;;
  xfs)
    mkfs.xfs -q -f -m uuid="$4",bigtime=0,inobtcount=0 -i nrext64=0 "$1" \
      2>/dev/null ||
      mkfs.xfs -q -f -m uuid="$4",bigtime=0,inobtcount=0 "$1"
    loop=$(losetup --show -f "$1")
    mkdir -p "$work/mnt"
    mount "$loop" "$work/mnt"
    cp -a "$5/." "$work/mnt"
    umount "$work/mnt"
    losetup -d "$loop"
    loop=
    ;;
  esac
}

# lv NAME N FIRST EXTENTS: a logical volume in the words of LVM's metadata.
lv() {
  cat <<END
$1 { id = "matrix-0000-0000-0000-0000-0000-00000$2"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
segment_count = 1
segment1 { start_extent = 0
extent_count = $4
type = "striped"
stripe_count = 1
stripes = ["pv0", $3] } }
END
}

# volume_group FILE BYTES: a physical volume with root and var on it, written
# by offset: this machine has no device-mapper, so the volumes are put into
# the metadata by vgcfgrestore.
volume_group() {
  local extent=$((4 << 20)) var=96 all config
  all=$(($2 / extent - 1))
  truncate -s "$2" "$1"
  loop=$(losetup --show -f "$1")
  export LVM_SYSTEM_DIR=$work/lvm LVM_SUPPRESS_FD_WARNINGS=1
  mkdir "$work/lvm"
  config="devices { filter = [\"a|^$loop\$|\", \"r|.*|\"] use_devicesfile = 0 }
    global { locking_dir = \"$work/lvm\" } activation { udev_sync = 0
    udev_rules = 0 monitoring = 0 }"
  {
    pvcreate -q --config "$config" -ff -y "$loop"
    vgcreate -q --config "$config" debian-vg "$loop"
    vgcfgbackup -q --config "$config" -f "$work/vg" debian-vg
    {
      sed '/^}/,$d' "$work/vg"
      echo 'logical_volumes {'
      lv root 1 0 $((all - var))
      lv var 2 $((all - var)) $var
      printf '}\n}\n'
    } >"$work/vg.new"
    vgcfgrestore -q --config "$config" -f "$work/vg.new" debian-vg
  } >"$work/lvm.log" 2>&1 || { cat "$work/lvm.log" >&2 && exit 1; }
  losetup -d "$loop"
  loop=
  mv "$root/var" "$work/var"
  mkdir "$root/var"
  fill "$work/lv-root" "${fs#lvm-}" $(((all - var) * extent)) "$(uuid 1)" \
    "$root"
  fill "$work/lv-var" xfs $((var * extent)) "$(uuid 3)" "$work/var"
  dd if="$work/lv-root" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
  dd if="$work/lv-var" of="$1" bs=1M seek=$((1 + (all - var) * 4)) \
    conv=notrunc,sparse status=none
}

# --- disk --------------------------------------------------------------------

# A stub that finds GRUB's configuration by its file system, and shim before
# it; no EFI/BOOT, as Debian makes it.
esp() {
  local id=$1 dir=$2
  cat >"$work/early.cfg" <<END
search --no-floppy --fs-uuid --set=root $id
set prefix=(\$root)$dir
END
  grub-mkimage -O x86_64-efi -p "$dir" -c "$work/early.cfg" \
    -o "$work/grubx64.efi" part_gpt ext2 fat configfile linux normal search \
    search_fs_uuid efi_gop all_video
  truncate -s ${esp_mib}M "$work/esp"
  mkfs.vfat -n ESP "$work/esp" >/dev/null
  mmd -i "$work/esp" ::EFI ::EFI/debian
  mcopy -i "$work/esp" "$work/grubx64.efi" ::EFI/debian/grubx64.efi
  [ "$firmware" != shim ] || mcopy -i "$work/esp" \
    /usr/lib/shim/shimx64.efi.signed ::EFI/debian/shimx64.efi
}

mbr_loader() {
  grub-mkimage -O i386-pc -p "(hd0,msdos1)$1" -o "$work/core" biosdisk \
    part_msdos configfile linux normal search search_fs_uuid "$2"
  dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk" bs=440 count=1 \
    conv=notrunc status=none
  dd if="$work/core" of="$work/disk" bs=512 seek=1 conv=notrunc status=none
}

# place FILE: the next partition has its content.
at=1
place() {
  dd if="$1" of="$work/disk" bs=1M seek=$at conv=notrunc,sparse status=none
  echo "start=$((at << 11)), size=$(($(stat -c %s "$1") / 512))${2:+, $2}" \
    >>"$work/table"
  at=$((at + $(stat -c %s "$1") / (1 << 20)))
  rm "$1"
}

make_disk() {
  local size=$gib id dir=/boot/grub type
  id=$(uuid 1) type=${fs/ext4/ext2}
  truncate -s ${gib}G "$work/disk"
  : >"$work/table"
  size=$(((gib << 30) - (2 << 20)))
  mkdir -p "$root/boot/efi"
  if [ "$fs" != "${fs#lvm-}" ]; then
    id=$(uuid 2) dir=/grub type=ext2
    mv "$root/boot" "$work/boot"
    mkdir "$root/boot"
    fill "$work/part-boot" ext4 ${boot_mib}M "$id" "$work/boot"
    size=$((size - (boot_mib << 20)))
  fi
  if [ "$firmware" != bios ]; then
    esp "$id" "$dir"
    place "$work/esp" type=U
    size=$((size - (esp_mib << 20)))
  fi
  [ ! -e "$work/part-boot" ] || place "$work/part-boot"
  if [ "$fs" != "${fs#lvm-}" ]; then
    volume_group "$work/part" $((size >> 22 << 22))
  else
    fill "$work/part" "$fs" $size "$id" "$root"
  fi
  place "$work/part"
  { echo "label: $([ "$firmware" = bios ] && echo dos || echo gpt)"
    cat "$work/table"; } | sfdisk -q "$work/disk"
  [ "$firmware" != bios ] || mbr_loader "$dir" "$type"
}

# started: on VMware's hardware, to leave behind what a start leaves.
started() {
  local kernel=
  [ "$firmware" = bios ] ||
    kernel="-kernel $work/vmlinuz -initrd $work/initrd"
  VMFERRY_BOOT_LIMIT=600 VMFERRY_BOOT_MEMORY=1024 VMFERRY_BOOT_KEEP=1 \
    VMFERRY_BOOT_ADDRESS=192.0.2.77/24 VMFERRY_BOOT_CONSOLE=$work/console \
    VMFERRY_BOOT_KERNEL=$kernel VMFERRY_BOOT_APPEND="root=$root_name $words" \
    "$check" "$work/disk" "$made" 00:50:56:01:02:03 >"$work/events" ||
    { tail -n 20 "$work/console" >&2 && return 1; }
  jq -se --arg nic "$nic" 'any(.[]; .name == $nic and
    (.addresses | index("192.0.2.77/24"))) and
    any(.[]; .name == "ens192") and last.event == "off"' "$work/events" \
    >/dev/null || { cat "$work/events" >&2 && return 1; }
}

start=$SECONDS
make_root
make_disk
built=$((SECONDS - start))
started
mv "$work/disk" "$image"
echo "$key" >"$cache/$guest.made"
echo "image.sh: $guest in $built s, started on $made in" \
  "$((SECONDS - start - built)) s" >&2
