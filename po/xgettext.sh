#!/bin/sh
# xgettext.sh OUT: every message of the sources as OUT, a .pot. A message is
# _(), N_(), P_(), the advice of errors.def, the system's words for its errors
# (system.def), and what core/ says in English for i18n_said to say in the
# language of the screen: errors' causes and operations, warnings, findings,
# the log, the notes and results of the verbs.
set -eu
out=$1
cd "$(dirname "$0")/.."
common="--from-code=UTF-8 --no-location --sort-output --omit-header
  --language=C --keyword"
# Functions that take a format, and the place of it; then those whose text is
# part of a message (xgettext looks at the number of arguments too).
formats="err_set:3 err_sys:3 err_in:2 run_say:2 job_log:2 out_f:2 out_linef:2
  out_notef:2 run_find:4 vm_warn:2 plan_warn:2 warn:2 guest_left:2
  guest_change_add:6 doubt:2"
texts="out_puts:2 bad:2,2t bad:2,3t bad:4,4t bad_mark:2 refused:3,3t
  refuse:2,2t gfs_error:2"
# A message that has a word: one letter that no directive is made of.
word='(^|[^%a-zA-Z0-9.*$-])[A-Za-z]{2}'
sources=$(find core screens tui main.c -name '*.c' -o -name help.def |
  LC_ALL=C sort)

keys=
for f in $formats; do
  keys="$keys -k$f --flag=$f:c-format"
done
for f in $texts; do
  keys="$keys -k$f"
done
# shellcheck disable=SC2086
{
  xgettext $common -k_ -kN_ -kP_:1,2 -o "$out.c" $sources po/system.def
  xgettext $common $keys -o "$out.all" $sources
  xgettext $common -kX:3 -o "$out.def" core/errors.def
}
msggrep --msgid -E -e "$word" -o "$out.err" "$out.all"
{
  printf 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
  msgcat --sort-output "$out.c" "$out.err" "$out.def"
} >"$out"
