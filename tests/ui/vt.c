/* Cells of a terminal by libvterm. */
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "core/str.h"

#include "uitest.h"

struct vt {
	VTerm *term;
	VTermScreen *screen;
	int cols, rows;
	bool cursor, alternate;
};

static int on_prop(VTermProp prop, VTermValue *v, void *arg)
{
	struct vt *t = arg;

	if (prop == VTERM_PROP_CURSORVISIBLE)
		t->cursor = v->boolean;
	if (prop == VTERM_PROP_ALTSCREEN)
		t->alternate = v->boolean;
	return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_prop};

struct vt *vt_new(int cols, int rows)
{
	struct vt *v = xcalloc(1, sizeof(*v));

	v->cols = cols;
	v->rows = rows;
	v->cursor = true;
	v->term = vterm_new(rows, cols);
	vterm_set_utf8(v->term, 1);
	v->screen = vterm_obtain_screen(v->term);
	vterm_screen_set_callbacks(v->screen, &callbacks, v);
	vterm_screen_enable_altscreen(v->screen, 1);
	vterm_screen_reset(v->screen, 1);
	return v;
}

void vt_free(struct vt *v)
{
	if (v)
		vterm_free(v->term);
	free(v);
}

void vt_input(struct vt *v, const char *s, size_t n)
{
	vterm_input_write(v->term, s, n);
}

void vt_resize(struct vt *v, int cols, int rows)
{
	v->cols = cols;
	v->rows = rows;
	vterm_set_size(v->term, rows, cols);
}

bool vt_cursor_visible(const struct vt *v)
{
	return v->cursor;
}

bool vt_alternate(const struct vt *v)
{
	return v->alternate;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

static char look_of(struct vt *v, VTermScreenCell *cell)
{
	static const char names[] = ".rgybmc.";
	char c = '.';

	if (cell->attrs.reverse)
		return 'R';
	if (!VTERM_COLOR_IS_DEFAULT_FG(&cell->fg) &&
		VTERM_COLOR_IS_INDEXED(&cell->fg) && cell->fg.indexed.idx < 8)
		c = names[cell->fg.indexed.idx];
	(void)v;
	if (c != '.')
		return c;
	return cell->attrs.bold ? 'B' : cell->attrs.underline ? 'U' : '.';
}

static void add_cell(struct vt *v, struct buf *b, int y, int x, bool look)
{
	VTermPos at = {.row = y, .col = x};
	VTermScreenCell cell;

	vterm_screen_get_cell(v->screen, at, &cell);
	if (look) {
		buf_addc(b, look_of(v, &cell));
		return;
	}
	/* The right half of a wide character. */
	if (cell.chars[0] == (uint32_t)-1)
		return;
	if (!cell.chars[0])
		buf_addc(b, ' ');
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
		add_utf8(b, cell.chars[i]);
}

static char *dump(struct vt *v, bool look)
{
	struct buf b = {0};

	for (int y = 0; y < v->rows; y++) {
		size_t from = b.len;
		char blank = look ? '.' : ' ';

		for (int x = 0; x < v->cols; x++)
			add_cell(v, &b, y, x, look);
		while (b.len > from && b.s[b.len - 1] == blank)
			b.s[--b.len] = 0;
		buf_addc(&b, '\n');
	}
	return buf_steal(&b);
}

char *vt_text(struct vt *v)
{
	return dump(v, false);
}

char *vt_look(struct vt *v)
{
	return dump(v, true);
}
