/* SPDX-License-Identifier: MIT */
/* setting.c: parsed by hand: strtoull takes signs, spaces and no number at all, and reports in errno. */
#include "base/setting.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

/* Moves *text behind the digits. */
static uint64_t digits(const char **text)
{
    uint64_t number = 0;
    for (; **text >= '0' && **text <= '9'; ++*text)
        if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(**text - '0'), &number))
            number = UINT64_MAX; /* stays so, whatever follows */
    return number;
}

/* Moves *text behind a unit, if there is one. */
static uint64_t scaled(uint64_t number, const char **text)
{
    static const char units[] = "kmgt";
    const char *unit = **text != '\0' ? strchr(units, **text | 0x20) : NULL;
    if (unit == NULL || *unit == '\0')
        return number;
    ++*text;
    return __builtin_mul_overflow(number, UINT64_C(1024) << (10 * (unit - units)), &number) ? UINT64_MAX : number;
}

static uint64_t parse(const char *name, bool has_unit)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0')
        return 0;
    const char *end = value;
    uint64_t number = digits(&end);
    if (end != value && has_unit)
        number = scaled(number, &end);
    if (end != value && *end == '\0')
        return number;
    warn("%s=%s is not a %s: the default is used", name, value, has_unit ? "size" : "number");
    return 0;
}

uint64_t setting_number(const char *name)
{
    return parse(name, false);
}

uint64_t setting_size(const char *name, uint64_t least, uint64_t most)
{
    uint64_t size = parse(name, true);
    if (size == 0)
        return 0;
    return size < least ? least : size < most ? size : most;
}
