/*
 * The text on a VM's screen: QEMU's screendump (a PPM picture) read back into
 * characters, where the console's letters are the VGA font: text mode, and
 * the Linux console on a frame buffer until the guest loads a font of its
 * own. Windows' and UEFI's own letters are not read.
 */
#ifndef CORE_SCREEN_H
#define CORE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * The text of a screendump, lines without blanks at their end; to be freed.
 * What cannot be read is '?'. A screen that is nearly all of one blue is
 * given as the line "blue screen". ERR_BAD_INPUT (no P6 picture),
 * ERR_TOOL_MISSING (no console font on this machine: package
 * console-setup-linux or kbd).
 */
int screen_text(const void *ppm, size_t len, char **out, struct err *e);

/* The text in the answer of the monitor's "xp /4000hx 0xb8000": what lies in
 * a VGA card in text mode, 80 columns. To be freed. */
char *screen_vga(const char *answer);

#endif
