# shellcheck shell=bash
# lib.sh: what the end-to-end tests share. Sourced; needs root.
# A test makes its own directory and lab, and ends both.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab=$top/tests/lab/lab
vmferry=$top/vmferry
cache=${LAB_CACHE:-$top/build/lab-guests}
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
export LIBGUESTFS_APPEND='mitigations=off init_on_alloc=0'

# appliance: with the lab guests' kernel, which is not packed with xz. Emulated,
# this and the words above save two fifths of its start.
appliance() {
  local kernel version
  for kernel in "$cache"/vmlinuz-*; do
    version=${kernel##*/vmlinuz-}
    [ -d "/lib/modules/$version" ] || continue
    export LIBGUESTFS_CACHEDIR=$cache SUPERMIN_KERNEL=$kernel \
      SUPERMIN_KERNEL_VERSION=$version SUPERMIN_MODULES=/lib/modules/$version
  done
}

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "FAILED: $*"
  exit 1
}

# e2e_begin NAME [lab options]: $work and a running lab; ended on exit.
e2e_begin() {
  local name=$1
  shift
  [ "$(id -u)" = 0 ] || {
    say "$name: skipped, needs root"
    exit 77
  }
  work=$(mktemp -d "${TMPDIR:-/tmp}/vmferry-$name.XXXXXX")
  export VMFERRY_STATE=$work/state
  trap e2e_end EXIT
  # What ends a test says where.
  set -E
  trap 'say "exit $? in ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
  "$lab" start "$work/lab" --guests "$cache" "$@" >&2 || fail "lab start"
  appliance
  # shellcheck disable=SC1091
  . "$work/lab/env"
  e2e_secrets
}

# e2e_end [STATUS]: for the trap; the status it ends with.
e2e_end() {
  local rc=${1:-$?}
  trap - ERR
  if [ $rc -ne 0 ] && [ -n "${E2E_KEEP:-}" ]; then
    say "kept: $work (tests/lab/lab stop $work/lab)"
    exit $rc
  fi
  # Nothing to write on where the terminal was closed.
  trap '' HUP
  set +e
  "$lab" stop "$work/lab" >"$work/stop" 2>&1 || cat "$work/stop" >&2
  rm -rf --one-file-system "$work"
  exit $rc
}

e2e_secrets() {
  local token
  token=$(cat "$PVE_TOKEN_FILE")
  pve_user=${token%%=*} pve_secret=${token#*=}
  # No tokens before 6.2.
  if [[ $PVE_RELEASE =~ ^(5\.|6\.[01]$) ]]; then
    pve_user=root@pam pve_secret=$(cat "$PVE_PASSWORD_FILE")
  fi
  install -m 600 /dev/null "$work/secrets"
  {
    echo "esxi.password=$(cat "$ESXI_PASSWORD_FILE")"
    echo "pve.secret=$pve_secret"
  } >"$work/secrets"
}

# In the lab's network: the node that vmferry runs on.
node() { "$lab" exec "$work/lab" "$@"; }
ferry() { node "$vmferry" "$@"; }

# scan VM [options] -> $work/VM.facts
scan() {
  local vm=$1
  shift
  ferry scan --esxi "$ESXI_HOST:$ESXI_PORT" --user "$ESXI_USER" \
    --key "$ESXI_KEY_FILE" --vm "$vm" --accept-hostkey first \
    --pve "${PVE_URL#https://}" --pve-user "$pve_user" \
    --accept-cert first --secrets "$work/secrets" \
    --output "$work/$vm.facts" "$@"
}

# choices VM ADDRESS [jq filter to change them] -> $work/VM.choices
choices() {
  jq -n --arg vm "$1" --arg a "$2" '{vm: $vm, job: $vm,
    target: {storage: "local", bridge: "vmbr0",
      nics: {ethernet0: {address: $a, gateway: "203.0.113.1",
        dns: ["203.0.113.53"], vlan: 0}}},
    allow: {shutdown: true, power_off: true, remove_snapshots: true,
      guest_fix: true, delete_source: false, shutdown_timeout: 60},
    checks: {tcp: [80], boot_timeout: 600}} | '"${3:-.}" \
    >"$work/$1.choices"
}

