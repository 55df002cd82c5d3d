#!/bin/bash
# boot-check.sh IMAGE HARDWARE [MAC]: boots IMAGE (an overlay of it: the image
# is not changed) on the hardware of a VMware or a Proxmox host and tells, as
# JSON lines with the seconds since the start, what became of it:
#
#   {"t":14.9,"event":"agent","os":"12"}
#   {"event":"interface","name":"ens192","mac":"...","addresses":["..."]}
#   {"event":"fstrim","path":"/","trimmed":98304000}
#   {"t":15.2,"event":"login"}
#   {"t":17.0,"event":"off"}
# or
#   {"t":20.1,"event":"no-root","line":"ALERT! ..."}
#
# HARDWARE  vmware      pvscsi, vmxnet3 in slot 192 (ens192)
#           vmware-lsi  the same with LSI Logic
#           vmware-old  IDE, E1000
#           pve         VirtIO SCSI, VirtIO network at 0x12 (ens18)
#           pve-old     IDE, E1000 at 0x12
#
# A second disk is attached where IMAGE ends in -0.raw and has a -1.raw.
# Exit status: 0 the guest came up and went down again, 3 it found no root
# device, 1 anything else. VMFERRY_BOOT_LIMIT: seconds to wait, 120.
# VMFERRY_BOOT_CONSOLE: file that receives what the guest's console said.
# VMFERRY_BOOT_MEMORY: MiB, 256. VMFERRY_BOOT_KEEP: what the guest writes stays
# in the (raw) image. VMFERRY_BOOT_ADDRESS: waits until the guest has it.
# VMFERRY_BOOT_KERNEL, VMFERRY_BOOT_APPEND: -kernel and -initrd options, and
# the kernel's words, where the firmware cannot boot from that hardware.
set -euo pipefail

limit=${VMFERRY_BOOT_LIMIT:-600}

die() {
  echo "boot-check.sh: $*" >&2
  exit 1
}

[ $# -ge 2 ] || die "usage: boot-check.sh IMAGE HARDWARE [MAC]"
images=("$1")
[ -e "${1/%-0.raw/-1.raw}" ] && [ "$1" != "${1/%-0.raw/-1.raw}" ] &&
  images+=("${1/%-0.raw/-1.raw}")
nic=mac=${3:-00:50:56:01:02:03},netdev=net0
case $2 in
vmware | vmware-lsi)
  hba=pvscsi
  [ "$2" = vmware ] || hba=lsi53c895a
  # shellcheck disable=SC2054 # the commas are QEMU's
  machine=(-machine q35
    -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
    -device pcie-root-port,id=rp1,slot=192,chassis=1
    -device "$hba,id=scsi0"
    -device "vmxnet3,bus=rp1,$nic")
  disk=scsi-hd,bus=scsi0.0,scsi-id=
  ;;
pve)
  # shellcheck disable=SC2054
  machine=(-machine pc
    -device virtio-scsi-pci,id=scsi0,bus=pci.0,addr=0x5
    -device "virtio-net-pci,bus=pci.0,addr=0x12,$nic")
  disk=scsi-hd,bus=scsi0.0,scsi-id=
  ;;
vmware-old | pve-old)
  nic=mac=${3:-00:0c:29:aa:bb:01},netdev=net0
  machine=(-machine pc -device "e1000,bus=pci.0,addr=0x12,$nic")
  disk=ide-hd,bus=ide.0,unit=
  ;;
*) die "no hardware $2" ;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/boot-check-XXXXXX")
qemu=
cleanup() {
  [ -z "$qemu" ] || kill -KILL "$qemu" 2>/dev/null || true
  [ -z "$qemu" ] || wait "$qemu" 2>/dev/null || true
  [ -z "${VMFERRY_BOOT_CONSOLE:-}" ] ||
    cp "$dir/serial" "$VMFERRY_BOOT_CONSOLE"
  rm -rf "$dir"
}
trap cleanup EXIT

