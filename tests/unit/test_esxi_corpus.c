/* Real outputs of ESXi hosts, 4.x to 8, in ../shared/corpus/esxi-output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "esxi_int.h"
#include "vmodl.h"

static void is(const json_t *o, const char *key, const char *want)
{
	const char *s = json_str(o, key);

	assert_non_null(s);
	assert_string_equal(s, want);
}

static char *corpus_dir(void)
{
	const char *shared = getenv("VMFERRY_SHARED");

	return xasprintf(
		"%s/corpus/esxi-output", shared ? shared : "../shared");
}

struct expect {
	const char *file;
	size_t rows; /* VMs, processes, snapshots, volumes */
	const char *first;
};

static char *read_corpus(const char *name)
{
	_free_ char *dir = corpus_dir(), *path = path_join(dir, name);
	struct err e = {0};
	char *text = NULL;

	if (file_read(path, 1 << 20, &text, NULL, &e))
		fail_msg("%s: %s", path, e.why);
	return text;
}

static void need_corpus(void)
{
	_free_ char *dir = corpus_dir();

	if (file_exists(dir))
		return;
	fprintf(stderr, "skipped: no %s\n", dir);
	skip();
}

static void corpus_vms(void **state)
{
	static const struct expect files[] = {
		{"apache__vcl__get_vm_list__L504.txt", 2,
			"vm-ark-mcnc-9 (nonpersistent: "
			"vmwarewinxp-base234-v12)"},
		{"elatov__2012-09_vmware-vim-cmd-vmsvc-getallvms__82.txt", 3,
			"VM-1"},
		{"intel__mfd-esxi__getallvms.txt", 2, "AT_ESXI_050"},
		{"jenkinsci__vsphere-cloud-plugin__getallvms-esxi7-one.txt", 1,
			"x7"},
		{"jenkinsci__vsphere-cloud-plugin__getallvms-esxi8-novms.txt",
			0, NULL},
		{"jenkinsci__vsphere-cloud-plugin__getallvms-esxi8-one.txt", 1,
			"x8"},
		{"sanger__packer__getallvms-colon-datastore.txt", 1,
			"packer-vmware-iso"},
		{"unknown__id18159802749__getallvms-only-invalid.txt", 4, NULL},
		{"unknown__id22169542160__getallvms-ghettovcb.txt", 2,
			"itachi_lab"},
		{"unknown__id25255903881__getallvms-skipping-invalid.txt", 5,
			NULL},
		{"unknown__id28526730370__getallvms-winxp.txt", 1, "test1"},
	};

	(void)state;
	need_corpus();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *text = read_corpus(files[i].file);
		_json_ json_t *v = esxi_text_vms(text, NULL);

		if (json_array_size(v) != files[i].rows)
			fail_msg("%s: %zu rows", files[i].file,
				json_array_size(v));
		if (files[i].first)
			is(json_array_get(v, 0), "name", files[i].first);
	}
}

static void corpus_rest(void **state)
{
	static const struct expect running[] = {
		{"unknown__id13248084929__esxcli-vm-process-list-nfs.txt", 1,
			"/vmfs/volumes/643475f9-d1354340/DumpTest/"
			"DumpTest.vmx"},
		{"unknown__id24432614559__esxcli-vm-process-list-"
		 "samevmxname.txt",
			2,
			"/vmfs/volumes/661ab9c9-ea3e9a38-f0ba-d89ef3ff34e7/"
			"ubuntuc1/ubuntuX.vmx"},
	};
	static const struct expect snaps[] = {
		{"apache__vcl__snapshot_exists__L2282.txt", 1, "1311966951"},
		{"jenkinsci__vsphere-cloud-plugin__snapshot.get-esxi7-child."
		 "txt",
			2, "snap1"},
		{"jenkinsci__vsphere-cloud-plugin__snapshot.get-esxi8-one.txt",
			1, "snap1"},
		{"unknown__id46215271900__snapshot.get-poweredon.txt", 1,
			"snap0"},
		{"elatov__2021-03_vim-cmd-vmsvc-snapshot-get-6__242.txt", 1,
			"BeforeRHEL"},
	};

	(void)state;
	need_corpus();
	for (size_t i = 0; i < ARRAY_LEN(running); i++) {
		_free_ char *text = read_corpus(running[i].file);
		_json_ json_t *v = esxi_text_processes(text);

		assert_int_equal(json_array_size(v), running[i].rows);
		is(json_array_get(v, 0), "config", running[i].first);
	}
	for (size_t i = 0; i < ARRAY_LEN(snaps); i++) {
		_free_ char *text = read_corpus(snaps[i].file);
		_json_ json_t *v = NULL;

		assert_int_equal(esxi_text_snapshots(text, &v, NULL), 0);
		assert_int_equal(esxi_snapshot_count(v), snaps[i].rows);
		is(json_array_get(v, 0), "name", snaps[i].first);
	}
}

/* Every file: no crash in any parser; every whole dump parses. */
static void corpus_all(void **state)
{
	_free_ char *dir = corpus_dir();
	struct dirent *de;
	/* without its last brace in its source */
	static const char cut_off[] = "apache__vcl__vm_register__L1504.txt";
	size_t dumps = 0, faults = 0;
	char msg[100];
	DIR *d;

	(void)state;
	need_corpus();
	d = opendir(dir);
	assert_non_null(d);
	while ((de = readdir(d))) {
		_free_ char *text = NULL;
		_json_ json_t *a = NULL, *b = NULL, *c = NULL, *f = NULL,
			      *g = NULL, *s = NULL;
		struct esxi_about about;
		struct esxi_lock lock;
		struct err e = {0};

		if (*de->d_name == '.')
			continue;
		text = read_corpus(de->d_name);
		a = esxi_text_vms(text, NULL);
		b = esxi_text_processes(text);
		c = esxi_text_filesystems(text);
		f = esxi_text_portgroups(text);
		esxi_text_snapshots(text, &s, NULL);
		esxi_text_version(text, &about);
		esxi_text_lock(text, &lock);
		faults += esxi_text_failed(text, msg, sizeof(msg));
		if (vmodl_parse(text, &g, NULL, &e) == 0)
			dumps++;
		else if (!strstr(e.why, "no dump") && !strstr(text, "...") &&
			strcmp(de->d_name, cut_off) != 0)
			fail_msg("%s: %s", de->d_name, e.why);
	}
	closedir(d);
	assert_true(dumps >= 10);
	assert_true(faults >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_vms),
		cmocka_unit_test(corpus_rest),
		cmocka_unit_test(corpus_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
