/*
 * ext2, ext3 and ext4, by libext2fs over the area: its block bitmaps, less
 * what is allocated but without content: the journal of a file system that
 * needs no recovery, and inodes that were never used. Keeps true: only a file
 * system that e2fsck would call clean, with features known here, and whose
 * bitmaps agree with its counts, is believed.
 *
 * Format: Documentation/filesystems/ext4 of Linux, and ext2fs(3).
 */
#include "fsmap_own.h"

#include <string.h>

#include <ext2fs/ext2fs.h>

#include "str.h"

#define COMPAT 0x1fffU & ~0x140U /* not lazy_bg, not exclude_bitmap */
#define RO_COMPAT                                         \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |            \
		EXT2_FEATURE_RO_COMPAT_LARGE_FILE | 0x4 | \
		EXT4_FEATURE_RO_COMPAT_HUGE_FILE |        \
		EXT4_FEATURE_RO_COMPAT_GDT_CSUM |         \
		EXT4_FEATURE_RO_COMPAT_DIR_NLINK |        \
		EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |      \
		EXT4_FEATURE_RO_COMPAT_QUOTA |            \
		EXT4_FEATURE_RO_COMPAT_BIGALLOC |         \
		EXT4_FEATURE_RO_COMPAT_METADATA_CSUM |    \
		EXT4_FEATURE_RO_COMPAT_PROJECT |          \
		EXT4_FEATURE_RO_COMPAT_VERITY)
#define INCOMPAT                                                              \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG |     \
		EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | \
		EXT4_FEATURE_INCOMPAT_FLEX_BG |                               \
		EXT4_FEATURE_INCOMPAT_EA_INODE |                              \
		EXT4_FEATURE_INCOMPAT_CSUM_SEED |                             \
		EXT4_FEATURE_INCOMPAT_LARGEDIR |                              \
		EXT4_FEATURE_INCOMPAT_INLINE_DATA |                           \
		EXT4_FEATURE_INCOMPAT_ENCRYPT |                               \
		EXT4_FEATURE_INCOMPAT_CASEFOLD)

/* libext2fs's open has room for a name and nothing else. */
static _Thread_local struct area *opening;

/* --- the area as libext2fs reads --- */

static struct struct_io_manager manager;

static errcode_t io_open(const char *name, int flags, io_channel *out)
{
	io_channel c;

	if (!opening || (flags & IO_FLAG_RW))
		return EXT2_ET_BAD_DEVICE_NAME;
	c = xcalloc(1, sizeof(*c));
	c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	c->name = xstrdup(name);
	c->block_size = 1024;
	c->refcount = 1;
	c->private_data = opening;
	c->manager = &manager;
	*out = c;
	return 0;
}

static errcode_t io_close(io_channel c)
{
	if (--c->refcount > 0)
		return 0;
	free(c->name);
	free(c);
	return 0;
}

static errcode_t io_set_blksize(io_channel c, int size)
{
	c->block_size = size;
	return 0;
}

/* A negative count is one of bytes. */
static errcode_t io_read64(
	io_channel c, unsigned long long block, int count, void *data)
{
	struct area *a = c->private_data;
	uint64_t len = count < 0 ? (uint64_t) - (int64_t)count
				 : (uint64_t)count * c->block_size;

	if (block > a->about.size / c->block_size ||
		area_read(a, block * c->block_size, data, len))
		return EXT2_ET_SHORT_READ;
	return 0;
}

static errcode_t io_read(
	io_channel c, unsigned long block, int count, void *data)
{
	return io_read64(c, block, count, data);
}

