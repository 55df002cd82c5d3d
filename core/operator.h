/*
 * Who is at the keyboard: for the journal. What is told is a record for
 * honest people, not a proof: root can change its own environment.
 */
#ifndef CORE_OPERATOR_H
#define CORE_OPERATOR_H

#include "json.h"

/*
 * {"login": "anna", "from": "192.0.2.7"}. login is the name that logged in
 * (the audit login uid, which survives sudo and su), else sudo's user, else
 * the user we run as. from is the SSH client's address, looked for in our
 * environment and in that of our ancestors (sudo and the wizard clear it);
 * "console" where there is none. New reference.
 */
json_t *operator_json(void);

#endif
