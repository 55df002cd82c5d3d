#!/bin/bash
# build.sh CACHEDIR: builds the disks of the lab's two Linux servers.
#
#   recent-0.raw  192 MiB  web01, Debian 12: GRUB, ext4, static address
#   recent-1.raw   64 MiB  web01's data disk, /srv; sums in recent-1.sha256
#   old-0.raw      96 MiB  old01, Debian 7 layout, IDE and E1000 only
#   vmlinuz-*              their kernel: Debian's, but quick to unpack
#
# Everything that runs in them is Debian's: kernel, GRUB, busybox, udev,
# ifupdown, iproute2, qemu-ga; packages that this machine has are taken from
# its own file system, the others are downloaded and unpacked, not installed.
# No mount, no loop device, no root.
#
# What stays true: an image that is in CACHEDIR is whole; CACHEDIR/key is the
# hash of all inputs and is there only while all images belong to it; two
# builds at once wait for each other. An up-to-date cache is left alone.
set -euo pipefail

root_uuid=5e1fb8a4-0d6c-4f0e-9c55-3b1a7f20c101
data_uuid=5e1fb8a4-0d6c-4f0e-9c55-3b1a7f20c102
old_uuid=5e1fb8a4-0d6c-4f0e-9c55-3b1a7f20c201
deleted_mib=24

here=$(cd "$(dirname "$0")" && pwd)

die() {
  echo "build.sh: $*" >&2
  exit 1
}

# --- packages ---------------------------------------------------------------

