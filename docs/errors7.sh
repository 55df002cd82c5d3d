#!/bin/sh
# errors7.sh ERRORS.DEF VERSION: the manual page vmferry-errors(7) on standard
# output. Sections are the one-line comments of errors.def, entries its rows.
set -eu
cat <<TOP
.TH VMFERRY\-ERRORS 7 "" "vmferry $2" "vmferry"
.SH NAME
vmferry\-errors \- what vmferry's errors mean and what to do next
.SH DESCRIPTION
An error is shown with its id, what was tried, the cause in the words of who
refused, and what to do next:
.PP
.nf
.RS 4
NO_SPACE  write disk 1 of web01 to local\-zfs
  why   No space left on device at 182.4 GiB
  next  Free space there or choose another storage, ...
  see   vmferry\-errors(7)
.RE
.fi
.PP
Ids are never renamed: they stand in journals and in the JSON of
.BR "vmferry status \-\-json" .
.B vmferry errors
.I ID
shows one of them.
After an error that stops a job, nothing is lost: the source VM's disks are
never changed, and
.B vmferry run
.I JOB
goes on where it stopped, or
.B vmferry undo
.I JOB
takes back what was done.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Failed; the advice says what to change first.
.TP
.B 2
The command line was not understood
.RB ( USAGE ).
.TP
.B 10
The job waits for an answer
.RB ( ANSWER_NEEDED ).
.TP
.B 75
Failed in a way that may pass: the same command may succeed a little later.
.SH ERRORS
TOP
awk '
function roff(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	sub(/^[.\047]/, "\\\\\\&&", s)
	return s
}
/^\/\* .* \*\/$/ {
	sub(/^\/\* /, ""); sub(/ \*\/$/, "")
	printf ".SS %s\n", roff(toupper(substr($0, 1, 1)) substr($0, 2))
}
/^X\(/ {
	id = $0; sub(/^X\(/, "", id); sub(/,.*/, "", id)
	retry = $0 ~ /^X\([A-Z0-9_]+, *true,/
	advice = $0; sub(/^[^"]*"/, "", advice); sub(/"\)$/, "", advice)
	gsub(/\\"/, "\"", advice)
	printf ".TP\n.B %s\n%s\n", id, roff(advice)
	if (retry)
		print ".br\nMay be tried again (exit status 75)."
}' "$1"
cat <<END
.SH SEE ALSO
.BR vmferry (1)
END
