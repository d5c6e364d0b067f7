/* SPDX-License-Identifier: MIT */
/* text.c: the little formatter of text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

#include "base/os.h"

void text_init(struct text *text, int fd)
{
    text->fd = fd;
    text->error = 0;
    text->length = 0;
}

int text_flush(struct text *text)
{
    if (text->fd >= 0) {
        int error = os_write_all(text->fd, text->bytes, text->length);
        if (text->error == 0)
            text->error = error;
        text->length = 0;
    }
    return text->error;
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t room = sizeof text->bytes - text->length;
        size_t part = count < room ? count : room;
        memcpy(text->bytes + text->length, bytes, part);
        text->length += part;
        bytes += part;
        count -= part;
        if (text->length == sizeof text->bytes) {
            if (text->fd < 0)
                return;
            text_flush(text);
        }
    }
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

static void add_number(struct text *text, uint64_t number, unsigned base)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    text_add_bytes(text, digits + at, sizeof digits - at);
}

void text_add_unsigned(struct text *text, uint64_t number)
{
    add_number(text, number, 10);
}

void text_add_signed(struct text *text, int64_t number)
{
    if (number < 0)
        text_add_bytes(text, "-", 1);
    add_number(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}

void text_add_hex(struct text *text, uint64_t number)
{
    text_add(text, "0x");
    add_number(text, number, 16);
}

void text_add_duration(struct text *text, int64_t nanoseconds)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {
        { INT64_C(86400000000000), "d" }, { INT64_C(3600000000000), "h" },
        { INT64_C(60000000000), "m" },    { INT64_C(1000000000), "s" },
        { INT64_C(1000000), "ms" },       { INT64_C(1000), "us" },
        { INT64_C(1), "ns" },
    };
    if (nanoseconds <= 0) {
        text_add(text, "0s");
        return;
    }
    size_t i = 0;
    while (nanoseconds < units[i].size)
        i++;
    text_add_signed(text, nanoseconds / units[i].size);
    text_add(text, units[i].name);
    int64_t rest = nanoseconds % units[i].size;
    if (i + 1 < array_length(units) && i < 3 && rest >= units[i + 1].size) {
        text_add_signed(text, rest / units[i + 1].size);
        text_add(text, units[i + 1].name);
    }
}

/* The argument of %d, %ld, %lld, %zu and so on, widened to 64 bits. */
#define WIDE(arguments, longs, small, large)                                                       \
    ((longs) > 0 ? (uint64_t)va_arg(arguments, large) : (uint64_t)va_arg(arguments, small))

void text_add_format(struct text *text, const char *format, va_list arguments)
{
    while (*format != '\0') {
        size_t plain = strcspn(format, "%");
        text_add_bytes(text, format, plain);
        format += plain;
        if (*format == '\0')
            return;
        int longs = 0;
        for (format++; *format == 'l' || *format == 'z'; format++)
            longs++;
        switch (*format) {
        case 's': {
            const char *string = va_arg(arguments, const char *);
            text_add(text, string != NULL ? string : "(null)");
            break;
        }
        case 'd':
            text_add_signed(text, (int64_t)(longs > 0 ? va_arg(arguments, long) : va_arg(arguments, int)));
            break;
        case 'u':
            text_add_unsigned(text, WIDE(arguments, longs, unsigned, unsigned long));
            break;
        case 'x':
            text_add_hex(text, WIDE(arguments, longs, unsigned, unsigned long));
            break;
        case 'p':
            text_add_hex(text, (uintptr_t)va_arg(arguments, void *));
            break;
        case '\0':
            return;
        default:
            text_add_bytes(text, format, 1);
        }
        format++;
    }
}

size_t text_character(const char *at, size_t count)
{
    const uint8_t *byte = (const uint8_t *)at;
    size_t bytes = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : byte[0] < 0xf5 ? 4 : 0;
    if (bytes > count)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
    bool is_none = (byte[0] == 0xed && byte[1] >= 0xa0) || (byte[0] == 0xf4 && byte[1] >= 0x90); /* surrogates; past the last */
    return is_overlong || is_none ? 0 : bytes;
}
