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

void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)next;
    __sanitizer_start_switch_fiber(own, (void *)low, high - low);
}

/* Functions that never return leave red zones behind in the shadow, where the next ones will put their frames. */
static always_inline void forget_frames(uintptr_t top)
{
    uintptr_t bottom = (uintptr_t)__builtin_frame_address(0);
    __asan_unpoison_memory_region((void *)bottom, top - bottom);
}

void sanitize_leave_frames(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high)
{
    forget_frames(top);
    sanitize_leave(own, next, low, high);
}

void sanitize_leave_end(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)next;
    forget_frames(top);
    *own = NULL;
    __sanitizer_start_switch_fiber(NULL, (void *)low, high - low); /* NULL: its fake stack goes too */
}

void sanitize_arrive(void **own)
{
    __sanitizer_finish_switch_fiber(*own, NULL, NULL);
}

void sanitize_name(void **own, uint64_t id, const char *name)
{
    (void)own;
    (void)id;
    (void)name;
}

void sanitize_never_returns(void)
{
}

#elif defined(RUNG_SANITIZE_THREAD)

#include <sanitizer/tsan_interface.h>

void __tsan_func_exit(void); /* what instrumented functions call */

/* Nothing instrumented may run between this and the switch: it would be counted as the next fiber's. */
void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)low;
    (void)high;
    if (*own == NULL) /* a g0, for the first time: it is what the thread began with */
        *own = __tsan_get_current_fiber();
    if (*next == NULL)
        *next = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(*next, 0);
}

void sanitize_leave_frames(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)top;
    sanitize_leave(own, next, low, high);
}

/* A fiber costs 20 us to make, so it stays with the stack for the next goroutine; what is called ends here. */
void sanitize_leave_end(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high)
{
    (void)top;
    __tsan_func_exit();
    sanitize_leave(own, next, low, high);
}

void sanitize_arrive(void **own)
{
    (void)own;
}

void sanitize_name(void **own, uint64_t id, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "goroutine %llu%s%s", (unsigned long long)id, name[0] != '\0' ? " " : "", name);
    __tsan_set_fiber_name(*own, text);
}

void sanitize_never_returns(void)
{
    __tsan_func_exit();
}

#elif defined(RUNG_VALGRIND)

#include <valgrind/memcheck.h>

enum { COPIES = 8192 }; /* more than the copied argument of a goroutine, which is laid where frames were */

void sanitize_stack(uintptr_t low, uintptr_t high)
{
    (void)VALGRIND_STACK_REGISTER(low, high);
}

void sanitize_leave_end(uintptr_t low, uintptr_t high)
{
    uintptr_t start = high - low > COPIES ? high - COPIES : low;
    (void)VALGRIND_MAKE_MEM_UNDEFINED(start, high - start);
}

#endif
