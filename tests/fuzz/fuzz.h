/*
 * One fuzz target a file. libFuzzer runs it (make fuzz), or driver.c with a
 * fixed row of mutations (make unit).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Globs of seed files, and words of the format to put in; null-terminated. */
extern const char *const fuzz_seeds[];
extern const char *const fuzz_words[];

#endif
