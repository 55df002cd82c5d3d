/*
 * What kind of thing lies in an area. Keeps true: an area with the marks of
 * two kinds is a doubt, since one of them is what somebody forgot to wipe and
 * nobody can tell which. So kinds that are not looked into stand here too:
 * those that leave the marks of an earlier ext4, swap, NTFS, XFS or LVM where
 * they were (ZFS leaves the first 8 KiB alone, btrfs 64 KiB, RAID 1 with
 * metadata at the end everything).
 *
 * Offsets as in libblkid's superblocks directory of util-linux.
 */
#include "fsmap_own.h"

#include <string.h>

#include "i18n.h"
#include "str.h"

#define HEAD (256U << 10)

static const struct fsmap_kind ext = {"ext4", fsmap_ext, USE_LINUX};
static const struct fsmap_kind xfs = {"xfs", fsmap_xfs, USE_LINUX};
static const struct fsmap_kind ntfs = {"ntfs", fsmap_ntfs, USE_WINDOWS};
static const struct fsmap_kind swap = {"swap", fsmap_swap, USE_SWAP};
static const struct fsmap_kind lvm = {"lvm", fsmap_lvm, USE_LVM};
#define OTHER(var, text) static const struct fsmap_kind var = {.name = text}
OTHER(bcache, "bcache");
OTHER(bcachefs, "bcachefs");
OTHER(bitlocker, "BitLocker");
OTHER(bluestore, "Ceph");
OTHER(btrfs, "btrfs");
OTHER(drbd, "DRBD");
OTHER(exfat, "exFAT");
OTHER(f2fs, "F2FS");
OTHER(fat, "FAT");
OTHER(gfs2, "GFS2");
OTHER(integrity, "dm-integrity");
OTHER(jfs, "JFS");
OTHER(ldm, N_("a dynamic disk of Windows"));
OTHER(luks, "LUKS");
OTHER(nilfs, "NILFS2");
OTHER(ocfs2, "OCFS2");
OTHER(oracle, "Oracle ASM");
OTHER(raid, "Linux RAID");
OTHER(refs, "ReFS");
OTHER(reiser, "ReiserFS");
OTHER(stratis, "Stratis");
OTHER(suspended, N_("a suspended system"));
OTHER(ufs, "UFS");
OTHER(vdo, "VDO");
OTHER(zfs, "ZFS");
#undef OTHER

#define MARK(kind, off, bytes)                       \
	{                                            \
		&kind, off, sizeof(bytes) - 1, bytes \
	}
static const struct mark {
	const struct fsmap_kind *kind;
	uint32_t off;
	uint8_t len;
	const char *bytes;
} marks[] = {
	MARK(ext, 1080, "\x53\xef"),
	MARK(xfs, 0, "XFSB"),
	MARK(ntfs, 3, "NTFS    "),
	MARK(swap, 4096 - 10, "SWAPSPACE2"),
	MARK(swap, 8192 - 10, "SWAPSPACE2"),
	MARK(swap, 16384 - 10, "SWAPSPACE2"),
	MARK(swap, 65536 - 10, "SWAPSPACE2"),
	MARK(suspended, 4096 - 10, "SWAP-SPACE"),
	MARK(suspended, 4096 - 10, "S1SUSPEND"),
	MARK(suspended, 4096 - 10, "S2SUSPEND"),
	MARK(suspended, 4096 - 10, "ULSUSPEND"),
	MARK(suspended, 4096 - 10, "LINHIB0001"),
	MARK(suspended, 4096 - 10, "\xed\xc3\x02\xe9\x98\x56\xe5\x0c"),
	MARK(lvm, 0, "LABELONE"),
	MARK(lvm, 512, "LABELONE"),
	MARK(lvm, 1024, "LABELONE"),
	MARK(lvm, 1536, "LABELONE"),
	MARK(bcache, 4096 + 24,
		"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d"
		"\x81"),
	MARK(bcachefs, 4096 + 24,
		"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7"
		"\xef"),
	MARK(bitlocker, 3, "-FVE-FS-"),
	MARK(bluestore, 0, "bluestore block device"),
	MARK(btrfs, 65536 + 64, "_BHRfS_M"),
	MARK(exfat, 3, "EXFAT   "),
	MARK(f2fs, 1024, "\x10\x20\xf5\xf2"),
	MARK(fat, 54, "FAT1"),
	MARK(fat, 82, "FAT32"),
	MARK(gfs2, 65536, "\x01\x16\x19\x70"),
	MARK(integrity, 0, "integrt"),
	MARK(jfs, 32768, "JFS1"),
	MARK(ldm, 3072, "PRIVHEAD"),
	MARK(luks, 0, "LUKS\xba\xbe"),
	MARK(luks, 0, "SKUL\xba\xbe"),
	MARK(luks, 16384, "SKUL\xba\xbe"),
	MARK(nilfs, 1024 + 6, "\x34\x34"),
	MARK(ocfs2, 1024, "OCFSV2"),
	MARK(ocfs2, 2048, "OCFSV2"),
	MARK(ocfs2, 4096, "OCFSV2"),
	MARK(ocfs2, 8192, "OCFSV2"),
	MARK(oracle, 32, "ORCLDISK"),
	MARK(raid, 0, "\xfc\x4e\x2b\xa9"),
	MARK(raid, 4096, "\xfc\x4e\x2b\xa9"),
	MARK(refs, 3, "ReFS"),
	MARK(reiser, 65536 + 52, "ReIsEr"),
	MARK(reiser, 8192 + 52, "ReIsEr"),
	MARK(stratis, 516, "!Stra0tis"),
	MARK(stratis, 4612, "!Stra0tis"),
	MARK(ufs, 8192 + 1372, "\x54\x19\x01\x00"),
	MARK(ufs, 65536 + 1372, "\x19\x01\x54\x19"),
	MARK(vdo, 0, "dmvdo001"),
};

