# shellcheck shell=bash
# shellcheck disable=SC2034 # for those who source it
# guests.sh: the guests of the boot matrix. Sourced.

guests=(bookworm-dep bookworm-networkd bullseye-nm bookworm-bridge
  trixie-netplan trixie-shim)

# the GUEST: what it is made of and what it is started on.
#   suite     Debian release
#   net       its network stack; what has the address: $nic
#   fs        its root; lvm-ext4 and lvm-xfs: /, /var on LVM, /boot beside it
#   firmware  bios, uefi (GRUB alone, no fallback), shim (the same with shim)
#   made      the hardware of VMware's side (tests/lab/guest/boot-check.sh)
#   machine   the machine type of Proxmox VE's side
#   want, gw  the address it has to come up with, and its gateway
the() {
  net=ifupdown nic=ens192 fs=ext4 firmware=bios made=vmware machine=pc
  want=203.0.113.77/24 gw=203.0.113.1
  suite=${1%%-*}
  case $1 in
  # Its initramfs knows pvscsi only, / is mounted by /dev/sda1.
  bookworm-dep) ;;
  bookworm-networkd) net=networkd fs=btrfs machine=q35 ;;
  # As a failover address is: /32, its gateway outside of it.
  bullseye-nm)
    net=nm fs=xfs made=vmware-lsi
    want=203.0.113.77/32 gw=62.210.0.1
    ;;
  bookworm-bridge) net=bridge nic=br0 fs=lvm-ext4 made=vmware-lsi ;;
  trixie-netplan) net=netplan firmware=uefi ;;
  trixie-shim) net=nm fs=lvm-xfs firmware=shim machine=q35 ;;
  *)
    echo "matrix: no guest $1" >&2
    return 2
    ;;
  esac
}
