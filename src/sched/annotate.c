/* SPDX-License-Identifier: MIT */
/*
 * annotate.c: what the program itself adds to a trace.
 *
 * A reader gives up on a trace whose regions do not nest, so who ends another than the innermost is told so, and nothing is
 * written. The goroutine's innermost region is found by g->region, which is only valid for the goroutine whose number is
 * g->region_id: so starting one need not clear it.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "sched/event.h"
#include "sched/park.h"
#include <rung_debug.h>

/* Lives in the user's rung_region. */
struct region {
    struct region *outer;
    uint64_t owner;          /* a goroutine's number; 0: it is not open */
    uint64_t task;
    const char *name;
    int64_t begin;           /* os_now; 0: nothing was traced then */
};

_Static_assert(sizeof(struct region) <= sizeof(rung_region), "rung_debug.h: rung_region");

static uint64_t last_task; /* atomic */

/* The string in UTF-8 that is no longer than a reader allows, in `text` where it has to be changed. */
static const char *clean(const char *string, char text[TRACE_STRING_MOST + 1])
{
    size_t length = string != NULL ? strnlen(string, TRACE_STRING_MOST) : 0;
    size_t at = 0;
    while (at < length) {
        size_t bytes = text_character(string + at, length - at);
        if (bytes > 0)
            memcpy(text + at, string + at, bytes);
        else
            text[at] = '?';
        at += bytes > 0 ? bytes : 1;
    }
    text[length] = '\0';
    return text;
}

/* The caller's m, in the runtime, if it is a goroutine's and something is traced; else NULL. */
static struct m *enter_traced(void)
{
    struct m *m = machine_m();
    if (likely(!is_traced()) || m == NULL || m->is_thread)
        return NULL;
    m = enter();
    if (m != NULL && m->is_thread) {
        leave_m(m);
        return NULL;
    }
    return m;
}

static void tell(enum trace_user_event what, uint64_t a, uint64_t b, const char *first, const char *second)
{
    char one[TRACE_STRING_MOST + 1], two[TRACE_STRING_MOST + 1];
    struct m *m = enter_traced();
    if (m == NULL)
        return;
    trace_user(m, what, a, b, clean(first, one), clean(second, two));
    leave();
}

rung_task rung_task_begin(const char *name, rung_task parent)
{
    rung_task task = atomic_add_relaxed(&last_task, 1) + 1;
    tell(TRACE_TASK_BEGIN, task, parent, name, NULL);
    return task;
}

void rung_task_end(rung_task task)
{
    if (task != 0)
        tell(TRACE_TASK_END, task, 0, NULL, NULL);
}

void rung_log(rung_task task, const char *category, const char *message)
{
    tell(TRACE_LOG, task, 0, category, message);
}

void rung_label(const char *label)
{
    tell(TRACE_LABEL, 0, 0, label, NULL);
}

void rung_region_begin(rung_region *public_region, rung_task task, const char *name)
{
    struct region *region = (struct region *)public_region;
    struct m *m = machine_m();
    *region = (struct region){ .task = task, .name = name };
    if (m == NULL || m->is_thread)
        return;
    struct g *g = m_g(m);
    region->owner = g->id;
    region->outer = g->region_id == g->id ? g->region : NULL;
    g->region_id = g->id;
    g->region = region;
    region->begin = is_traced() ? os_now() : 0;
    tell(TRACE_REGION_BEGIN, task, 0, name, NULL);
}

int rung_region_end(rung_region *public_region)
{
    struct region *region = (struct region *)public_region;
    struct m *m = machine_m();
    if (m == NULL || m->is_thread)
        return region->owner == 0 ? 0 : -EINVAL;
    struct g *g = m_g(m);
    if (region->owner != g->id || g->region_id != g->id || g->region != region)
        return -EINVAL;
    g->region = region->outer;
    region->owner = 0;
    tell(TRACE_REGION_END, region->task, 0, region->name, NULL);
    if (region->begin != 0)
        trace_region_took(os_now() - region->begin);
    return 0;
}
