/*
 * LVM2: free physical extents, and each linear logical volume as an area of
 * its own. Keeps true: only a volume group of this one PV, whose metadata is
 * whole, committed and alike in every copy, and which holds nothing but
 * linear volumes, is believed. A snapshot's origin or a mirror's leg has
 * blocks that the file system on it does not know are needed.
 *
 * Format: lib/format_text/layout.h and lib/label/label.h of LVM2.
 */
#include "fsmap_own.h"

#include <stdlib.h>
#include <string.h>

#include "fsmap_lvmtext.h"
#include "str.h"

#define SECTOR 512
#define CRC_START 0xf597a6cfU
#define UUID_LEN 32
#define LOCNS_MAX 8
#define TEXT_MAX (4U << 20)
#define EXTENTS_MAX (16U << 20)
#define PIECES_MAX 4096 /* of one volume */

struct locn {
	uint64_t offset, size; /* bytes from the start of the PV */
};

struct pv {
	struct area *a;
	char uuid[UUID_LEN];
	uint64_t size;
	struct locn data[LOCNS_MAX], mda[LOCNS_MAX];
	size_t n_data, n_mda;
};

/* --- label and header --- */

/* A list of places up to an empty one. *at moves behind it. */
static int read_locns(struct area *a, const unsigned char *s, size_t *at,
	struct locn *out, size_t *n)
{
	for (*n = 0; *at + 16 <= SECTOR; (*n)++) {
		uint64_t offset = le64(s + *at), size = le64(s + *at + 8);

		*at += 16;
		if (!offset)
			return 0;
		if (*n == LOCNS_MAX)
			break;
		out[*n] = (struct locn){offset, size};
	}
	return doubt(a, "its header does not end");
}

static int read_label(struct area *a, unsigned char s[SECTOR])
{
	bool found = false;

	for (unsigned i = 0; i < 4; i++) {
		unsigned char b[SECTOR];

		if (area_read(a, i * SECTOR, b, sizeof(b)))
			return -1;
		if (memcmp(b, "LABELONE", 8) != 0)
			continue;
		if (found)
			return doubt(a, "it has two labels");
		if (le64(b + 8) != i || memcmp(b + 24, "LVM2 001", 8) != 0 ||
			crc_add(CRC_IEEE, CRC_START, b + 20, SECTOR - 20) !=
				le32(b + 16))
			return doubt(a, "its label is damaged");
		memcpy(s, b, SECTOR);
		found = true;
	}
	return found ? 0 : doubt(a, "it has no label");
}

static int read_header(struct pv *pv)
{
	unsigned char s[SECTOR];
	size_t at;

	if (read_label(pv->a, s))
		return -1;
	at = le32(s + 20);
	if (at < 32 || at > SECTOR - UUID_LEN - 8)
		return doubt(pv->a, "its label is damaged");
	memcpy(pv->uuid, s + at, UUID_LEN);
	pv->size = le64(s + at + UUID_LEN);
	at += UUID_LEN + 8;
	if (read_locns(pv->a, s, &at, pv->data, &pv->n_data) ||
		read_locns(pv->a, s, &at, pv->mda, &pv->n_mda))
		return -1;
	if (pv->size > pv->a->about.size || pv->n_data != 1)
		return doubt(pv->a, "its header is not understood");
	return 0;
}

/* --- metadata --- */

/* The text lies in a ring behind the area's header. */
static int read_ring(struct area *a, const struct locn *mda, uint64_t offset,
	char *text, uint64_t size)
{
	uint64_t room = mda->size - offset, first = size < room ? size : room;

	if (area_read(a, mda->offset + offset, text, first))
		return -1;
	return first == size ? 0
			     : area_read(a, mda->offset + SECTOR, text + first,
				       size - first);
}

/* One copy of the metadata; *text stays null for one that is not in use. */
static int read_mda(
	struct area *a, const struct locn *mda, char **text, size_t *len)
{
	unsigned char h[SECTOR];
	uint64_t offset, size;
	uint32_t crc;

