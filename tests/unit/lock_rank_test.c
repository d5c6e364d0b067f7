/* SPDX-License-Identifier: MIT */
/*
 * Debug builds panic at a lock that is taken out of order, also where nobody else is there to make it a deadlock, and
 * at one that is held over a switch. In order, nothing is said.
 *
 * test-presets: debug
 */
#include "hostile/hostile.h"

#include <stdarg.h>

#include "base/lock.h"

#ifdef RUNG_ASSERT

static union lock low = { .rank = RANK_TIMERS }, high = { .rank = RANK_SCHED }, objects[3];
static union lock chains[2], deep[2];

static void in_order(void)
{
    for (int i = 0; i < 2; i++) {
        lock_acquire(&low);
        lock_acquire_ranked(&chains[1], RANK_SCOPE);
        object_lock_ranked(&objects[2], RANK_SCOPE + 1); /* a group's */
        lock_acquire_ranked(&chains[0], RANK_SCOPE + 2);
        lock_acquire_ranked(&deep[1], RANK_SCOPE_LAST);
        lock_acquire_ranked(&deep[0], RANK_SCOPE_LAST);
        object_lock(&objects[0]);
        object_lock(&objects[1]);
        lock_acquire(&high);
        lock_release(&low); /* given back in any order */
        object_unlock(&objects[0]);
        object_unlock(&objects[2]);
        object_unlock(&objects[1]);
        lock_release(&chains[1]);
        lock_release(&deep[1]);
        lock_release(&chains[0]);
        lock_release(&deep[0]);
        lock_release(&high);
        rank_check_none();
    }
}

static void downwards(void)
{
    lock_acquire(&high);
    lock_acquire(&low);
}

static void object_under_scope(void)
{
    object_lock(&objects[0]);
    lock_acquire_ranked(&chains[0], RANK_SCOPE);
}

static void up_the_tree(void)
{
    object_lock_ranked(&objects[0], RANK_SCOPE + 1);
    lock_acquire_ranked(&chains[0], RANK_SCOPE);
}

static void across_the_tree(void)
{
    lock_acquire_ranked(&chains[0], RANK_SCOPE + 2);
    lock_acquire_ranked(&chains[1], RANK_SCOPE + 2);
}

static void addresses_fall(void)
{
    object_lock(&objects[1]);
    object_lock(&objects[0]);
}

static void twice(void)
{
    object_lock(&objects[1]);
    object_lock(&objects[1]);
}

static void over_a_switch(void)
{
    object_lock(&objects[1]);
    rank_check_none();
}

__attribute__((__format__(__printf__, 2, 3)))
static void panics(void (*fn)(void), const char *format, ...)
{
    char text[4096], sentence[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    int status = in_child(fn, text, sizeof text);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strstr(text, sentence) == NULL)
        test_fail(__FILE__, __LINE__, "%s: wait status %#x, and: %s", sentence, status, text);
}

int main(void)
{
    passes(in_order);
    panics(downwards, "a lock of rank %d taken while one of rank %d is held", RANK_TIMERS, RANK_SCHED);
    panics(object_under_scope, "a lock of rank %d taken while one of rank %d is held", RANK_SCOPE, RANK_OBJECT);
    panics(up_the_tree, "a lock of rank %d taken while one of rank %d is held", RANK_SCOPE, RANK_SCOPE + 1);
    panics(across_the_tree, "two locks of rank %d taken, of which only one", RANK_SCOPE + 2);
    panics(addresses_fall, "two locks of rank %d taken against the order of their addresses", RANK_OBJECT);
    panics(twice, "two locks of rank %d taken against the order of their addresses", RANK_OBJECT);
    panics(over_a_switch, "a lock of rank %d held over a switch", RANK_OBJECT);
    return 0;
}

#else

int main(void)
{
    SKIP("ranks are checked in debug builds");
}

#endif