/* Marks at the end: offset before it, rounded down to align first. */
static const struct end_mark {
	const struct fsmap_kind *kind;
	uint32_t align, before, off;
	uint8_t len;
	const char *bytes;
} end_marks[] = {
	/* md 0.90 (both byte orders), md 1.0 */
	{&raid, 65536, 65536, 0, 4, "\xfc\x4e\x2b\xa9"},
	{&raid, 65536, 65536, 0, 4, "\xa9\x2b\x4e\xfc"},
	{&raid, 4096, 8192, 0, 4, "\xfc\x4e\x2b\xa9"},
	{&drbd, 4096, 4096, 60, 4, "\x83\x74\x02\x6b"},
	{&drbd, 4096, 4096, 60, 4, "\x83\x74\x02\x6c"},
	{&drbd, 4096, 4096, 60, 4, "\x83\x74\x02\x6d"},
	{&luks, 1, 1024, 0, 4, "LUKS"},
};

static int found(struct area *a, const struct fsmap_kind *k,
	const struct fsmap_kind **kind)
{
	if (*kind && *kind != k)
		return doubt(a, "it has the marks of %s and of %s",
			(*kind)->name, k->name);
	*kind = k;
	return 0;
}

/* An array of uberblocks, 1 KiB or more each, from 128 KiB on. */
static bool has_uberblock(const unsigned char *head, size_t n)
{
	static const unsigned char le[8] = {0x0c, 0xb1, 0xba, 0};
	static const unsigned char be[8] = {0, 0, 0, 0, 0, 0xba, 0xb1, 0x0c};

	for (size_t at = 128U << 10; at + 1024 <= n; at += 1024)
		if (memcmp(head + at, le, 8) == 0 ||
			memcmp(head + at, be, 8) == 0)
			return true;
	return false;
}

static int probe_end(struct area *a, const struct fsmap_kind **kind)
{
	for (size_t i = 0; i < ARRAY_LEN(end_marks); i++) {
		const struct end_mark *m = &end_marks[i];
		uint64_t end = a->about.size - a->about.size % m->align;
		unsigned char b[8];

		if (end < m->before || m->before < m->off + m->len)
			continue;
		if (area_read(a, end - m->before + m->off, b, m->len))
			return -1;
		if (memcmp(b, m->bytes, m->len) == 0 && found(a, m->kind, kind))
			return -1;
	}
	return 0;
}

/* Two bytes are little: an ext superblock has more to tell. */
static bool mark_holds(const struct mark *m, const unsigned char *head)
{
	if (memcmp(head + m->off, m->bytes, m->len) != 0)
		return false;
	if (m->kind == &ext)
		return le32(head + 1024 + 24) <= 6 && le32(head + 1028);
	return true;
}

int fsmap_probe(struct area *a, const struct fsmap_kind **kind)
{
	_free_ unsigned char *head = xcalloc(1, HEAD);
	size_t n = a->about.size < HEAD ? a->about.size : HEAD;

	*kind = NULL;
	if (area_read(a, 0, head, n))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (mark_holds(&marks[i], head) &&
			found(a, marks[i].kind, kind))
			return -1;
	if (has_uberblock(head, n) && found(a, &zfs, kind))
		return -1;
	return probe_end(a, kind);
}
