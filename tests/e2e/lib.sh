# shellcheck shell=bash
# lib.sh: what the end-to-end tests share. Sourced; needs root.
# A test makes its own directory and lab, and ends both.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab=$top/tests/lab/lab
vmferry=$top/vmferry
cache=${LAB_CACHE:-$top/build/lab-guests}
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg

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
  "$lab" start "$work/lab" --guests "$cache" "$@" >&2 || fail "lab start"
  # shellcheck disable=SC1091
  . "$work/lab/env"
  e2e_secrets
}

e2e_end() {
  local rc=$?
  if [ $rc -ne 0 ] && [ -n "${E2E_KEEP:-}" ]; then
    say "kept: $work (tests/lab/lab stop $work/lab)"
    exit $rc
  fi
  "$lab" stop "$work/lab" >&2 || true
  rm -rf --one-file-system "$work"
  exit $rc
}

e2e_secrets() {
  local token
  token=$(cat "$PVE_TOKEN_FILE")
  pve_user=${token%%=*}
  install -m 600 /dev/null "$work/secrets"
  {
    echo "esxi.password=$(cat "$ESXI_PASSWORD_FILE")"
    echo "pve.secret=${token#*=}"
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
      guest_fix: true, shutdown_timeout: 60},
    checks: {tcp: [80], boot_timeout: 240}} | '"${3:-.}" \
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
