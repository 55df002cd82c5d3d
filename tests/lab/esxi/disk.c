/*
 * VMDK descriptors and chains: what stands on what, and what the guest
 * would read through all of it.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void value(const char *s, const char *key, char *out, size_t n)
{
	const char *p = strstr(s, text_fmt("\n%s", key));

	*out = 0;
	if (!p)
		return;
	p += strlen(key) + 1;
	p += strspn(p, " =\"");
	snprintf(out, n, "%.*s", (int)strcspn(p, "\"\n"), p);
}

int desc_load(const char *path, struct desc *d)
{
	char *s = text_file(path, NULL), buf[1024], file[600];
	const char *ext;
	long long sectors;

	if (!s)
		return -1;
	memset(d, 0, sizeof(*d));
	ext = strstr(s, "\nRW ");
	if (strncmp(s, "# Disk DescriptorFile", 21) || !ext ||
		sscanf(ext, "\nRW %lld %15s \"%599[^\"]\"", &sectors,
			d->extent_type, file) != 3) {
		errno = EINVAL;
		return -1;
	}
	d->sectors = sectors;
	d->extent = text_dup(file);
	value(s, "CID", buf, sizeof(buf));
	d->cid = (uint32_t)strtoul(buf, NULL, 16);
	value(s, "parentCID", buf, sizeof(buf));
	d->parent_cid = (uint32_t)strtoul(buf, NULL, 16);
	value(s, "createType", d->create, sizeof(d->create));
	value(s, "parentFileNameHint", buf, sizeof(buf));
	d->hint = *buf ? text_dup(buf) : NULL;
	value(s, "ddb.thinProvisioned", buf, sizeof(buf));
	d->thin = !strcmp(buf, "1");
	value(s, "ddb.adapterType", buf, sizeof(buf));
	d->adapter = text_dup(*buf ? buf : "lsilogic");
	return 0;
}

static char *ddb(const char *path, const struct desc *d, int hw)
{
	bool ide = !strcmp(d->adapter, "ide");
	int64_t track = ide ? 16 * 63 : 255 * 63;
	int64_t cyl = d->sectors / track;
	uint64_t u = 14695981039346656037ULL;
	const char *p;

	for (p = path; *p; p++)
		u = (u ^ (unsigned char)*p) * 1099511628211ULL;
	if (ide && cyl > 16383)
		cyl = 16383;
	return text_fmt(
		"ddb.adapterType = \"%s\"\n"
		"ddb.geometry.cylinders = \"%" PRId64 "\"\n"
		"ddb.geometry.heads = \"%d\"\nddb.geometry.sectors = \"63\"\n"
		"ddb.longContentID = \"%016" PRIx64 "3ed03ee3%08x\"\n%s"
		"ddb.toolsInstallType = \"0\"\n"
		"ddb.toolsVersion = \"2147483647\"\n"
		"ddb.uuid = \"60 00 C2 9%" PRIX64 " %02x %02x %02x "
		"%02x-%02x %02x %02x %02x e7 ae 2d 9c\"\n"
		"ddb.virtualHWVersion = \"%d\"\n",
		d->adapter, cyl, ide ? 16 : 255, u, d->cid,
		d->thin ? "ddb.thinProvisioned = \"1\"\n" : "", u >> 60,
		(int)(u >> 52 & 255), (int)(u >> 44 & 255),
		(int)(u >> 36 & 255), (int)(u >> 28 & 255),
		(int)(u >> 20 & 255), (int)(u >> 12 & 255), (int)(u >> 4 & 255),
		(int)(u & 255), hw);
}

int desc_save(const char *path, const struct desc *d, int hw)
{
	const char *hint =
		d->hint ? text_fmt("parentFileNameHint=\"%s\"\n", d->hint) : "";
	char *s = text_fmt("# Disk DescriptorFile\nversion=1\n"
			   "encoding=\"UTF-8\"\nCID=%08x\nparentCID=%08x\n"
			   "%screateType=\"%s\"\n%s\n# Extent description\n"
			   "RW %" PRId64
			   " %s \"%s\"\n\n# The Disk Data Base \n#DDB\n\n"
			   "%s",
		d->cid, d->parent_cid,
		lab_old() ? "isNativeSnapshot=\"no\"\n" : "", d->create, hint,
		d->sectors, d->extent_type, d->extent,
		d->hint ? text_fmt("ddb.longContentID = \"dc2d48eb61aee339"
				   "9ed03ee3%08x\"\n",
				  d->cid)
			: ddb(path, d, hw));

	return text_write(path, s, strlen(s));
}

static char *beside(const char *path, const char *name)
{
	return inv_real(
		*name == '/' ? name : text_fmt("%s/%s", text_dir(path), name));
}

char *desc_extent(const char *path, const struct desc *d)
{
	return beside(path, d->extent);
}

char *desc_parent(const char *path, const struct desc *d)
{
	return d->hint ? beside(path, d->hint) : NULL;
}

static int open_layer(const char *ext, const struct desc *d, struct layer *l)
{
	int fd = open(ext, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	*l = (struct layer){.fd = fd};
	if (!d->hint)
		return 0;
	if (!redo_open(fd, l))
		return 0;
	close(fd);
	return -1;
}

int disk_open(const char *path, struct disk *d, const char **why)
{
	char *chain[ARRAY_LEN(d->layer)];
	struct desc desc[ARRAY_LEN(d->layer)] = {0};
	int n = 0, i;

	memset(d, 0, sizeof(*d));
	*why = "The system cannot find the file specified (25).";
	for (; path && n < (int)ARRAY_LEN(chain); n++) {
		chain[n] = inv_real(path);
		if (desc_load(chain[n], &desc[n])) {
			if (errno != ENOENT)
				*why = "The file specified is not a virtual "
				       "disk (15).";
			return -1;
		}
		if (n && desc[n - 1].parent_cid != desc[n].cid) {
			*why = "The parent virtual disk has been modified "
			       "since the child was created (18).";
			return -1;
		}
		path = desc_parent(chain[n], &desc[n]);
	}
	d->size = desc[0].sectors * LAB_SECTOR;
	for (i = n; i-- > 0; d->n++) {
		d->path[d->n] = chain[i];
		if (open_layer(desc_extent(chain[i], &desc[i]), &desc[i],
			    &d->layer[d->n])) {
			disk_close(d);
			return -1;
		}
	}
	return 0;
}

static int overlay(struct layer *l, char *buf, size_t n, int64_t off)
{
	size_t at;

	for (at = 0; at < n; at += LAB_SECTOR) {
		int64_t pos = redo_find(l, (off + (int64_t)at) / LAB_SECTOR);

		if (pos < 0 ||
			(pos &&
				pread(l->fd, buf + at, LAB_SECTOR, pos) !=
					LAB_SECTOR))
			return -1;
	}
	return 0;
}

int disk_read(struct disk *d, void *buf, size_t n, int64_t off)
{
	ssize_t got = pread(d->layer[0].fd, buf, n, off);
	int i;

	if (got < 0)
		return -1;
	memset((char *)buf + got, 0, n - (size_t)got);
	for (i = 1; i < d->n; i++)
		if (overlay(&d->layer[i], buf, n, off))
			return -1;
	return 0;
}

void disk_close(struct disk *d)
{
	int i;

	for (i = 0; i < d->n; i++)
		close(d->layer[i].fd);
	d->n = 0;
}
