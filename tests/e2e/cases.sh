# shellcheck shell=bash
# shellcheck disable=SC2154 # work is set by e2e_begin
# cases.sh: tests that are many cases on one lab, each with a small VM of its
# own. Sourced after lib.sh.

# --- what the cases are made of ---------------------------------------------

# vm NAME [addvm options]: a VM with a disk of 24 MiB, 12 of them written.
vm() {
  node env LAB_ESXI="$top/build/lab-esxi" "$top/tests/lab/esxi/addvm" \
    "$ESXI_DIR" --name "$1" --guest debian12-64 --hw 19 --mem 64 --cpus 1 \
    --scsi pvscsi --power on --tools 1 \
    --disk "slot=scsi0:0,ds=datastore1,src=$work/disk.raw,thin=1,name=disk" \
    --nic 'model=vmxnet3,mac=00:50:56:01:02:04,type=static,net=VM Network' \
    "${@:2}" >/dev/null
}

# ready VM [jq filter for the choices]: facts, choices and a plan.
ready() {
  scan "$1"
  choices "$1" 203.0.113.90/24 \
    ".allow.shutdown_timeout = 2 | .target.bus = \"scsi\" |
    .copy.road = \"ssh\" | ${2:-.}"
  plan "$1"
}

# start VM [options]: the first run of its plan.
start() {
  ferry run --plan "$work/$1.plan" --secrets "$work/secrets" "${@:2}"
}

to_copy() { run "$1" --until verify_disks; }

# refused ID JOB COMMAND...: that error on standard error, in the journal and
# in the status.
refused() {
  local id=$1 job=$2
  shift 2
  expect_error "$id" "$@"
  grep -A9 "^$id " "$work/out" >&2
  journal "$job" | jq -se --arg id "$id" \
    'map(select(.event == "error")) | last | .data.id == $id' >/dev/null ||
    fail "the journal does not end with $id"
  ferry status "$job" --json | jq -e --arg id "$id" \
    '.state == "failed" and .error.id == $id and .error.next != ""' \
    >/dev/null || fail "the status does not tell $id"
}

vim() { chroot "$ESXI_DIR/root" /bin/vim-cmd "$@"; }
id_of() { jq -r .source.vm.id "$work/$1.plan"; }
power() { vim vmsvc/power.getstate "$(id_of "$1")" | sed -n '$s/Powered //p'; }

# source_is VM on|off: its power, and its disk as it always was.
source_is() {
  local sum
  [ "$(power "$1")" = "$2" ] || fail "$1 is $(power "$1"), not $2"
  sum=$("$top/build/lab-esxi" rawcat "$ESXI_DIR" "$1" scsi0:0 | sha256sum)
  [ "${sum%% *}" = "$(cat "$ESXI_DIR/expected/$1-scsi0:0.sha256")" ] ||
    fail "$1: the source is not what it was"
}

# nothing_done JOB: nothing was stopped and nothing made.
nothing_done() {
  journal "$1" | jq -se 'map(select(.event == "made" or
    (.event == "begin" and .step != "preflight"))) == []' >/dev/null ||
    fail "$1: it went on all the same"
}

# crosses VM: the job goes on to the end of the copy, and can be taken back.
crosses() {
  to_copy "$1"
  check_copy "$1"
  ferry verify "$1"
  back "$1"
}

# back JOB: the way back, and nothing of it is left.
back() {
  local left
  ferry undo "$1" --secrets "$work/secrets"
  left=$(on_node | grep -w "$1" || true)
  [ -z "$left" ] || fail "left on the node: $left"
  journal "$1" | jq -rs '.[] | select(.event == "made") | .data |
    select(.kind == "volume").id' | sort -u >"$work/made"
  left=$(volumes_on local small | grep -xFf "$work/made" || true)
  [ -z "$left" ] || fail "left on the storage: $left"
  ferry verify "$1" >/dev/null
}

esxi() { "$lab" fault "$work/lab" esxi "$@"; }
pve() { "$lab" fault "$work/lab" pve "$@" >/dev/null; }
slow() { esxi slow-read "${1:-off}"; }

# Some MB of the copy are there, by the status.
copying() {
  [ "$(jq -r '.progress.done // 0' "$(job_dir "$1")/status")" -gt 2000000 ]
}

# in_copy JOB KIBPS: runs the job in the background, into the copy; ended then
# waits for it and sets rc.
in_copy() {
  slow "$2"
  run "$1" --until verify_disks >"$work/run.log" 2>&1 &
  runner=$!
  await 60 "$1 is copied" copying "$1"
}
ended() {
  rc=0
  wait "$runner" || rc=$?
  cat "$work/run.log" >&2
}

# --- all of them ------------------------------------------------------------

# run_cases CASE...: each in a subshell; what failed is shown. Last line:
# N cases, N ok.
run_cases() {
  local case began rc n=0 ok=0
  for case in "$@"; do
    n=$((n + 1))
    began=$SECONDS
    # Not in an if: errexit would not hold in it.
    set +e
    (
      set -e
      "$case"
    ) >"$work/$case.log" 2>&1
    rc=$?
    set -e
    if [ $rc = 0 ]; then
      ok=$((ok + 1))
      echo "  $case: ok, $((SECONDS - began)) s"
      [ -z "${E2E_SHOW:-}" ] || cat "$work/$case.log"
    else
      echo "  $case: FAILED, $((SECONDS - began)) s"
      sed 's/^/  | /' "$work/$case.log" | tail -n 40
      pve clear || true
      slow || true
    fi
  done
  echo "$n cases, $ok ok"
  [ $n = $ok ]
}

# cases_begin NAME [lab options]: the lab, the disk of its VMs.
cases_begin() {
  e2e_begin "$@"
  {
    head -c 8M /dev/urandom
    head -c 8M /dev/zero
    head -c 4M /dev/urandom
    head -c 4M /dev/zero
  } >"$work/disk.raw"
  echo 100 >"$ESXI_DIR/root/lab/shutdown-ms"
}
