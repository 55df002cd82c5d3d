/*
 * unlz4.c: unpacks what "lz4 -l" packed, for head.S.
 *
 * The input is trusted: it is made by the build that links this in. Matches
 * and literals are copied eight bytes at a time, which may write up to seven
 * bytes more than asked; those are the bytes that come next, or the kernel's
 * .bss, which it clears itself.
 */
typedef unsigned char u8;
typedef unsigned long u64;
typedef unsigned long __attribute__((may_alias, aligned(1))) u64_any;

void unlz4(const u8 *in, const u8 *end, u8 *out);

static u64 length(const u8 **in, u64 n)
{
	if (n == 15)
		do
			n += **in;
		while (*(*in)++ == 255);
	return n;
}

static u8 *copy(u8 *out, const u8 *from, u64 n, u64 distance)
{
	u8 *stop = out + n;

	if (distance >= 8) {
		for (; out < stop; out += 8, from += 8)
			*(u64_any *)out = *(const u64_any *)from;
	} else {
		while (out < stop)
			*(volatile u8 *)out++ = *from++;
	}
	return stop;
}

static u8 *block(const u8 *in, const u8 *end, u8 *out)
{
	while (in < end) {
		unsigned token = *in++;
		u64 n = length(&in, token >> 4), distance;

		out = copy(out, in, n, 8);
		in += n;
		if (in >= end)
			break;
		distance = in[0] | in[1] << 8;
		in += 2;
		n = length(&in, token & 15) + 4;
		out = copy(out, out - distance, n, distance);
	}
	return out;
}

/* Blocks of up to 8 MiB, each behind its packed length in four bytes. */
void unlz4(const u8 *in, const u8 *end, u8 *out)
{
	while (in + 4 <= end) {
		u64 n = in[0] | in[1] << 8 | in[2] << 16 | (u64)in[3] << 24;

		in += 4;
		out = block(in, in + n, out);
		in += n;
	}
}
