#!/bin/sh
# xgettext.sh OUT: every message of the sources as OUT, a .pot. A message is
# _(), N_(), P_(), the advice of errors.def, and what core/ warns of or finds
# (in English; i18n_said says it in the language of the screen).
set -eu
out=$1
cd "$(dirname "$0")/.."
common="--from-code=UTF-8 --no-location --sort-output --omit-header
  --language=C --keyword"

# shellcheck disable=SC2046,SC2086
xgettext $common -k_ -kN_ -kP_:1,2 -kvm_warn:2 -kbwarn:2 -kwarn:2 \
  -krun_find:4 -kguest_left:2 -kguest_change_add:6 -o "$out.c" \
  $(find core screens tui main.c -name '*.c' -o -name help.def |
    LC_ALL=C sort)
# shellcheck disable=SC2086
xgettext $common -kX:3 -o "$out.def" core/errors.def
{
  printf 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
  msgcat --sort-output "$out.c" "$out.def"
} >"$out"