plan() {
  ferry plan --facts "$work/$1.facts" --choices "$work/$1.choices" \
    --output "$work/$1.plan"
}

# expect_error ID COMMAND...: the command must fail with that error id.
expect_error() {
  local id=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    cat "$work/out" >&2
    fail "no error, $id was expected: $*"
  fi
  grep -q "^$id " "$work/out" || {
    cat "$work/out" >&2
    fail "not $id: $*"
  }
}

# --- the Proxmox node -------------------------------------------------------

# api_login: the headers of who we are, for curl -K.
api_login() {
  if [ "$pve_user" != root@pam ]; then
    echo "header = \"Authorization: PVEAPIToken=$pve_user=$pve_secret\""
    return
  fi
  node curl -sSkf --data-urlencode "username=$pve_user" \
    --data-urlencode "password=$pve_secret" "$PVE_URL/api2/json/access/ticket" |
    jq -r '.data | "header = \"Cookie: PVEAuthCookie=\(.ticket)\"",
      "header = \"CSRFPreventionToken: \(.CSRFPreventionToken)\""'
}

# api METHOD PATH [KEY=VALUE]...: the node's answer, with the lab's token.
api() {
  local method=$1 path=$2 args=() kv
  shift 2
  for kv in "$@"; do args+=(--data-urlencode "$kv"); done
  api_login | node curl -sSkf -K - -X "$method" "${args[@]}" "$PVE_URL/api2/json$path"
}

# on_node: "VMID NAME" of each VM there.
on_node() {
  api GET /nodes/pve/qemu | jq -r '.data[] | "\(.vmid) \(.name)"'
}

# volumes_on STORAGE...: the ids of all volumes that lie there.
volumes_on() {
  local s
  for s in "$@"; do
    api GET "/nodes/pve/storage/$s/content" | jq -r '.data[].volid'
  done
}

volume_path() { # VOLID
  api GET "/nodes/pve/storage/${1%%:*}/content/$(jq -rn --arg v "$1" '$v|@uri')" |
    jq -r .data.path
}

# --- disks ------------------------------------------------------------------

# boot_text FILE TEXT: the first sector prints it (as printf's format) by the
# BIOS, and stays. At most 420 bytes; a partition table is left alone.
boot_text() {
  {
    # xor ax,ax; mov ds,ax; mov si,text; next: lodsb; or al,al; jz stay;
    # mov ah,14; int 16; jmp next; stay: jmp stay; text:
    printf '\x31\xc0\x8e\xd8\xbe\x14\x7c\xac\x08\xc0\x74\x06'
    printf '\xb4\x0e\xcd\x10\xeb\xf5\xeb\xfe'
    # shellcheck disable=SC2059 # a format
    printf "$2"'\0'
  } | dd of="$1" conv=notrunc status=none
  printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}

# --- jobs -------------------------------------------------------------------

job_dir() { echo "$VMFERRY_STATE/jobs/$1"; }
journal() { cat "$VMFERRY_STATE/jobs/$1/journal"; }

# run JOB [options]: goes on with a job.
run() {
  local job=$1
  shift
  ferry run "$job" --secrets "$work/secrets" "$@"
}

# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $limit ] || fail "waited in vain: $what"
    sleep 0.05
  done
}

# --- the copy ---------------------------------------------------------------

# slots JOB: slot, flat file, volume and format of each disk, as the journal
# tells; with tabs between, since names may hold blanks.
slots() {
  journal "$1" | jq -rs '
    (map(select(.event == "made" and .data.kind == "volume") | .data) |
      group_by(.slot) | map(last)) as $v |
    (map(select(.event == "measure" and .data.name == "hardware")) | last)
    .data.vm.disks[] | . as $d | $v[] | select(.slot == $d.slot) |
    [$d.slot, $d.data, .id, .format] | @tsv'
}