# installed PACKAGE: its version, or fails.
installed() {
  local state version
  # shellcheck disable=SC2016 # dpkg-query's own variables
  read -r state version < <(dpkg-query -W \
    -f='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null) || return 1
  [ "$state" = installed ] && echo "$version"
}

# downloaded PACKAGE: where an earlier build unpacked it, or fails.
downloaded() {
  local dir
  for dir in "$cache/packages/$1"_*; do
    [ -d "$dir" ] && echo "$dir" && return
  done
  return 1
}

version_of() {
  local dir
  installed "$1" && return
  if dir=$(downloaded "$1"); then
    echo "${dir##*_}"
    return
  fi
  apt-cache show --no-all-versions "$1" 2>/dev/null |
    sed -n 's/^Version: //p' | grep . ||
    die "no package $1 here nor in apt's lists: apt-get update"
}

# kernel_package: the newest generic kernel on this machine, else the one
# that linux-image-amd64 stands for. (The cloud kernel lacks pvscsi, e1000.)
kernel_package() {
  local name
  # shellcheck disable=SC2016 # dpkg-query's own variables
  name=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' \
    'linux-image-[0-9]*-amd64' 2>/dev/null |
    sed -n 's/^installed //p' | grep -vE -- '-(cloud|rt)-' |
    sort -V | tail -n 1) || true
  [ -n "$name" ] && [ -e "/boot/vmlinuz-${name#linux-image-}" ] ||
    name=$(apt-cache depends linux-image-amd64 2>/dev/null |
      sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  [ -n "$name" ] || die "no Debian kernel here nor in apt's lists"
  echo "$name"
}

# package_root PACKAGE: a directory under which the package's files are.
package_root() {
  local dir
  if installed "$1" >/dev/null; then
    echo /
    return
  fi
  if ! dir=$(downloaded "$1"); then
    dir=$cache/packages/$1_$(version_of "$1")
    mkdir -p "$work/deb/$1"
    (cd "$work/deb/$1" && apt-get download -q "$1" >"$work/apt.log" 2>&1) ||
      die "cannot download $1: $(tail -n 1 "$work/apt.log")"
    dpkg-deb -x "$work/deb/$1"/*.deb "$work/deb/$1/root"
    mkdir -p "$cache/packages"
    mv "$work/deb/$1/root" "$dir"
  fi
  echo "$dir"
}

packages=(busybox-static dash grub-pc-bin ifupdown iproute2 qemu-guest-agent
  udev)

inputs_hash() {
  {
    for p in "${packages[@]}" "$kernel" e2fsprogs libc6; do
      echo "$p $(version_of "$p")"
    done
    cd "$here"
    cat build.sh
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
      -c initramfs kernel tree
  } | sha256sum | cut -d' ' -f1
}

# --- kernel -----------------------------------------------------------------

# number OFFSET BYTES: of the kernel's header (Documentation/x86/boot.rst).
number() {
  od -An "-tu$2" -j $(($1)) -N "$2" "$vmlinuz" | tr -d ' '
}

# poke FILE OFFSET BYTES VALUE: little-endian.
poke() {
  local i value=$(($4)) bytes=
  for ((i = 0; i < $3; i++)); do
    bytes+=$(printf '\\x%02x' $((value >> 8 * i & 255)))
  done
  printf '%b' "$bytes" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

# fast_kernel OUT: Debian's kernel behind a loader that unpacks LZ4 instead
# of xz (kernel/head.S), with Debian's own setup code and version string.
fast_kernel() {
  local out=$1 dir=$work/kernel setup packed size
  mkdir "$dir"
  setup=$((($(number 0x1f1 1) + 1) * 512))
  packed=$((setup + $(number 0x248 4)))
  dd if="$vmlinuz" bs=64K iflag=skip_bytes,count_bytes skip=$packed \
    count=$(($(number 0x24c 4) - 4)) status=none |
    xz -dc >"$dir/vmlinux" || die "$vmlinuz is not packed with xz"
  objcopy -O binary -S "$dir/vmlinux" "$dir/flat"
  lz4 -l -9 -q "$dir/flat" "$dir/payload.lz4"
  gcc -O2 -m64 -ffreestanding -fno-pic -no-pie -mgeneral-regs-only \
    -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -nostdlib -static -Wl,--build-id=none \
    -Wl,-T,"$here/kernel/layout.ld" -Wa,-I,"$dir" -DKERNEL=0x1000000 \
    -o "$dir/loader" "$here"/kernel/{head.S,unlz4.c}
  objcopy -O binary "$dir/loader" "$dir/code"
  truncate -s %16 "$dir/code"
  size=$(stat -c %s "$dir/code")
  head -c $setup "$vmlinuz" | cat - "$dir/code" >"$out"
  poke "$out" 0x1f4 4 $((size / 16))      # syssize
  poke "$out" 0x214 4 0x100000            # code32_start
  poke "$out" 0x234 1 0                   # relocatable_kernel
  poke "$out" 0x236 2 0                   # xloadflags: no 64-bit, EFI entry
  poke "$out" 0x248 4 "0x$(nm "$dir/loader" |
    awk '$3 == "payload" { print $1 }') - 0x100000"
  poke "$out" 0x24c 4 "$(stat -c %s "$dir/payload.lz4")"
  poke "$out" 0x258 8 0x100000            # pref_address
  # init_size: memory needed, here from 1 MiB on instead of 16
  poke "$out" 0x260 4 "$(number 0x260 4) + 0xf00000"
  poke "$out" 0x264 4 0                   # handover_offset: no EFI stub
}

# --- files ------------------------------------------------------------------

# put ROOT PACKAGE PATH...: copies programs with the libraries they need.
put() {
  local root=$1 from lib path
  from=$(package_root "$2")
  shift 2
  for path; do
    install -D -m 755 "$from/$path" "$root/$path"
    ! file_is_elf "$from/$path" || ldd "$from/$path" |
      while read -r lib; do
        case $lib in
        *'not found'*) die "$path: $lib" ;;
        *' => /'*) lib=${lib#* => } ;;
        /*) ;;
        *) continue ;;
        esac
        lib=${lib%% *}
        [ -e "$root$lib" ] || install -D -m 755 "$lib" "$root$lib"
      done
  done
}

file_is_elf() {
  [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]
}

# put_busybox ROOT: with all its applets where Debian has such programs. Not
# those whose presence would tell an inspector of another system.
put_busybox() {
  local root=$1 path bb
  bb=$(package_root busybox-static)/bin/busybox
  install -D -m 755 "$bb" "$root/bin/busybox"
  "$bb" --list-full | grep / | grep -vE '/(busybox|rpm|rpm2cpio)$' |
    while read -r path; do
      mkdir -p "$root/${path%/*}"
      ln -sf /bin/busybox "$root/$path"
    done
}

# module_files MODULE...: the files to load, with all they depend on.
module_files() {
  local module files
  for module; do
    files=$(modprobe -d "$kernel_root" -S "$kver" --show-depends "$module") ||
      die "$kernel has no module $module"
    awk '$1 == "insmod" { print $2 }' <<<"$files"
  done | sort -u
}

# put_modules ROOT MODULE...: these, and the lists modprobe and udev read.
put_modules() {
  local root=$1 from=$kernel_root/lib/modules/$kver path
  local to=$root/lib/modules/$kver
  shift
  mkdir -p "$to"
  cp "$from"/modules.{builtin,builtin.modinfo,order} "$to"
  module_files "$@" | while read -r path; do
    path=${path##*"/$kver/"}
    install -D -m 644 "$from/$path" "$to/$path"
  done
  depmod -b "$root" "$kver"
}

# skeleton ROOT merged|split: the directories of a Debian system.
skeleton() {
  local root=$1 d
  mkdir -p "$root"/{boot,dev,etc,home,media,mnt,opt,proc,root,run,srv,sys,tmp} \
    "$root"/usr/{bin,lib,lib64,sbin,share} \
    "$root"/var/{lib,log,tmp}
  chmod 1777 "$root"/{tmp,var/tmp}
  ln -s /run "$root/var/run"
  for d in bin sbin lib lib64; do
    if [ "$2" = merged ]; then
      ln -s "usr/$d" "$root/$d"
    else
      mkdir "$root/$d"
    fi
  done
}

overlay() {
  tar -C "$here/tree/$1" --owner=0 --group=0 -c . |
    tar -C "$2" -x --keep-directory-symlink --no-same-owner
}

# initramfs OUT merged|split MODULE...: cpio.gz as initramfs-tools packs it.
initramfs() {
  local out=$1 root=$work/initramfs
  rm -rf "$root"
  skeleton "$root" "$2"
  shift 2
  put_busybox "$root"
  put_modules "$root" "$@"
  rm "$root/lib/modules/$kver"/*.bin
  install -m 755 "$here/initramfs/init" "$root/init"
  (cd "$root" && find . | LC_ALL=C sort |
    cpio -o -H newc -R 0:0 --quiet | gzip -6 -n) >"$out"
}

disk_modules=(ahci ata_piix mptsas mptspi megaraid_sas nvme sd_mod sym53c8xx
  vmw_pvscsi)
nic_modules=(e1000 e1000e pcnet32 vmxnet3)
virtio_modules=(virtio_blk virtio_console virtio_net virtio_pci virtio_scsi)
base_modules=(button crc32c-intel crc32c_generic evdev ext4)

# common_root ROOT: all that both servers have.
common_root() {
  local root=$1 from rule
  put_busybox "$root"
  # busybox's shell prefers its own applets to the programs in PATH
  put "$root" dash bin/dash
  ln -sf dash "$root/bin/sh"
  put "$root" iproute2 bin/ip
  ln -sf /bin/ip "$root/sbin/ip"
  put "$root" ifupdown sbin/ifup lib/ifupdown/{settle-dad,wait-for-ll6}.sh
  ln -sf ifup "$root/sbin/ifdown"
  ln -sf ifup "$root/sbin/ifquery"
  mkdir -p "$root"/etc/network/if-{down,post-down,pre-up,up}.d
  put "$root" qemu-guest-agent usr/sbin/qemu-ga
  put "$root" udev bin/udevadm
  from=$(package_root udev)
  mkdir -p "$root"/lib/{systemd,udev/rules.d} "$root/etc/udev/rules.d"
  ln -s /bin/udevadm "$root/lib/systemd/systemd-udevd"
  for rule in 50-udev-default 60-block 60-persistent-storage \
    75-net-description 80-drivers; do
    cp "$from/lib/udev/rules.d/$rule.rules" "$root/lib/udev/rules.d"
  done
  put_modules "$root" "${disk_modules[@]}" "${nic_modules[@]}" \
    "${virtio_modules[@]}" "${base_modules[@]}"
  cp /usr/share/base-passwd/group.master "$root/etc/group"
  sed 's,^root:.*,root:x:0:0:root:/root:/bin/sh,' /usr/share/base-passwd/passwd.master \
    >"$root/etc/passwd"
  cp "$kernel_root/boot/config-$kver" "$root/boot"
  cp "$work/vmlinuz" "$root/boot/vmlinuz-$kver"
  ln -s "boot/vmlinuz-$kver" "$root/vmlinuz"
  ln -s "boot/initrd.img-$kver" "$root/initrd.img"
  overlay common "$root"
  chmod 640 "$root/etc/shadow"
}

# finish_root ROOT KIND PACKAGE...: the files of one server; the packages are
# those its package database says are installed.
finish_root() {
  local root=$1 kind=$2 p
  shift 2
  overlay "$kind" "$root"
  sed -i "s/@KERNEL@/$kver/g" "$root/boot/grub/grub.cfg"
  for p; do
    printf 'Package: %s\nStatus: install ok installed\n' "$p"
    printf 'Architecture: amd64\nVersion: %s\n\n' "$(version_of "$p")"
  done >>"$root/var/lib/dpkg/status"
}

recent_root() {
  local root=$1 from
  skeleton "$root" merged
  common_root "$root"
  from=$(package_root udev)
  install -D -m 644 "$from/lib/systemd/network/99-default.link" \
    "$root/lib/systemd/network/99-default.link"
  mkdir -p "$root/etc/systemd/network" "$root/media/cdrom0"
  cp "$from/lib/udev/rules.d/80-net-setup-link.rules" \
    "$root/lib/udev/rules.d"
  initramfs "$root/boot/initrd.img-$kver" merged "${disk_modules[@]}" \
    "${nic_modules[@]}" "${virtio_modules[@]}" "${base_modules[@]}"
  finish_root "$root" recent "${packages[@]}" "$kernel"
  # Deleted again once it is on the disk: blocks for fstrim to give back.
  head -c "${deleted_mib}M" /dev/urandom >"$root/var/tmp/deleted"
}

# Debian 7 has split directories, persistent names by rule, and here a
# machine-made ("dep") initramfs that knows only what its hardware was.
old_root() {
  local root=$1
  skeleton "$root" split
  common_root "$root"
  mkdir -p "$root"/media/{cdrom0,floppy0}
  initramfs "$root/boot/initrd.img-$kver" split ata_piix mptspi sd_mod \
    sym53c8xx e1000 "${base_modules[@]}"
  finish_root "$root" old qemu-guest-agent "$kernel"
}

data_root() {
  local root=$1 n
  mkdir -p "$root"/srv/{backup,www}
  for n in 1 2 3; do
    head -c "${n}M" /dev/urandom >"$root/srv/backup/archive-$n.bin"
  done
  seq 1 20000 >"$root/srv/www/numbers.txt"
  (cd "$root/srv" && find . -type f ! -name SHA256SUMS -print0 | sort -z |
    xargs -0 sha256sum) >"$work/sums"
  mv "$work/sums" "$root/srv/SHA256SUMS"
}

# --- disks ------------------------------------------------------------------

# disk OUT MIB UUID LABEL FEATURES DIR: MBR, one ext4 partition at sector 2048
# with the content of DIR.
disk() {
  truncate -s "$2M" "$1"
  printf 'label: dos\nlabel-id: 0x%s\nstart=2048, type=83, bootable\n' \
    "${3:0:8}" | sfdisk -q "$1"
  mke2fs -q -F -t ext4 -b 4096 -O "$5" -U "$3" -L "$4" -m 1 -d "$6" \
    -E offset=1048576,lazy_itable_init=0,root_owner=0:0 "$1" "$(($2 - 1))M"
}

# boot_loader DISK: GRUB in the MBR and in the sectors behind it.
boot_loader() {
  local grub
  grub=$(package_root grub-pc-bin)/usr/lib/grub/i386-pc
  grub-mkimage -d "$grub" -O i386-pc -p '(hd0,msdos1)/boot/grub' \
    -o "$work/core" biosdisk configfile ext2 linux normal part_msdos search
  [ "$(stat -c %s "$work/core")" -le $((2047 * 512)) ] ||
    die "GRUB is too large for the gap behind the MBR"
  dd if="$grub/boot.img" of="$1" bs=440 count=1 conv=notrunc status=none
  dd if="$work/core" of="$1" bs=512 seek=1 conv=notrunc status=none
}

delete_file() {
  debugfs -w -R "rm $2" "$1?offset=1048576" 2>"$work/debugfs.log" ||
    die "debugfs: $(cat "$work/debugfs.log")"
}

build() {
  local new=$work/new
  mkdir "$new"
  vmlinuz=$kernel_root/boot/vmlinuz-$kver
  fast_kernel "$work/vmlinuz"
  recent_root "$work/recent"
  disk "$new/recent-0.raw" 192 $root_uuid system \
    ^orphan_file,^metadata_csum_seed "$work/recent"
  boot_loader "$new/recent-0.raw"
  delete_file "$new/recent-0.raw" /var/tmp/deleted
  data_root "$work/data"
  disk "$new/recent-1.raw" 64 $data_uuid data \
    ^orphan_file,^metadata_csum_seed "$work/data/srv"
  cp "$work/data/srv/SHA256SUMS" "$new/recent-1.sha256"
  old_root "$work/old"
  disk "$new/old-0.raw" 96 $old_uuid '' \
    ^orphan_file,^metadata_csum_seed,^metadata_csum,^64bit "$work/old"
  boot_loader "$new/old-0.raw"
  rm -f "$cache/key"
  rm -f "$cache"/vmlinuz-*
  mv "$work/vmlinuz" "$cache/vmlinuz-$kver"
  mv "$new"/* "$cache"
  echo "$key" >"$work/key"
  mv "$work/key" "$cache/key"
}

finish() {
  local status=$?
  rm -rf "$work"
  [ $status = 0 ] || echo "build.sh: failed; bash -x shows where" >&2
}

[ $# -eq 1 ] || die "usage: build.sh CACHEDIR"
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$1"
cache=$(cd "$1" && pwd)
exec 9>"$cache/lock"
flock 9
kernel=$(kernel_package)
kver=${kernel#linux-image-}
key=$(inputs_hash)
if [ -e "$cache/key" ] && [ "$(cat "$cache/key")" = "$key" ]; then
  exit 0
fi
work=$(mktemp -d "$cache/.build-XXXXXX")
trap finish EXIT
kernel_root=$(package_root "$kernel")
# its installation would have made this
[ -e "$kernel_root/lib/modules/$kver/modules.dep" ] ||
  depmod -b "$kernel_root" "$kver"
start=$SECONDS
build
echo "guest images built in $((SECONDS - start)) s: $cache" >&2
