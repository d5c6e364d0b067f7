/* SPDX-License-Identifier: MIT */
/*
 * text.h: text put together without malloc, stdio or locks, for panics and dumps.
 *
 * A struct text collects into its own buffer and writes it to fd when full or flushed; with fd < 0 it
 * keeps what fits. Async-signal-safe. Owned by one thread.
 */
#ifndef RUNG_TEXT_H
#define RUNG_TEXT_H

#include "base/base.h"

struct text {
    int fd;
    int error; /* the first -errno of writing, else 0 */
    size_t length;
    char bytes[1024];
};

void text_init(struct text *text, int fd);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t count);
void text_add_unsigned(struct text *text, uint64_t number);
void text_add_signed(struct text *text, int64_t number);
void text_add_hex(struct text *text, uint64_t number);
/* 1.5s, 20ms, 3h2m: two units at most. */
void text_add_duration(struct text *text, int64_t nanoseconds);
/* Understands %s %d %u %x %lld %llu %zu %lu %p and %%: what our messages need. */
void text_add_format(struct text *text, const char *format, __builtin_va_list arguments);
int text_flush(struct text *text);

/* How many bytes the character of UTF-8 has that is there; 0: `count` bytes are left, and they begin with none. */
size_t text_character(const char *at, size_t count);

#endif
