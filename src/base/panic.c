/* SPDX-License-Identifier: MIT */
/*
 * panic.c: one thread panics; others that panic meanwhile wait for its end, and a panic within a
 * panic (the stack printer failed) aborts at once.
 */
#include "base/panic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/os.h"
#include "base/text.h"

void (*rung_panic_hook)(int fd);

static int panicking_thread; /* atomic: the first panicker's tid */

static void print(const char *prefix, const char *format, va_list arguments)
{
    struct text text;
    text_init(&text, STDERR_FILENO);
    text_add(&text, prefix);
    text_add_format(&text, format, arguments);
    text_add(&text, "\n");
    text_flush(&text);
}

static void begin(void)
{
    int nobody = 0, me = os_thread_id();
    if (atomic_cas_acq_rel(&panicking_thread, &nobody, me))
        return;
    if (nobody == me)
        abort();
    if (rung_panic_hook != NULL)
        rung_panic_hook(-1);
    for (;;)
        os_sleep(1000000000);
}

static void print_stacks(void)
{
    if (rung_panic_hook != NULL)
        rung_panic_hook(STDERR_FILENO);
}

void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    begin();
    print("rung: panic: ", format, arguments);
    va_end(arguments);
    print_stacks();
    abort();
}

void fatal(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    begin();
    print("rung: fatal: ", format, arguments);
    va_end(arguments);
    print_stacks();
    _exit(status);
}

void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("rung: ", format, arguments);
    va_end(arguments);
}
