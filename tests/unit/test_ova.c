/* OVA archives: core/ova.c, core/ova_vm.c. Archives are made here, byte by
 * byte, in the forms that tar knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ovf.h"
#include "str.h"

static const char ovf[] =
	"<Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\">"
	"<References><File id=\"f\" href=\"web-disk1.vmdk\"/></References>"
	"<DiskSection><Disk diskId=\"d\" fileRef=\"f\" capacity=\"1024\"/>"
	"</DiskSection><VirtualSystem id=\"web\"><VirtualHardwareSection>"
	"<Item><ResourceType>4</ResourceType><VirtualQuantity>64"
	"</VirtualQuantity></Item>"
	"<Item><InstanceID>1</InstanceID><ResourceType>6</ResourceType></Item>"
	"<Item><ResourceType>17</ResourceType><Parent>1</Parent>"
	"<HostResource>ovf:/disk/d</HostResource></Item>"
	"</VirtualHardwareSection></VirtualSystem></Envelope>";

static void set_checksum(unsigned char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

/* A header with an octal size. */
static void header(struct buf *b, const char *name, char type, uint64_t size)
{
	unsigned char h[512] = {0};

	strncpy((char *)h, name, 100);
	snprintf((char *)h + 124, 12, "%011o", (unsigned)size);
	h[156] = type;
	memcpy(h + 257,
		"ustar\0"
		"00",
		8);
	set_checksum(h);
	buf_add(b, h, sizeof(h));
}

static void data(struct buf *b, const char *p, size_t n)
{
	static const char zero[512];

	buf_add(b, p, n);
	buf_add(b, zero, (512 - n % 512) % 512);
}

static void member(struct buf *b, const char *name, const char *text)
{
	header(b, name, '0', strlen(text));
	data(b, text, strlen(text));
}

static void end_mark(struct buf *b)
{
	static const char zero[1024];

	buf_add(b, zero, sizeof(zero));
}

/* An unlinked file with these bytes. */
static int file_of(const struct buf *b)
{
	char name[] = "/tmp/vmferry-ova-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write_all(fd, b->s, b->len), 0);
	return fd;
}

static struct ova *list(const struct buf *b)
{
	_close_ int fd = file_of(b);
	struct ova *a = NULL;
	struct err e = {0};

	if (ova_list(fd, &a, &e))
		fail_msg("refused: %s", e.why);
	return a;
}

static void refused(const struct buf *b, const char *why)
{
	_close_ int fd = file_of(b);
	struct ova *a = NULL;
	struct err e = {0};

	if (ova_list(fd, &a, &e) == 0)
		fail_msg("taken, though: %s", why);
	assert_int_equal(e.code, ERR_BAD_OVF);
	if (!strstr(e.why, why))
		fail_msg("why is: %s", e.why);
}

static void members(void **state)
{
	_buf_ struct buf b = {0};
	_ova_ struct ova *a = NULL;
	const struct ova_member *m;

	(void)state;
	member(&b, "web.ovf", ovf);
	header(&b, "dir/", '5', 0);
	member(&b, "web.mf", "x");
	member(&b, "web-disk1.vmdk", "KDMV");
	end_mark(&b);
	a = list(&b);
	assert_int_equal(a->n, 3);
	assert_int_equal(a->ovf, 0);
	m = ova_find(a, "web-disk1.vmdk");
	assert_int_equal(m->size, 4);
	assert_memory_equal(b.s + m->offset, "KDMV", 4);
	assert_null(ova_find(a, "dir/"));
}

static void no_end_mark(void **state)
{
	_buf_ struct buf b = {0}, short_end = {0};
	_ova_ struct ova *a = NULL, *c = NULL;

	(void)state;
	member(&b, "w.ovf", ovf);
	a = list(&b);
	assert_int_equal(a->n, 1);
	/* Nor the padding of the last member. */
	header(&short_end, "w.ovf", '0', strlen(ovf));
	buf_add(&short_end, ovf, strlen(ovf));
	c = list(&short_end);
	assert_int_equal(c->members[0].size, strlen(ovf));
}

/* 9 GiB in GNU's base-256; a sparse file makes the room. */
static void large_member(void **state)
{
	static const unsigned char nine_gib[12] = {
		0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0, 0, 0};
	_buf_ struct buf b = {0};
	_ova_ struct ova *a = NULL;
	_close_ int fd = -1;
	unsigned char *h;
	struct err e = {0};
	size_t at;

	(void)state;
	member(&b, "w.ovf", ovf);
	at = b.len;
	header(&b, "big.vmdk", '0', 0);
	h = (unsigned char *)b.s + at;
	memcpy(h + 124, nine_gib, 12);
	set_checksum(h);
	fd = file_of(&b);
	assert_int_equal(ova_list(fd, &a, &e), -1);
	assert_non_null(strstr(e.why, "cut off: a member of 9663676416 bytes"));
	assert_int_equal(ftruncate(fd, (9LL << 30) + (off_t)b.len), 0);
	if (ova_list(fd, &a, &e))
		fail_msg("refused: %s", e.why);
	assert_true(a->members[1].size == 9ULL << 30);
}

