/*
 * Letters on a picture: see screen.h. The font is read from this machine's
 * console fonts (PSF 1 and 2, linux/Documentation of kbd), so that no table
 * of it stands here.
 */
#include "screen.h"

#include <string.h>

#include "pack.h"

#define CELL_H 16
#define WIDE_TOP 2 /* first row of a wide letter */
#define WIDE_H 10
#define PICTURE_MAX 8192 /* pixels a side */
#define FIRST 33
#define LAST 126

struct font {
	unsigned char glyph[128][CELL_H];
};

/*
 * In text mode a VGA card has letters of nine columns, and these look unlike
 * the fonts': as QEMU's screendump shows them of SeaVGABIOS. Without them T is
 * read as I, 0 as C, and W not at all.
 */
static const struct {
	char c;
	unsigned char row[WIDE_H];
} wide[] = {
	{'0', "\x3c\x66\xc3\xc3\xdb\xdb\xc3\xc3\x66\x3c"},
	{'M', "\xc3\xe7\xff\xff\xdb\xc3\xc3\xc3\xc3\xc3"},
	{'T', "\xff\xdb\x99\x18\x18\x18\x18\x18\x18\x3c"},
	{'V', "\xc3\xc3\xc3\xc3\xc3\xc3\xc3\x66\x3c\x18"},
	{'W', "\xc3\xc3\xc3\xc3\xc3\xdb\xdb\xff\x66\x66"},
	{'X', "\xc3\xc3\x66\x3c\x18\x18\x3c\x66\xc3\xc3"},
	{'Y', "\xc3\xc3\xc3\x66\x3c\x18\x18\x18\x18\x3c"},
	{'Z', "\xff\xc3\x86\x0c\x18\x30\x60\xc1\xc3\xff"},
	{'m', "\x00\x00\x00\xe6\xff\xdb\xdb\xdb\xdb\xdb"},
	{'v', "\x00\x00\x00\xc3\xc3\xc3\xc3\x66\x3c\x18"},
	{'w', "\x00\x00\x00\xc3\xc3\xc3\xdb\xdb\xff\x66"},
	{'x', "\x00\x00\x00\xc3\x66\x3c\x18\x3c\x66\xc3"},
};

struct picture {
	const unsigned char *rgb;
	size_t w, h;
};

/* --- the font --- */

static const char *const fonts[] = {
	"/usr/share/consolefonts/Lat15-VGA16.psf.gz",
	"/usr/share/consolefonts/default8x16.psfu.gz",
	"/usr/share/consolefonts/Uni2-VGA16.psf.gz",
	"/usr/share/kbd/consolefonts/default8x16.psfu.gz",
};

static unsigned le32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (unsigned)p[3] << 24;
}

/* Where the glyphs begin; 0: no font of 8x16. */
static size_t glyphs_at(const unsigned char *p, size_t len)
{
	size_t at;

	if (len > 4 && p[0] == 0x36 && p[1] == 0x04)
		return p[3] == CELL_H && len >= 4 + 128 * CELL_H ? 4 : 0;
	if (len < 32 || memcmp(p, "\x72\xb5\x4a\x86", 4))
		return 0;
	at = le32(p + 8);
	return le32(p + 20) == CELL_H && le32(p + 28) == 8 && at < len &&
			len - at >= 128 * CELL_H
		? at
		: 0;
}

static int load_font(struct font *f, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fonts); i++) {
		_buf_ struct buf data = {0};
		_free_ char *file = NULL;
		size_t len, at;

		if (file_read(fonts[i], 1 << 20, &file, &len, NULL) ||
			pack_undo(file, len, 1 << 20, &data, NULL, NULL))
			continue;
		at = glyphs_at((unsigned char *)data.s, data.len);
		if (!at)
			continue;
		memcpy(f->glyph, data.s + at, sizeof(f->glyph));
		return 0;
	}
	return err_set(e, ERR_TOOL_MISSING,
		"no console font of 8x16 on this machine: apt install "
		"console-setup-linux");
}

/* --- the picture --- */

/* One number of the header behind blanks and comments. */
static int number(const char **p, const char *end, size_t *out)
{
	char text[8] = "";
	uint64_t v;
	size_t n = 0;

	while (*p < end && (strchr(" \t\r\n", **p) || **p == '#')) {
		if (**p == '#')
			while (*p < end && **p != '\n')
				(*p)++;
		else
			(*p)++;
	}
	while (*p < end && **p >= '0' && **p <= '9' && n < sizeof(text) - 1)
		text[n++] = *(*p)++;
	if (str_u64(text, PICTURE_MAX, &v) || !v)
		return -1;
	*out = v;
	return 0;
}

