/* Calls that work, and calls that fail as they should. */
#ifndef ERRTEST_H
#define ERRTEST_H

#include "err.h"

/* `call` names its error e. Shows the error that a test did not want. */
#define ok(call)                                                          \
	do {                                                              \
		struct err ok_e = {0}, *e = &ok_e;                        \
		if ((call) != 0)                                          \
			fail_msg("%s: %s %s: %s", #call, err_id(e->code), \
				e->what, e->why);                         \
	} while (0)
#define fails(code_, call)                                                     \
	do {                                                                   \
		struct err f_e = {0}, *e = &f_e;                               \
		assert_int_equal(call, -1);                                    \
		if (e->code != (code_))                                        \
			fail_msg("%s: %s, not %s: %s", #call, err_id(e->code), \
				err_id(code_), e->why);                        \
	} while (0)

#endif