	if (area_read(a, mda->offset, h, sizeof(h)))
		return -1;
	offset = le64(h + 40);
	size = le64(h + 48);
	crc = le32(h + 56);
	if (crc_add(CRC_IEEE, CRC_START, h + 4, SECTOR - 4) != le32(h) ||
		memcmp(h + 4, " LVM2 x[5A%r0N*>", 16) != 0 ||
		le32(h + 20) != 1 || le64(h + 24) != mda->offset ||
		le64(h + 32) != mda->size)
		return doubt(a, "its metadata header is damaged");
	if (le32(h + 60) & 1)
		return 0; /* "ignored": may be old */
	if (le64(h + 64))
		return doubt(a, "a change of it was not committed");
	if (!offset)
		return doubt(a, "it belongs to no volume group");
	if (offset < SECTOR || offset >= mda->size || !size ||
		size > TEXT_MAX || size > mda->size - SECTOR)
		return doubt(a, "its metadata is not understood");
	*text = xmalloc(size + 1);
	*len = size;
	if (read_ring(a, mda, offset, *text, size))
		return -1;
	if (crc_add(CRC_IEEE, CRC_START, *text, size) != crc)
		return doubt(a, "its metadata is damaged");
	return 0;
}

/* The text that all copies have. */
static int read_text(struct pv *pv, char **out, size_t *len)
{
	_free_ char *text = NULL;

	for (size_t i = 0; i < pv->n_mda; i++) {
		_free_ char *t = NULL;
		size_t n = 0;

		if (read_mda(pv->a, &pv->mda[i], &t, &n))
			return -1;
		if (t && text && (n != *len || memcmp(t, text, n) != 0))
			return doubt(pv->a, "its copies of metadata differ");
		if (t && !text) {
			text = t;
			*len = n;
			t = NULL;
		}
	}
	if (!text)
		return doubt(pv->a, "its metadata is on other disks");
	*out = text;
	text = NULL;
	return 0;
}

/* --- the volume group --- */

struct vg {
	struct pv *pv;
	const char *name;
	const char *pv_name; /* in the text: "pv0" */
	uint64_t extent;     /* bytes */
	uint64_t start;      /* of the first extent on the PV, bytes */
	uint64_t n;          /* extents */
	unsigned char *used; /* by extent */
};

/* "abcdef-ghij-..." without its dashes. */
static bool same_uuid(const char *text, const char uuid[UUID_LEN])
{
	size_t n = 0;

	for (; text && *text; text++) {
		if (*text == '-')
			continue;
		if (n == UUID_LEN || *text != uuid[n++])
			return false;
	}
	return n == UUID_LEN;
}

static int find_pv(struct vg *g, const json_t *vg)
{
	json_t *pvs = json_object_get(vg, "physical_volumes"), *pv;
	struct area *a = g->pv->a;
	void *it = json_object_iter(pvs);

	if (json_object_size(pvs) != 1)
		return doubt(a, "its volume group %s has %zu disks", g->name,
			json_object_size(pvs));
	g->pv_name = json_object_iter_key(it);
	pv = json_object_iter_value(it);
	if (!same_uuid(json_str(pv, "id"), g->pv->uuid) ||
		json_array_size(json_object_get(pv, "flags")))
		return doubt(a, "its metadata is that of another disk");
	g->extent = json_u64(vg, "extent_size", 0) * SECTOR;
	g->start = json_u64(pv, "pe_start", 0) * SECTOR;
	g->n = json_u64(pv, "pe_count", 0);
	if (!g->extent || g->extent > 1ULL << 40 || g->n > EXTENTS_MAX ||
		g->start != g->pv->data[0].offset || g->start > a->about.size ||
		g->n > (a->about.size - g->start) / g->extent)
		return doubt(a, "its volume group is larger than its disk");
	return 0;
}

/* A volume as pieces of the disk. */
struct lv {
	const char *name;
	struct extent piece[PIECES_MAX];
	size_t n;
	uint64_t next; /* extents of it that are known */
};

