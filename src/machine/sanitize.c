/* SPDX-License-Identifier: MIT */
/*
 * sanitize.c: see sanitize.h. Built without instrumentation (CMakeLists.txt): here the sanitizer's idea of the stack
 * and the CPU's differ.
 */
#include "machine/sanitize.h"

#include <stdio.h>

#if defined(RUNG_SANITIZE_ADDRESS)

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

#define ENDED ((void *)1)

/* Where the fake stack of who leaves is kept; NULL, and it goes, if that has ended. */
static void **kept(void **own)
{
    if (*own != ENDED)
        return own;
    *own = NULL;
    return NULL;
}

void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)next;
    __sanitizer_start_switch_fiber(kept(own), (void *)low, high - low);
}

void sanitize_end(void **own)
{
    *own = ENDED;
}

/* Functions that never returned have left red zones behind in the shadow, where the next ones will put their frames. */
void sanitize_recycle(uintptr_t sp, uintptr_t high)
{
    __asan_unpoison_memory_region((void *)sp, high - sp);
}

void sanitize_on_g0(void **own)
{
    __sanitizer_finish_switch_fiber(*own, NULL, NULL);
}

/* Both halves at once: since the last stack was left nothing has run that asks where the stack is. */
void sanitize_enter(void **last, void **own, uintptr_t low, uintptr_t high)
{
    __sanitizer_start_switch_fiber(kept(last), (void *)low, high - low);
    __sanitizer_finish_switch_fiber(*own, NULL, NULL);
}

void sanitize_begin(void **last, void **own, uintptr_t low, uintptr_t high)
{
    sanitize_enter(last, own, low, high);
}

void sanitize_name(void **own, uint64_t id, const char *name)
{
    (void)own;
    (void)id;
    (void)name;
}

void sanitize_at_exit(void (*show)(void))
{
    (void)atexit(show);
}

void sanitize_root(uintptr_t low, uintptr_t high)
{
    __lsan_register_root_region((void *)low, high - low);
}

#elif defined(RUNG_SANITIZE_THREAD)

#include <sanitizer/tsan_interface.h>

/* What instrumented functions call. */
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);

/* Nothing instrumented may run between this and the switch: it would be counted as the next fiber's. */
void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)own;
    (void)low;
    (void)high;
    __tsan_switch_to_fiber(*next, 0);
}

/* A fiber costs 20 us to make, so it stays with the stack for the next goroutine; what is called ends here. */
void sanitize_end(void **own)
{
    (void)own;
    __tsan_func_exit();
}

void sanitize_on_g0(void **own)
{
    (void)own;
}

void sanitize_enter(void **last, void **own, uintptr_t low, uintptr_t high)
{
    (void)low;
    (void)high;
    if (*last == NULL) /* a g0, for the first time: it is what the thread began with */
        *last = __tsan_get_current_fiber();
    if (*own == NULL)
        *own = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(*own, 0);
}

void sanitize_begin(void **last, void **own, uintptr_t low, uintptr_t high)
{
    __tsan_func_exit();
    sanitize_enter(last, own, low, high);
    __tsan_func_entry(__builtin_return_address(0));
}

void sanitize_name(void **own, uint64_t id, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "goroutine %llu%s%s", (unsigned long long)id, name[0] != '\0' ? " " : "", name);
    __tsan_set_fiber_name(*own, text);
}

#elif defined(RUNG_VALGRIND)

#include <valgrind/memcheck.h>

enum { COPIES = 8192 }; /* more than the copied argument of a goroutine, which is laid where frames were */

/*
 * As one stack: of two that are registered, Valgrind 3.19 remembers which one was last in use, by whatever thread,
 * and takes the next large frame of another thread for a switch: then that frame is memory that must not be
 * touched. Within one it takes a jump of more than --max-stackframe, 2 MB otherwise, for a switch, and any other for
 * calls and returns, which end what lies between. So that has to be 65536: two goroutines' stacks have a guard
 * of as much between them, and our own frames grow by a page at a time.
 */
void sanitize_stacks(uintptr_t low, uintptr_t high)
{
    (void)VALGRIND_STACK_REGISTER(low, high);
}

void sanitize_recycle(uintptr_t sp, uintptr_t high)
{
    (void)sp;
    (void)VALGRIND_MAKE_MEM_UNDEFINED(high - COPIES, COPIES);
}

#endif
