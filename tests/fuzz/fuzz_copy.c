/* What a copy takes from elsewhere: an ESXi host's block map, and the lines
 * of marks that a journal or a state file gives back. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "blockmap.h"
#include "copy.h"
#include "sample.h"
#include "str.h"

#define CAPACITY (12ULL << 20)

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/copy/*", NULL};
const char *const fuzz_words[] = {"[0:1048576] --> [NOMP -- :(0 --> 1)]\n",
	"[VMFS -- LVID:", "[VMFS Z- LVID:", "[NOMP -- :", "] --> [", "12582912",
	"9223372036854775808", "Mapping for file ", "\r\n",
	"{\"disk\":0,\"size\":131072,\"range\":65536,\"at\":0,\"len\":131072,"
	"\"sha256\":[1,\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
	"ff61f20015ad\"]}",
	"\"sha256\":[", "\"at\":", "\"range\":", NULL};

static void check_map(const struct extents *x)
{
	struct extent s[SAMPLES_MAX];
	size_t n = samples_pick(x, s);
	uint64_t at = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (x->e[i].offset != at || !x->e[i].length)
			abort();
		at += x->e[i].length;
	}
	if (at != CAPACITY)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!extents_zero(x, s[i].offset, s[i].length))
			abort();
}

static void try_map(const char *text)
{
	_extents_ struct extents x = {0};
	struct err e = {0};

	if (blockmap_parse(text, CAPACITY, &x, &e) == 0)
		check_map(&x);
	else if (e.code != ERR_ESXI_COMMAND || x.e)
		abort();
}

/* What is taken can be given back, and says the same. */
static void try_mark(const char *text, size_t size)
{
	_copy_map_ struct copy_map *m = NULL, *again = NULL;
	_json_ json_t *j = NULL, *back = NULL;
	struct copy_mark mark = {0};
	struct err e = {0};

	if (json_parse(text, size, &j, &e) || !json_is_object(j) ||
		json_u64(j, "size", 0) > 1ULL << 40 ||
		copy_mark_from_json(j, &m, &e))
		return;
	mark.map = m;
	while (m->slot[mark.first].kind == COPY_TODO)
		mark.first++;
	while (mark.first + mark.n < m->n &&
		m->slot[mark.first + mark.n].kind != COPY_TODO)
		mark.n++;
	back = copy_mark_to_json(&mark, 0);
	if (copy_mark_from_json(back, &again, &e) ||
		memcmp(again->slot, m->slot, m->n * sizeof(*m->slot)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);

	try_map(text);
	try_mark(text, strlen(text));
	return 0;
}
