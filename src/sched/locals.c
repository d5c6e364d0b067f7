/* SPDX-License-Identifier: MIT */
/* locals.c: goroutine-local values: a table of LOCALS pointers per goroutine that has any. */
#include <errno.h>
#include <stdlib.h>

#include "sched/park.h"

static struct {
    uint32_t count; /* atomic: keys made */
    void (*destroy[LOCALS])(void *value);
} keys;

int rung_local_open(rung_local *key, void (*destroy)(void *value))
{
    uint32_t number = atomic_load_relaxed(&keys.count);
    if (key == NULL)
        return -EINVAL;
    do {
        if (number == LOCALS)
            return -EAGAIN;
    } while (!atomic_cas_acq_rel(&keys.count, &number, number + 1));
    keys.destroy[number] = destroy;
    *key = number;
    return 0;
}

/* A goroutine's table is its own: no other reads it. */
static struct g *own_g(void)
{
    struct m *m = machine_m();
    if (m == NULL)
        m = m_adopt();
    return m != NULL ? m_g(m) : NULL;
}

void *rung_local_get(rung_local key)
{
    struct g *g = own_g();
    if (g == NULL || key >= LOCALS || g->locals == NULL)
        return NULL;
    return g->locals[key];
}

int rung_local_set(rung_local key, void *value)
{
    struct g *g = own_g();
    if (g == NULL)
        return -ENOTRECOVERABLE;
    if (key >= atomic_load_relaxed(&keys.count))
        return -EINVAL;
    if (g->locals == NULL)
        g->locals = calloc(LOCALS, sizeof *g->locals);
    if (g->locals == NULL)
        return -ENOMEM;
    g->locals[key] = value;
    return 0;
}

/* One pass. Whether anything was destroyed: the destructors may have set values, of other keys or of their own. */
static bool destroy_all(struct g *g)
{
    bool did = false;
    for (uint32_t i = 0; i < LOCALS; i++) {
        void *value = g->locals[i];
        g->locals[i] = NULL;
        if (value == NULL || keys.destroy[i] == NULL)
            continue;
        keys.destroy[i](value);
        did = true;
    }
    return did;
}

void locals_end(struct g *g)
{
    while (destroy_all(g))
        continue;
    free(g->locals);
    g->locals = NULL;
}