static errcode_t io_write(
	io_channel c, unsigned long block, int count, const void *data)
{
	(void)c;
	(void)block;
	(void)count;
	(void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write64(
	io_channel c, unsigned long long block, int count, const void *data)
{
	(void)block;
	return io_write(c, 0, count, data);
}

static errcode_t io_flush(io_channel c)
{
	(void)c;
	return 0;
}

static struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "vmferry",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.read_blk64 = io_read64,
	.write_blk = io_write,
	.write_blk64 = io_write64,
	.flush = io_flush,
};

/* --- may it be believed? --- */

static void name_kind(struct area *a, const struct ext2_super_block *sb)
{
	bool journal = sb->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL;
	bool four = (sb->s_feature_incompat &
			    (EXT3_FEATURE_INCOMPAT_EXTENTS |
				    EXT4_FEATURE_INCOMPAT_64BIT |
				    EXT4_FEATURE_INCOMPAT_FLEX_BG)) ||
		(sb->s_feature_ro_compat &
			(EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
				EXT4_FEATURE_RO_COMPAT_GDT_CSUM |
				EXT4_FEATURE_RO_COMPAT_METADATA_CSUM));

	a->about.kind = four ? "ext4" : journal ? "ext3" : "ext2";
}

static int check_super(struct area *a, const struct ext2_super_block *sb)
{
	if (sb->s_rev_level > EXT2_DYNAMIC_REV ||
		(sb->s_feature_compat & ~(COMPAT)) ||
		(sb->s_feature_ro_compat &
			~(RO_COMPAT | EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)) ||
		(sb->s_feature_incompat &
			~(INCOMPAT | EXT3_FEATURE_INCOMPAT_RECOVER)))
		return doubt(a,
			"it has features that are not known "
			"(0x%x 0x%x 0x%x)",
			sb->s_feature_compat, sb->s_feature_incompat,
			sb->s_feature_ro_compat);
	if (sb->s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER)
		return doubt(a, "its journal needs recovery");
	if (sb->s_state != EXT2_VALID_FS)
		return doubt(a, "it was not cleanly unmounted");
	if (sb->s_last_orphan ||
		(sb->s_feature_ro_compat &
			EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT))
		return doubt(a, "it has orphaned inodes");
	if (sb->s_log_block_size > 6)
		return doubt(a, "its block size is not known");
	return 0;
}

static int check_size(struct area *a, struct ext2_super_block *sb)
{
	uint64_t blocks = ext2fs_blocks_count(sb);
	uint64_t size = 1024ULL << sb->s_log_block_size;

	if (!blocks || blocks > a->about.size / size)
		return doubt(a, "it is larger than its partition");
	/* libext2fs looks at these too; a division by zero is not its style,
	 * and neither is it ours to rely on that. */
	if (!sb->s_blocks_per_group || !sb->s_inodes_per_group ||
		!sb->s_inodes_count)
		return doubt(a, "its superblock is damaged");
	return 0;
}

/* --- the bitmaps --- */

/* Where the bitmaps are, so that they come in few requests. */
static void expect_bitmaps(struct area *a, ext2_filsys fs)
{
	uint64_t *off = xreallocarray(NULL, fs->group_desc_count, sizeof(*off));
	size_t n = 0;

	for (dgrp_t g = 0; g < fs->group_desc_count; g++)
		if (!ext2fs_has_group_desc_csum(fs) ||
			!ext2fs_bg_flags_test(fs, g, EXT2_BG_BLOCK_UNINIT))
			off[n++] = ext2fs_block_bitmap_loc(fs, g) *
				(uint64_t)fs->blocksize;
	area_expect(a, off, n);
	free(off);
}

static int check_groups(struct area *a, ext2_filsys fs)
{
	for (dgrp_t g = 0; g < fs->group_desc_count; g++)
		if (ext2fs_has_group_desc_csum(fs) &&
			!ext2fs_group_desc_csum_verify(fs, g))
			return doubt(a, "the checksum of group %u is wrong", g);
	if (ext2fs_check_desc(fs))
		return doubt(a, "its group descriptors are damaged");
	return 0;
}

/* Free blocks of a run, to the counts of their groups (in clusters). */
static void count_run(ext2_filsys fs, blk64_t from, blk64_t to, uint32_t *count)
{
	while (from < to) {
		dgrp_t g = ext2fs_group_of_blk2(fs, from);
		blk64_t end = ext2fs_group_last_block2(fs, g) + 1;

		end = end < to ? end : to;
		count[g] += EXT2FS_NUM_B2C(fs, end - from);
		from = end;
	}
}

static void take_runs(struct area *a, ext2_filsys fs, uint32_t *count)
{
	blk64_t end = ext2fs_blocks_count(fs->super);
	blk64_t at = fs->super->s_first_data_block, from, to;

	while (at < end &&
		!ext2fs_find_first_zero_block_bitmap2(
			fs->block_map, at, end - 1, &from)) {
		if (ext2fs_find_first_set_block_bitmap2(
			    fs->block_map, from, end - 1, &to))
			to = end;
		count_run(fs, from, to, count);
		area_unused(
			a, from * fs->blocksize, (to - from) * fs->blocksize);
		at = to;
	}
}

/* A bitmap and a count that differ: one is stale or damaged. */
static int check_counts(struct area *a, ext2_filsys fs, const uint32_t *count)
{
	blk64_t sum = 0;

	for (dgrp_t g = 0; g < fs->group_desc_count; g++) {
		if (count[g] != ext2fs_bg_free_blocks_count(fs, g))
			return doubt(a,
				"the free blocks of group %u are %u, "
				"not %u",
				g, count[g],
				ext2fs_bg_free_blocks_count(fs, g));
		sum += EXT2FS_C2B(fs, (blk64_t)count[g]);
	}
	if (sum != ext2fs_free_blocks_count(fs->super))
		return doubt(a, "its count of free blocks is wrong");
	return 0;
}

static int look_at_bitmaps(struct area *a, ext2_filsys fs)
{
	_free_ uint32_t *count = NULL;

	expect_bitmaps(a, fs);
	if (ext2fs_read_block_bitmap(fs))
		return doubt(a, "its block bitmaps are damaged");
	count = xcalloc(fs->group_desc_count, sizeof(*count));
	take_runs(a, fs, count);
	return check_counts(a, fs, count);
}

/* --- allocated, without content --- */

/* Inodes that were never used, at the end of each group's table. */
static void take_inodes(struct area *a, ext2_filsys fs)
{
	uint64_t per_group = fs->super->s_inodes_per_group;
	uint64_t size = EXT2_INODE_SIZE(fs->super);
	uint64_t table = (uint64_t)fs->inode_blocks_per_group * fs->blocksize;

	for (dgrp_t g = 0; g < fs->group_desc_count; g++) {
		uint64_t at = ext2fs_inode_table_loc(fs, g) * fs->blocksize;
		uint64_t n = ext2fs_bg_itable_unused(fs, g), from;

		if (ext2fs_bg_flags_test(fs, g, EXT2_BG_INODE_UNINIT))
			n = per_group;
		from = (per_group - (n < per_group ? n : per_group)) * size;
		if (n && from < table &&
			ext2fs_test_block_bitmap2(
				fs->block_map, at / fs->blocksize))
			area_unused(a, at + from, table - from);
	}
}

struct journal {
	struct area *a;
	blk64_t first, end; /* the run being gathered */
	bool clean;
};

static void end_run(struct journal *j, uint64_t size)
{
	if (j->end > j->first)
		area_unused(j->a, j->first * size, (j->end - j->first) * size);
}

/* The journal's superblock (JBD2, big endian): no transaction to replay. */
static bool journal_clean(struct area *a, uint64_t at)
{
	unsigned char s[64];
	uint32_t type;

	if (area_read(a, at, s, sizeof(s)))
		return false;
	type = be32(s + 4);
	return be32(s) == 0xc03b3998 && (type == 3 || type == 4) &&
		be32(s + 28) == 0 && be32(s + 32) == 0;
}

static int on_journal_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t count,
	blk64_t ref, int ref_offset, void *arg)
{
	struct journal *j = arg;

	(void)ref;
	(void)ref_offset;
	if (count == 0) {
		j->clean =
			journal_clean(j->a, *block * (uint64_t)fs->blocksize);
		return j->clean ? 0 : BLOCK_ABORT;
	}
	if (!j->clean || count < 0 ||
		!ext2fs_test_block_bitmap2(fs->block_map, *block))
		return BLOCK_ABORT;
	if (*block != j->end) {
		end_run(j, fs->blocksize);
		j->first = *block;
	}
	j->end = *block + 1;
	return 0;
}