static int take_segment(struct vg *g, struct lv *lv, const json_t *seg)
{
	const json_t *stripes = json_object_get(seg, "stripes");
	const json_t *first = json_array_get(stripes, 1);
	const char *type = json_str_or(seg, "type", "?");
	uint64_t count = json_u64(seg, "extent_count", 0);
	uint64_t at = g->n;
	const char *on = json_string_value(json_array_get(stripes, 0));
	struct area *a = g->pv->a;

	if (json_is_integer(first))
		at = json_integer_value(first);
	if (strcmp(type, "striped") != 0 ||
		json_u64(seg, "stripe_count", 0) != 1 ||
		json_array_size(stripes) != 2)
		return doubt(a, "volume %s is %s, not linear", lv->name,
			strcmp(type, "striped") == 0 ? "striped" : type);
	if (!on || strcmp(on, g->pv_name) != 0 || at >= g->n || !count ||
		count > g->n - at ||
		json_u64(seg, "start_extent", UINT64_MAX) != lv->next)
		return doubt(a, "volume %s is not understood", lv->name);
	for (uint64_t i = at; i < at + count; i++)
		if (g->used[i]++)
			return doubt(a, "volume %s overlaps another", lv->name);
	lv->next += count;
	if (lv->n < PIECES_MAX)
		lv->n += area_map(a, g->start + at * g->extent,
			count * g->extent, lv->piece + lv->n,
			PIECES_MAX - lv->n);
	return 0;
}

static int take_volume(struct vg *g, struct lv *lv, const json_t *text)
{
	uint64_t n = json_u64(text, "segment_count", 0);

	for (uint64_t i = 1; i <= n; i++) {
		char name[32];
		const json_t *seg;

		snprintf(name, sizeof(name), "segment%llu",
			(unsigned long long)i);
		seg = json_object_get(text, name);
		if (!json_is_object(seg))
			return doubt(g->pv->a, "volume %s is not understood",
				lv->name);
		if (take_segment(g, lv, seg))
			return -1;
	}
	/* More of them than said: another kind of volume. */
	if (json_object_get(text, "segment0") || !n)
		return doubt(g->pv->a, "volume %s has no segment", lv->name);
	return 0;
}

/* In the first round all are checked; in the second each becomes an area. */
static int take_volumes(struct vg *g, const json_t *vg, bool add)
{
	json_t *all = json_object_get(vg, "logical_volumes"), *text;
	_free_ struct lv *lv = xmalloc(sizeof(*lv));
	const char *key;

	memset(g->used, 0, g->n + 1);
	json_object_foreach (all, key, text) {
		_free_ char *name = xasprintf("LV %s/%s", g->name, key);

		lv->name = key;
		lv->n = 0;
		lv->next = 0;
		if (take_volume(g, lv, text))
			return -1;
		if (add && lv->n < PIECES_MAX)
			area_add(g->pv->a->m, name, USE_LINUX | USE_SWAP, true,
				lv->piece, lv->n);
	}
	return 0;
}

static void take_free(const struct vg *g)
{
	for (uint64_t i = 0, n; i < g->n; i += n) {
		for (n = 1; i + n < g->n && g->used[i + n] == g->used[i];)
			n++;
		if (!g->used[i])
			area_unused(g->pv->a, g->start + i * g->extent,
				n * g->extent);
	}
}

static int look_at_group(struct pv *pv, const json_t *root)
{
	struct vg g = {.pv = pv};
	const char *key;
	json_t *v, *vg = NULL;
	int rc;

	json_object_foreach ((json_t *)root, key, v) {
		if (!json_is_object(v))
			continue;
		if (vg)
			return doubt(pv->a, "it is in two volume groups");
		vg = v;
		g.name = key;
	}
	if (!vg ||
		strcmp(json_str_or(root, "contents", ""),
			"Text Format Volume Group") != 0)
		return doubt(pv->a, "its metadata is not understood");
	if (find_pv(&g, vg))
		return -1;
	g.used = xmalloc(g.n + 1);
	rc = take_volumes(&g, vg, false);
	if (!rc) {
		take_free(&g);
		rc = take_volumes(&g, vg, true);
	}
	free(g.used);
	return rc;
}

int fsmap_lvm(struct area *a)
{
	struct pv pv = {.a = a};
	_json_ json_t *root = NULL;
	_free_ char *text = NULL;
	size_t len = 0;

	if (a->nested)
		return doubt(a, "it is inside a logical volume");
	if (read_header(&pv) || read_text(&pv, &text, &len))
		return -1;
	root = lvm_text(text, len);
	if (!root)
		return doubt(a, "its metadata is not understood");
	return look_at_group(&pv, root);
}