static void long_names(void **state)
{
	_buf_ struct buf b = {0}, name = {0};
	_ova_ struct ova *a = NULL;

	(void)state;
	for (int i = 0; i < 150; i++)
		buf_addc(&name, 'n');
	header(&b, "././@LongLink", 'L', name.len + 1);
	data(&b, name.s, name.len + 1);
	member(&b, "cut", "1");
	header(&b, "pax", 'x', 14);
	data(&b, "14 path=p.ovf\n", 14);
	member(&b, "other", ovf);
	header(&b, "pax", 'x', 10);
	data(&b, "10 size=3\n", 10);
	header(&b, "sized", '0', 0);
	data(&b, "abc", 3);
	a = list(&b);
	assert_int_equal(a->n, 3);
	assert_string_equal(a->members[0].name, name.s);
	assert_string_equal(a->members[1].name, "p.ovf");
	assert_int_equal(a->ovf, 1);
	assert_int_equal(a->members[2].size, 3);
}

static void damaged(void **state)
{
	_buf_ struct buf b = {0}, c = {0}, none = {0}, d = {0};

	(void)state;
	refused(&none, "empty");
	buf_adds(&b, "hello");
	refused(&b, "cut off");
	buf_clear(&b);
	for (int i = 0; i < 600; i++)
		buf_addc(&b, 'x');
	refused(&b, "not a tar archive");
	member(&c, "a.txt", "1");
	end_mark(&c);
	refused(&c, "1 members, but no .ovf");
	member(&d, "w.ovf", ovf);
	member(&d, "x", "1");
	d.s[d.len - 1024 + 3] ^= 1;
	refused(&d, "is damaged");
	buf_clear(&d);
	header(&d, "p", 'x', 8);
	data(&d, "99 path=", 8);
	refused(&d, "pax header of the archive is damaged");
	buf_clear(&d);
	header(&d, "p", 'L', 2u << 20);
	d.s = xreallocarray(d.s, d.len + (3u << 20), 1);
	memset(d.s + d.len, 0, 3u << 20);
	d.cap = d.len += 3u << 20;
	refused(&d, "is no name");
}

static bool warned(const struct vm *v, const char *words)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], words))
			return true;
	return false;
}

static void package(void **state)
{
	_buf_ struct buf b = {0};
	_close_ int fd = -1;
	_vm_ struct vm *v = NULL;
	struct err e = {0};

	(void)state;
	member(&b, "web.ovf", ovf);
	member(&b, "web.mf",
		"SHA256(web.ovf)= 00\nSHA256(web-disk1.vmdk)= 11\n");
	member(&b, "web-disk1.vmdk", "KDMV");
	end_mark(&b);
	fd = file_of(&b);
	if (ova_parse(fd, "/x/web.ova", &v, &e))
		fail_msg("refused: %s", e.why);
	assert_string_equal(v->name, "web");
	assert_string_equal(v->config, "/x/web.ova");
	assert_string_equal(v->disks[0].file, "web-disk1.vmdk");
	assert_null(v->disks[0].path);
	assert_null(v->disks[0].unsupported);
	assert_int_equal(v->n_warnings, 0);
}

static void package_faults(void **state)
{
	_buf_ struct buf b = {0}, c = {0};
	_close_ int fd = -1, fd2 = -1;
	_vm_ struct vm *v = NULL, *w = NULL;
	struct err e = {0};

	(void)state;
	member(&b, "web.ovf", ovf);
	member(&b, "web.mf", "SHA1(other.vmdk)= 00\n");
	fd = file_of(&b);
	assert_int_equal(ova_parse(fd, NULL, &v, &e), 0);
	assert_true(warned(v, "does not have web-disk1.vmdk"));
	assert_true(warned(v, "lists other.vmdk, which is not"));
	assert_non_null(v->disks[0].unsupported);
	member(&c, "web.ovf", ovf);
	member(&c, "web.mf", "junk\n");
	member(&c, "web-disk1.vmdk", "KDMV");
	fd2 = file_of(&c);
	assert_int_equal(ova_parse(fd2, NULL, &w, &e), 0);
	assert_true(warned(w, "The manifest web.mf cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(no_end_mark),
		cmocka_unit_test(large_member),
		cmocka_unit_test(long_names),
		cmocka_unit_test(damaged),
		cmocka_unit_test(package),
		cmocka_unit_test(package_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