/* The inode is as its copy in the superblock. */
static bool journal_known(ext2_filsys fs)
{
	const struct ext2_super_block *sb = fs->super;
	struct ext2_inode inode;

	return ext2fs_has_feature_journal(fs->super) &&
		sb->s_journal_inum == EXT2_JOURNAL_INO &&
		sb->s_jnl_backup_type == EXT3_JNL_BACKUP_BLOCKS &&
		!ext2fs_read_inode(fs, EXT2_JOURNAL_INO, &inode) &&
		memcmp(inode.i_block, sb->s_jnl_blocks,
			sizeof(inode.i_block)) == 0;
}

/* What cannot be made out is simply read. */
static void take_journal(struct area *a, ext2_filsys fs)
{
	struct journal j = {.a = a};

	if (!journal_known(fs))
		return;
	ext2fs_block_iterate3(fs, EXT2_JOURNAL_INO,
		BLOCK_FLAG_READ_ONLY | BLOCK_FLAG_DATA_ONLY, NULL,
		on_journal_block, &j);
	end_run(&j, fs->blocksize);
}

/* Bitmaps may outlive the file system they were of. */
static int check_root(struct area *a, ext2_filsys fs)
{
	struct ext2_inode root;

	if (ext2fs_read_inode(fs, EXT2_ROOT_INO, &root) ||
		!LINUX_S_ISDIR(root.i_mode) || !root.i_links_count)
		return doubt(a, "it has no root directory");
	return 0;
}

static int look_at_fs(struct area *a, ext2_filsys fs)
{
	if (check_groups(a, fs) || check_root(a, fs) || look_at_bitmaps(a, fs))
		return -1;
	if (ext2fs_has_group_desc_csum(fs))
		take_inodes(a, fs);
	take_journal(a, fs);
	return 0;
}

int fsmap_ext(struct area *a)
{
	struct ext2_super_block sb;
	ext2_filsys fs = NULL;
	errcode_t bad;
	int rc;

	if (area_read(a, SUPERBLOCK_OFFSET, &sb, sizeof(sb)))
		return -1;
	name_kind(a, &sb);
	if (check_super(a, &sb) || check_size(a, &sb))
		return -1;
	opening = a;
	bad = ext2fs_open2("area", NULL, EXT2_FLAG_64BITS, 0, 0, &manager, &fs);
	opening = NULL;
	if (bad)
		return doubt(a, "libext2fs: %s", error_message(bad));
	rc = look_at_fs(a, fs);
	ext2fs_free(fs);
	return rc;
}
