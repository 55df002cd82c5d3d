/*
 * /etc/network/interfaces as interfaces(5) has it: logical lines (a backslash
 * at the end continues), stanzas, options. Positions are lines of a struct
 * text.
 */
#ifndef CORE_GUEST_ENI_H
#define CORE_GUEST_ENI_H

#include "network.h"

#define ENI_MAIN "/etc/network/interfaces"

struct eni_line {
	size_t at, n; /* physical lines */
	char *store;  /* owns word and rest */
	char *word;   /* "" for a blank line or a comment */
	char *rest;   /* trimmed */
};
void eni_line_free(struct eni_line *l);
#define _eni_line_ __attribute__((cleanup(eni_line_free)))

/* The logical line at `at`; l is freed first. False at the end. */
bool eni_line(const struct text *t, size_t at, struct eni_line *l);

struct eni_stanza {
	size_t first; /* the iface line */
	size_t end;   /* behind the last option */
	char name[64];
	char family[16]; /* "inet", "inet6"; "" in ifupdown2 and -ng */
	char method[32]; /* "" likewise */
};

/* The stanza that begins at or after *at; *at moves behind it. */
bool eni_stanza(const struct text *t, size_t *at, struct eni_stanza *s);
/* The nth option of that name in a stanza; l is freed first. "address" means
 * an IPv4 address. */
bool eni_option(const struct text *t, const struct eni_stanza *s,
	const char *name, size_t nth, struct eni_line *l);
/* Is it a command that runs when the interface comes up or goes down? */
bool eni_is_hook(const char *word);
/* The stanza's IPv4 address; masked false: no prefix is given. -1: none. */
int eni_address(const struct text *t, const struct eni_stanza *s,
	struct addr *out, bool *masked);
/* Its IPv4 gateway, from the option or from a hook's default route; "". */
void eni_gateway(
	const struct text *t, const struct eni_stanza *s, char out[64]);
/* Name servers of the stanza, "A B"; to be freed, null where none. */
char *eni_dns(const struct text *t, const struct eni_stanza *s);

/* interfaces and all that it names, in the order they are read. */
json_t *eni_files(struct guest *g);
/* struct net_stack's facts. */
void eni_facts(struct guest *g, const struct guest_changes *cs, json_t *files,
	json_t *list);

#endif
