/*
 * What was agreed to, held against what the guest is now. A try that was
 * killed wrote some of it; what is left of it is worked out anew, and may be
 * less, or other, than what was shown.
 *
 * Keeps true: nothing is written but what was shown, onto what was shown; and
 * nothing that was agreed to is forgotten: it is written, or it is said.
 */
#ifndef CORE_GUEST_AGREED_H
#define CORE_GUEST_AGREED_H

#include "guest/guest.h"

/* Note in yes, under the change's path, that a row of guest_job_shown (with
 * guest_job_keep's digests) was agreed to. content: the digest of the text as
 * the operator edited it, or null. */
void guest_agree(json_t *yes, const json_t *row, const char *content);

/*
 * The changes of cs that stand in yes become what is to be written; what was
 * agreed to and is not in cs any more is appended, where its file still is as
 * it was shown. told: the paths of what was agreed to, is not proposed any
 * more and has no text to compare (a link, a package, drivers). dir: the
 * job's, for the texts. ERR_GUEST_ACCESS: a file is neither what it was nor
 * what it was to become; ERR_NOT_FOUND, ERR_JOB_BAD of a text.
 */
int guest_agreed(const char *dir, struct guest *g, const json_t *yes,
	struct guest_changes *cs, json_t *told, struct err *e);

#endif