disks=()
for i in "${!images[@]}"; do
  file=$dir/$i.qcow2,format=qcow2
  if [ -n "${VMFERRY_BOOT_KEEP:-}" ]; then
    file=$(realpath "${images[i]}"),format=raw,cache=unsafe
  else
    qemu-img create -q -f qcow2 -F raw -b "$(realpath "${images[i]}")" \
      "$dir/$i.qcow2"
  fi
  disks+=(-drive "if=none,id=drive$i,discard=unmap,file=$file"
    -device "$disk$i,drive=drive$i")
done

# Agent and monitor are pipes: what is written waits there until the guest's
# agent opens its end, so one question is enough and nothing has to poll.
mkfifo "$dir"/{agent,monitor}.{in,out}
exec 3<>"$dir/agent.in" 4<>"$dir/agent.out" 5<>"$dir/monitor.in" \
  6<>"$dir/monitor.out"
start=$EPOCHREALTIME
# shellcheck disable=SC2086 # options
qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off \
  -m "${VMFERRY_BOOT_MEMORY:-256}" -nodefaults ${VMFERRY_BOOT_KERNEL:-} \
  ${VMFERRY_BOOT_KERNEL:+-append "$VMFERRY_BOOT_APPEND"} \
  -display none -vga std "${machine[@]}" "${disks[@]}" \
  -netdev user,id=net0,restrict=on \
  -device virtio-serial -chardev "pipe,id=agent,path=$dir/agent" \
  -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0 \
  -chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor \
  -serial "file:$dir/serial" 2>"$dir/stderr" &
qemu=$!

elapsed() {
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

event() {
  jq -cn --argjson t "$(elapsed)" --arg event "$1" \
    '{t: $t, event: $event} + $ARGS.named.more' --argjson more "${2:-{\}}"
}

# ask COMMAND: one agent command; its "return" on stdout.
ask() {
  local line
  echo "{\"execute\":\"$1\"}" >&3
  read -r -t "$limit" line <&4 || die "no answer to $1"
  jq -ce .return <<<"$line" || die "$1: $line"
}

in_time() {
  kill -0 $qemu 2>/dev/null || die "QEMU ended: $(cat "$dir/stderr")"
  [ $((EPOCHSECONDS - ${start%.*})) -lt "$limit" ] ||
    die "$1 within $limit s; console: $(tail -n 5 "$dir/serial")"
}

# Wait for the agent, or for the initramfs to give up.
echo '{"execute":"guest-ping"}' >&3
until read -r -t 0.2 _ <&4; do
  in_time "no agent"
  if alert=$(grep -am 1 ALERT! "$dir/serial" 2>/dev/null); then
    event no-root "$(jq -cn --arg line "${alert%$'\r'}" '$ARGS.named')"
    exit 3
  fi
done
event agent "$(ask guest-get-osinfo | jq '{os: ."version-id"}')"
if [ -n "${VMFERRY_BOOT_ADDRESS:-}" ]; then
  until ask guest-network-get-interfaces | jq -e --arg a \
    "$VMFERRY_BOOT_ADDRESS" 'any(.[]."ip-addresses"[]?;
      "\(."ip-address")/\(.prefix)" == $a)' >/dev/null; do
    in_time "no address $VMFERRY_BOOT_ADDRESS"
    read -r -t 0.5 _ <&6 || true
  done
fi
ask guest-network-get-interfaces | jq -c '.[] | select(.name != "lo") |
  {event: "interface", name, mac: ."hardware-address",
   addresses: [."ip-addresses"[]? | select(."ip-address-type" == "ipv4") |
     ."ip-address" + "/" + (.prefix | tostring)]}'
ask guest-fstrim | jq -c '.paths[] | {event: "fstrim", path, trimmed, error}'

until grep -q ' login:' "$dir/serial"; do
  in_time "no login prompt"
  read -r -t 0.2 _ <&6 || true
done
event login

echo system_powerdown >&5
while kill -0 $qemu 2>/dev/null; do
  read -r -t 0.2 _ <&6 || true
  [ $((EPOCHSECONDS - ${start%.*})) -lt "$limit" ] ||
    die "the power button does not stop the guest"
done
wait $qemu
qemu=
event off