# raw_disk PATH FORMAT SIZE: the first SIZE bytes of the disk, in a file.
raw_disk() {
  local raw
  raw=$(mktemp "$work/raw.XXXXXX")
  qemu-img convert -f "$2" -O raw "$1" "$raw" || fail "read $1"
  truncate -s "$3" "$raw"
  echo "$raw"
}

# left_out JOB SLOT: bytes that the copy did not read, since the guest's file
# systems do not use them.
left_out() {
  journal "$1" | jq -rs --arg s "$2" 'map(select(.event == "measure" and
    .data.name == "copy" and .data.slot == $s)) | last | .data.skipped_by_fs'
}

# trees RAW: one line a file of every ext file system of a disk, with owner,
# mode, times and content.
trees() {
  local at mnt
  mnt=$(mktemp -d "$work/mnt.XXXXXX")
  while read -r at; do
    blkid -p -O "$at" "$1" | grep -q 'TYPE="ext[234]"' || continue
    mount -o "ro,noload,loop,offset=$at" "$1" "$mnt" || return 1
    tar -C "$mnt" --sort=name --numeric-owner --xattrs -cf - . | sha256sum
    umount "$mnt"
  done < <(echo 0; sfdisk -J "$1" 2>/dev/null |
    jq -r '.partitiontable.partitions[] | .start * 512')
  rmdir "$mnt"
}

# check_used FLAT RAW: the copy differs from the source by zeros only, its file
# systems are clean, and hold the same.
check_used() {
  local flat=$1 raw=$2 at want got
  perl -e 'open(A, "<", $ARGV[0]) && open(B, "<", $ARGV[1]) or exit 2;
    while (read(A, $a, 65536)) {
      read(B, $b, 65536);
      exit 1 unless $a eq $b || $b eq "\0" x length($a);
    }' "$flat" "$raw" || fail "$raw: not the source, and not zero"
  want=$(trees "$flat") && got=$(trees "$raw") || fail "$raw: does not mount"
  [ -n "$want" ] && [ "$want" = "$got" ] || fail "$raw: other files than $flat"
  for at in $(sfdisk -J "$raw" 2>/dev/null |
    jq -r '.partitiontable.partitions[].start'); do
    tail -c +$((at * 512 + 1)) "$raw" >"$raw.part"
    blkid -p "$raw.part" | grep -q 'TYPE="ext[234]"' || continue
    e2fsck -fn "$raw.part" >&2 || fail "$raw: e2fsck at sector $at"
  done
  rm -f "$raw.part"
}

# check_copy VM [JOB]: each volume holds what the lab put on the source, byte
# for byte, or zeros where the copy says that nobody uses it; and the source
# still does.
check_copy() {
  local vm=$1 slot flat volid format want got raw left n=0
  while IFS=$'\t' read -r slot flat volid format; do
    want=$(cut -d' ' -f1 "$ESXI_DIR/expected/$vm-$slot.sha256")
    got=$(sha256sum <"$ESXI_DIR/root$flat" | cut -d' ' -f1)
    [ "$got" = "$want" ] || fail "$vm $slot: the source changed"
    raw=$(raw_disk "$(volume_path "$volid")" "$format" \
      "$(stat -c %s "$ESXI_DIR/root$flat")") || exit 1
    left=$(left_out "${2:-$vm}" "$slot")
    if [ "$left" = 0 ]; then
      got=$(sha256sum <"$raw" | cut -d' ' -f1)
      [ "$got" = "$want" ] || fail "$vm $slot: $volid differs from the source"
      say "  $vm $slot: $volid is identical (${want:0:16})"
    else
      check_used "$ESXI_DIR/root$flat" "$raw"
      say "  $vm $slot: $volid has the same files, $left bytes were left out"
    fi
    rm "$raw"
    n=$((n + 1))
  done < <(slots "${2:-$vm}")
  [ $n -gt 0 ] || fail "$vm: no volume to compare"
}
