# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for and from those who source it
# hosters.sh: what the tests of the hosters share. Sourced after cases.sh.

# at HOSTER: the cases that follow speak of this one. $h, its $address with
# web01's MAC and $fresh without one, $old and $new server; $move and $make
# (of a MAC) are its requests.
at() {
  h=$1
  case $h in
  ovh)
    url=$HOSTER_OVH_URL address=203.0.113.9 fresh=203.0.113.8
    old=ns1.ip-192-0-2.eu new=ns2.ip-198-51-100.eu
    gateway=198.51.100.254 move='POST /ip/*/move'
    make='POST /dedicated/server/*/virtualMac'
    ;;
  dedibox)
    url=$HOSTER_DEDIBOX_URL address=203.0.113.24 fresh=203.0.113.25
    old=12345 new=12346
    gateway=62.210.0.1 move='POST /server/failover/edit'
    make='POST /server/failover/generateMac'
    ;;
  hetzner)
    url=$HOSTER_HETZNER_URL address=203.0.113.40 fresh=203.0.113.41
    old=321 new=322
    gateway=198.51.100.22 move='POST /failover/*' make='PUT /ip/*/mac'
    ;;
  esac
  hoster reset
}

hoster() { "$lab" fault "$work/lab" hoster "$@" >/dev/null; }
hoster_state() { node curl -sSf --cacert "$HOSTER_CA_FILE" "${HOSTER_OVH_URL%/1.0}/lab/state"; }

# points ADDRESS: the server it points to. mac_of ADDRESS: its MAC, or none.
points() {
  hoster_state | jq -r --arg a "$1" '
    .ovh.blocks["\($a)/32"].to //
    (.dedibox as $d | $d.failover[$a].destination as $to |
      ($d.servers | to_entries[] | select(.value.ip == $to).key)) //
    (.hetzner as $z | $z.failover[$a].active as $to |
      ($z.servers | to_entries[] | select(.value.ip == $to).key)) // "nowhere"'
}
mac_of() {
  hoster_state | jq -r --arg a "$1" '
    ([.ovh.macs | to_entries[] |
      select(.value.addresses[$a] and .value.server).key] | first) //
    .dedibox.failover[$a].mac // "none"'
}
# points_to ADDRESS SERVER
points_to() {
  [ "$(points "$1")" = "$2" ] || fail "$1 points to $(points "$1"), not $2"
}
mac_is() { [ "$(mac_of "$1")" = "$2" ] || fail "$1 has $(mac_of "$1"), not $2"; }

# asked PATTERN [STATUS]: how often since mark, by the log.
mark() { marked=$(wc -l <"$HOSTER_DIR/requests.log"); }
asked() {
  tail -n +"$((marked + 1))" "$HOSTER_DIR/requests.log" |
    jq -r --arg h "$h" 'select(.hoster == $h) |
      "\(.method) \(.path) \(.status)"' | {
    local n=0 line
    while read -r line; do
      # shellcheck disable=SC2053 # a pattern
      [[ $line != $1\ ${2:-*} ]] || n=$((n + 1))
    done
    echo $n
  }
}
asked_is() { # N PATTERN [STATUS]
  local n
  n=$(asked "${@:2}")
  [ "$n" = "$1" ] || {
    tail -n +"$((marked + 1))" "$HOSTER_DIR/requests.log" >&2
    fail "$n times ${*:2}, not $1"
  }
}
# Nothing that changes anything was asked.
only_read() { asked_is 0 '[PD]*'; }

# no_key FILE...: no key, token or password of any hoster.
no_key() {
  cut -d= -f2- "$work/hoster.secrets" >"$work/words"
  ! grep -alFf "$work/words" "$@" >&2 || fail "a key stands in $*"
}

# hosters_begin NAME: the lab; the secrets of all.
hosters_begin() {
  local p
  cases_begin "$1"
  for p in ovh dedibox hetzner; do
    install -m 600 "$HOSTER_DIR/$p.secrets" "$work/$p.secrets"
  done
  cat "$work"/{ovh,dedibox,hetzner}.secrets >"$work/hoster.secrets"
  cat "$work/hoster.secrets" >>"$work/secrets"
  touch "$HOSTER_DIR/requests.log"
  hoster delay ms=300
}
