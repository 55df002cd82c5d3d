#!/bin/sh
# xgettext.sh OUT: every message of the sources as OUT, a .pot. A message is
# _(), N_(), P_() and the advice of errors.def.
set -eu
out=$1
cd "$(dirname "$0")/.."
common="--from-code=UTF-8 --no-location --sort-output --omit-header
  --language=C --keyword"

# shellcheck disable=SC2046,SC2086
xgettext $common -k_ -kN_ -kP_:1,2 -o "$out.c" $(find core screens tui main.c \
  -name '*.c' -o -name help.def | LC_ALL=C sort)
# shellcheck disable=SC2086
xgettext $common -kX:3 -o "$out.def" core/errors.def
{
  printf 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
  msgcat --sort-output "$out.c" "$out.def"
} >"$out"