static int read_ppm(
	const void *ppm, size_t len, struct picture *pic, struct err *e)
{
	const char *p = ppm, *end = p + len;
	size_t depth;

	if (len < 8 || memcmp(p, "P6", 2))
		return err_set(e, ERR_BAD_INPUT, "no PPM picture");
	p += 2;
	if (number(&p, end, &pic->w) || number(&p, end, &pic->h) ||
		number(&p, end, &depth) || depth != 255 || p == end)
		return err_set(e, ERR_BAD_INPUT, "no PPM header of 8 bits");
	p++;
	if ((size_t)(end - p) < pic->w * pic->h * 3)
		return err_set(e, ERR_BAD_INPUT, "the picture is torn");
	pic->rgb = (const unsigned char *)p;
	return 0;
}

static const unsigned char *pixel(const struct picture *pic, size_t x, size_t y)
{
	return pic->rgb + (y * pic->w + x) * 3;
}

/* Most of the pixels have the colour of a corner, and that is blue. */
static bool is_blue(const struct picture *pic)
{
	const unsigned char *c = pixel(pic, pic->w - 1, 0);
	size_t same = 0, n = 0;

	if (c[2] < 100 || c[0] > c[2] / 2)
		return false;
	for (size_t y = 0; y < pic->h; y += 3)
		for (size_t x = 0; x < pic->w; x += 3, n++)
			same += memcmp(pixel(pic, x, y), c, 3) == 0;
	return same > n / 2;
}

/* --- letters --- */

/* The cell's shape: pixels unlike its last one, which is ground in nearly
 * every letter of this font. */
static bool shape(const struct picture *pic, size_t x, size_t y,
	unsigned char out[CELL_H])
{
	const unsigned char *ground = pixel(pic, x + 7, y + CELL_H - 1);
	bool any = false;

	for (size_t row = 0; row < CELL_H; row++) {
		out[row] = 0;
		for (size_t col = 0; col < 8; col++)
			if (memcmp(pixel(pic, x + col, y + row), ground, 3))
				out[row] |= 0x80 >> col;
		any |= out[row] != 0;
	}
	return any;
}

static unsigned apart(
	const unsigned char a[CELL_H], const unsigned char b[CELL_H])
{
	unsigned off = 0;

	for (size_t row = 0; row < CELL_H; row++)
		off += __builtin_popcount(a[row] ^ b[row]);
	return off;
}

/* The nearest letter, at most 20 of 128 pixels away: fonts of one family
 * differ a little, and a cursor may stand there. */
static char letter(const struct font *f, const unsigned char s[CELL_H])
{
	unsigned best = 21;
	char c = '?';

	for (unsigned i = FIRST; i <= LAST && best; i++) {
		unsigned off = apart(s, f->glyph[i]);

		if (off < best) {
			best = off;
			c = i;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(wide) && best; i++) {
		unsigned char glyph[CELL_H] = {0};
		unsigned off;

		memcpy(glyph + WIDE_TOP, wide[i].row, WIDE_H);
		off = apart(s, glyph);
		if (off < best) {
			best = off;
			c = wide[i].c;
		}
	}
	return c;
}

static void end_line(struct buf *b, size_t start)
{
	while (b->len > start && b->s[b->len - 1] == ' ')
		b->s[--b->len] = '\0';
	buf_addc(b, '\n');
}

int screen_text(const void *ppm, size_t len, char **out, struct err *e)
{
	struct picture pic;
	struct font f;
	struct buf b = {0};
	size_t cw;

	if (read_ppm(ppm, len, &pic, e) || load_font(&f, e))
		return -1;
	/* Text mode's ninth column is empty. */
	cw = pic.w == 720 && pic.h == 400 ? 9 : 8;
	if (is_blue(&pic))
		buf_adds(&b, "blue screen\n");
	for (size_t y = 0; y + CELL_H <= pic.h; y += CELL_H) {
		size_t start = b.len;

		for (size_t x = 0; x + cw <= pic.w; x += cw) {
			unsigned char s[CELL_H];

			buf_addc(
				&b, shape(&pic, x, y, s) ? letter(&f, s) : ' ');
		}
		end_line(&b, start);
	}
	*out = buf_steal(&b);
	return 0;
}

/* --- text mode's memory --- */

char *screen_vga(const char *answer)
{
	_free_ char *copy = xstrdup(answer);
	char *p = copy, *line;
	struct buf b = {0};
	size_t column = 0, start = 0;

	/* "00000000000b8000: 0x0720 0x0748 ..": attribute, character. */
	while ((line = str_line(&p))) {
		char *save = NULL, *at = strchr(line, ':');
		const char *w = at ? strtok_r(at + 1, " \r", &save) : NULL;

		for (; w; w = strtok_r(NULL, " \r", &save)) {
			uint64_t v;

			if (str_hex64(w, &v))
				continue;
			v &= 0xff;
			buf_addc(&b, v >= FIRST && v <= LAST ? (char)v : ' ');
			if (++column < 80)
				continue;
			end_line(&b, start);
			start = b.len;
			column = 0;
		}
	}
	return buf_steal(&b);
}
