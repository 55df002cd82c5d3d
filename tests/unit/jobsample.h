/* A hand-made job, from lines without chain in tests/golden/report/. */
#ifndef JOBSAMPLE_H
#define JOBSAMPLE_H

#include "jobtest.h"

#include "digest.h"

#define SAMPLE_DIR "tests/golden/report/"

static inline void default_str(json_t *o, const char *key, const char *s)
{
	if (!json_object_get(o, key))
		json_put_str(o, key, s);
}

static inline void chain_line(
	struct buf *out, json_t *in, unsigned seq, char head[SHA256_HEX])
{
	json_t *who = json_pack("{s:s,s:s}", "login",
		json_str_or(in, "login", "root"), "from",
		json_str_or(in, "from", "192.0.2.7"));
	_free_ char *text = NULL;
	char sum[SHA256_HEX];
	size_t at = out->len;

	json_object_del(in, "login");
	json_object_del(in, "from");
	default_str(in, "step", "");
	if (!json_object_get(in, "data"))
		json_put(in, "data", json_object());
	json_put_u64(in, "seq", seq);
	json_put(in, "operator", who);
	json_put_str(in, "host", "pve1");
	json_put_str(in, "prev", head);
	text = json_dumps(in, JSON_COMPACT);
	text[strlen(text) - 1] = '\0';
	sha256_hex(text, strlen(text), sum);
	buf_addf(out, "%s,\"sum\":\"%s\"}", text, sum);
	sha256_hex(out->s + at, out->len - at, head);
	buf_addc(out, '\n');
}

/* A job directory with the first n lines of the sample (0: all). */
static inline struct job *sample(unsigned n)
{
	_free_ char *dir = xasprintf("%s/web01", jobtest_dir);
	_free_ char *plan = NULL, *lines = NULL;
	char head[SHA256_HEX], sum[SHA256_HEX], *p, *line;
	_buf_ struct buf out = {0};
	struct job *job = NULL;
	unsigned seq = 0;
	size_t len;

	ok(file_read(SAMPLE_DIR "plan.json", 1 << 20, &plan, &len, e));
	ok(file_read(SAMPLE_DIR "journal.in", 1 << 20, &lines, NULL, e));
	ok(file_mkdirs(dir, 0700, e));
	jobtest_write(dir, "plan.json", plan, len);
	sha256_hex(plan, len, sum);
	memset(head, '0', SHA256_HEX - 1);
	head[SHA256_HEX - 1] = '\0';
	p = lines;
	while ((line = str_line(&p)) && (n == 0 || seq < n)) {
		_json_ json_t *in = NULL;

		ok(json_parse(line, strlen(line), &in, e));
		if (seq == 0)
			json_put(in, "data", jobtest_data("sha256", sum));
		chain_line(&out, in, ++seq, head);
	}
	jobtest_write(dir, "journal", out.s, out.len);
	ok(job_open(dir, &job, e));
	return job;
}

#endif
