/*
 * table.c - what differs by release and is only data.
 */
#include "pve.h"

static const struct {
	int rel;
	const char *version, *repoid, *qemu;
} releases[] = {
	{503, "15", "5a2e1cbf", "2.12.1"},
	{504, "15", "d0ec33c6", "3.0.1"},
	{600, "6.0-15", "52b91481", "4.0.1"},
	{601, "6.1-11", "f2f18736", "4.1.1"},
	{602, "6.2-15", "48bd51b6", "5.0.0"},
	{603, "6.3-6", "2184247e", "5.1.0"},
	{604, "6.4-14", "15e2bf61", "5.2.0"},
	{700, "7.0-14", "a9dbe7e3", "6.0.0"},
	{701, "7.1-13", "f30f1abc", "6.1.1"},
	{702, "7.2-14", "65898fbc", "7.0.0"},
	{703, "7.3-6", "723bb6ec", "7.1.0"},
	{704, "7.4-16", "0f39f621", "7.2.0"},
	{800, "8.0.9", "fd1a0ae1b385cdcd", "8.0.2"},
	{801, "8.1.11", "d5d9ae4b3a4b1c5e", "8.1.5"},
	{802, "8.2.10", "6a1d4b1a3ef0a1b2", "9.0.2"},
	{803, "8.3.5", "dac3aa88bac3f300", "9.0.2"},
	{804, "8.4.21", "2606ac850d46da29", "9.2.0"},
	{900, "9.0.11", "3bf5476b8a4699e2", "10.0.2"},
	{901, "9.1.4", "5ac30304265fbd8e", "10.1.2"},
};

static size_t row(void)
{
	size_t best = 0;

	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		if (releases[i].rel <= lab.rel)
			best = i;
	return best;
}

const char *release_version(void)
{
	return releases[row()].version;
}

const char *release_repoid(void)
{
	return releases[row()].repoid;
}

const char *release_qemu(void)
{
	return releases[row()].qemu;
}

char *release_machine(bool q35)
{
	const char *q = release_qemu();

	return fmt("pc-%s-%.*s", q35 ? "q35" : "i440fx",
		(int)(strrchr(q, '.') - q), q);
}
