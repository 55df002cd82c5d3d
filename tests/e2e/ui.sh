# shellcheck shell=bash
# shellcheck disable=SC2154 # work is set by e2e_begin
# ui.sh: drives the wizard in a real terminal (tmux on a socket of its own).
# Sourced after lib.sh. Keeps true: nothing sleeps for a time; each wait has a
# condition and a deadline, and shows the screen where it waited in vain.

mux() { env -u TMUX tmux -S "$work/tmux" -f /dev/null "$@"; }

# ui_open NAME COLSxROWS COMMAND...: a terminal that runs it, and then says
# how it ended and in what state it left the terminal.
ui_open() {
  local cmd size=$2
  ui=$1
  shift 2
  printf -v cmd '%q ' "$@"
  # A server that leaves with its last terminal would race with the next.
  mux start-server \; set -s exit-empty off \; \
    new-session -d -s "$ui" -x "${size%x*}" -y "${size#*x}" \
    "$cmd; echo \"left with \$?, \$(stty -a | grep -oE -e '-?(echo|icanon)\\b' |
      tr '\\n' ' ')\"; exec cat"
  mux set -t "$ui" status off
  mux set -t "$ui" window-size manual
  ui_size "$size"
}

ui_screen() { mux capture-pane -p -t "$ui"; }
ui_keys() { mux send-keys -t "$ui" "$@"; }
ui_type() { mux send-keys -t "$ui" -l -- "$1"; }
ui_paste() {
  mux set-buffer -- "$1"
  mux paste-buffer -p -t "$ui"
}
ui_size() { mux resize-window -t "$ui" -x "${1%x*}" -y "${1#*x}"; }
# ui_hangup: the terminal goes away, as a lost SSH connection does.
ui_hangup() { mux kill-session -t "$ui"; }
ui_end() { mux kill-server 2>/dev/null || true; }

# ui_told: what went by, too: for lines that scrolled away.
ui_told() { mux capture-pane -p -S -2000 -t "$ui"; }

ui_has() { ui_screen | grep -qE -- "$1"; }
ui_has_not() { ! ui_has "$1"; }

# ui_wait PATTERN [SECONDS]: until the screen has it.
ui_wait() { ui_until "${2:-60}" "never showed: $1" ui_has "$1"; }
# ui_gone PATTERN [SECONDS]: until the screen has it no more.
ui_gone() { ui_until "${2:-60}" "still shows: $1" ui_has_not "$1"; }

ui_until() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $limit ] || {
      ui_screen >&2
      fail "the screen above $what"
    }
    sleep 0.1
  done
}

# ui_do PATTERN KEY...: wait for the screen, then press.
ui_do() {
  ui_wait "$1"
  shift
  ui_keys "$@"
}

# ui_bytes SECONDS: how many bytes the program writes to its terminal in that
# time: the time is what is measured, so this one is waited for.
ui_bytes() {
  local n
  mux pipe-pane -t "$ui" "cat >$work/bytes"
  sleep "$1"
  mux pipe-pane -t "$ui"
  n=$(stat -c %s "$work/bytes" 2>/dev/null || echo 0)
  rm -f "$work/bytes"
  echo "$n"
}

# ui_pid: the wizard itself, below the shell of its terminal.
ui_pid() {
  local pane pid
  pane=$(mux display -p -t "$ui" '#{pane_pid}')
  for pid in $(pgrep -x vmferry); do
    local up=$pid
    while [ "$up" -gt 1 ]; do
      [ "$up" != "$pane" ] || {
        echo "$pid"
        return
      }
      up=$(awk '/^PPid/ {print $2}' "/proc/$up/status" 2>/dev/null || echo 0)
    done
  done
  fail "no wizard in $ui"
}
