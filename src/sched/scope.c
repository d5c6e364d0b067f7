/* SPDX-License-Identifier: MIT */
/*
 * scope.c: scopes and groups: who ends whom.
 *
 * A goroutine's scopes are a chain, innermost first, in g->scope; the last of the chain is the scope
 * that it was started in: its group's, or the root. A deadline is a cancellation by a timer. Ending a scope
 * marks it, and everything within it, top down:
 *
 *   scope_end(s)    s and the owner's scopes within s, up to a shield; and for each of them that is
 *                   a group's: every member, with all of its own chain
 *
 * so that a parking call need only load g->ended, the error of the innermost scope. What is parked is claimed
 * and made ready with that error. The chain of g, and g->ended, change under g->scope_lock only;
 * a group's members under group->lock. Locks are taken from the parents to the children.
 *
 * The marks and the parks (Dekker; park.h step 6):
 *   end:   1. g->ended = error    2. fence_heavy    3. claim g if it is parked within the scope
 *   park:  1. open g->wait        2. fence_light    3. load g->ended
 *
 * Whoever ends a scope holds locks that keep it from going away: the owner's scope_lock for the chain (close
 * takes it), a group's lock for its members (a member leaves under it), a heap's lock for a deadline
 * (timer_stop takes it).
 *
 * The root scope keeps no list of members, so that rung_go is cheap: ending it visits every g there is.
 */
#include <errno.h>
#include <string.h>

#include "sched/find.h"

enum { SCOPE_MAGIC = 0x5c09e };

_Static_assert(sizeof(struct scope) <= sizeof(rung_scope), "rung.h: rung_scope");
_Static_assert(sizeof(struct group) <= sizeof(rung_group), "rung.h: rung_group");
_Static_assert(offsetof(struct group, scope) == 0, "a group's scope comes first");

/* ---- ending ---- */

/* Step 3: g is parked where its scope may end it. Its scope_lock is held. */
static void wake_ended(struct m *m, struct g *g)
{
    uint32_t ticket = atomic_load_acquire(&g->wait); /* acquire: pairs with make_reachable */
    int32_t error = atomic_load_relaxed(&g->ended);
    if (error != 0 && (ticket & WAIT_OPEN) && (ticket & WAIT_SCOPED) && claim(g, ticket))
        ready(m, g, error);
}

static void end_members(struct m *m, struct group *group, int error);

static void mark(struct scope *scope, int error)
{
    if (atomic_load_relaxed(&scope->error) == 0)
        atomic_store_relaxed(&scope->error, error);
}

/* Whether `scope` lies within `outer`, with no shield between; owner's scope_lock held. */
static bool is_within(const struct scope *scope, const struct scope *outer)
{
    for (; scope != outer; scope = scope->parent)
        if (scope == NULL || scope->is_shield)
            return false;
    return true;
}

/* Marks g's scopes from `outer` inwards (NULL: all of its chain), and wakes it. */
static void end_chain(struct m *m, struct g *g, struct scope *outer, int error)
{
    lock_acquire(&g->scope_lock);
    for (struct scope *scope = g->scope; scope != NULL; scope = scope->parent) {
        if (scope->owner == g && is_within(scope, outer)) {
            mark(scope, error);
            if (scope->group != NULL)
                end_members(m, scope->group, error);
        }
        if (scope == outer)
            break;
    }
    if (g->scope != NULL && is_within(g->scope, outer) && g->ended == 0)
        atomic_store_relaxed(&g->ended, error);
    fence_heavy(); /* pairs with park.c's make_reachable */
    wake_ended(m, g);
    lock_release(&g->scope_lock);
}

/* Every member of a group that has ended: each is in the group's scope, or in its own within that. */
static void end_members(struct m *m, struct group *group, int error)
{
    object_lock(&group->lock);
    mark(&group->scope, error);
    for (struct link *link = group->members.first; link != NULL; link = link->next)
        end_chain(m, container_of(link, struct g, member), &group->scope, error);
    object_unlock(&group->lock);
}

static void scope_end(struct m *m, struct scope *scope, int error)
{
    end_chain(m, scope->owner, scope, error);
}

static void end_at_deadline(struct timer *timer, int64_t now)
{
    (void)now;
    struct scope *scope = container_of(timer, struct scope, timer);
    scope_end(machine_m(), scope, -ETIMEDOUT);
}

void scope_end_root(struct m *m, int error)
{
    atomic_store_relaxed(&sched.root.error, error);
    fence_heavy(); /* pairs with g_prepare: who did not see it is in the walk below */
    uint64_t cursor = 0;
    struct g *g;
    while ((g = g_next(&cursor)) != NULL) {
        uint32_t status = atomic_load_acquire(&g->status); /* acquire: pairs with g_make */
        if (status != 0 && status != G_DEAD && g->group == NULL)
            end_chain(m, g, &sched.root, error);
    }
}

/* ---- scopes ---- */

static void open_scope(struct scope *scope, int64_t timeout_ns, bool is_shield, struct group *group)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    struct g *g = m_g(m);
    scope->owner = g;
    scope->group = group;
    scope->is_shield = is_shield;
    scope->magic = SCOPE_MAGIC;
    scope->timer.p = NULL;
    scope->timer.index = 0;
    scope->timer.fire = end_at_deadline;
    lock_acquire(&g->scope_lock);
    scope->parent = g->scope;
    scope->error = is_shield ? 0 : g->ended;
    g->scope = scope;
    g->ended = scope->error;
    lock_release(&g->scope_lock);
    if (timeout_ns != RUNG_FOREVER && scope->error == 0) {
        if (timeout_ns <= 0)
            scope_end(m, scope, -ETIMEDOUT);
        else
            timer_start(m, &scope->timer, time_after(os_now(), timeout_ns));
    }
    leave_m(m);
}

/* Unlinks the innermost scope, whose timer has been stopped. */
static void pop_scope(struct g *g, struct scope *scope)
{
    lock_acquire(&g->scope_lock);
    g->scope = scope->parent;
    g->ended = g->scope != NULL ? atomic_load_relaxed(&g->scope->error) : 0;
    lock_release(&g->scope_lock);
    scope->magic = 0;
}

static int close_scope(struct m *m, struct scope *scope)
{
    struct g *g = m_g(m);
    if (unlikely(scope->magic != SCOPE_MAGIC))
        panic("close of a scope that is not open");
    if (unlikely(g->scope != scope))
        panic("scopes must be closed by the goroutine that opened them, last opened first");
    if (scope->timer.p != NULL)
        timer_stop(&scope->timer);
    pop_scope(g, scope);
    return scope->error;
}

void rung_scope_open(rung_scope *scope, int64_t timeout_ns)
{
    open_scope((struct scope *)scope, timeout_ns, false, NULL);
}

void rung_shield_open(rung_scope *scope, int64_t timeout_ns)
{
    open_scope((struct scope *)scope, timeout_ns, true, NULL);
}

int rung_scope_close(rung_scope *scope)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    int error = close_scope(m, (struct scope *)scope);
    leave_m(m);
    return error;
}

void rung_scope_cancel(rung_scope *public_scope)
{
    struct scope *scope = (struct scope *)public_scope;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    if (unlikely(scope->magic != SCOPE_MAGIC))
        panic("cancel of a scope that is not open");
    scope_end(m, scope, -ECANCELED);
    leave_m(m);
}

int rung_scope_error(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int error = atomic_load_relaxed(&m_g(m)->ended);
    leave_m(m);
    return error;
}

/* ---- groups ---- */

int group_join(struct group *group, struct g *g)
{
    if (unlikely(group->scope.magic != SCOPE_MAGIC))
        panic("a goroutine started in a group that is not open");
    object_lock(&group->lock);
    int error = group->is_closed ? -ECANCELED : atomic_load_relaxed(&group->scope.error);
    if (error == 0) {
        g->scope = &group->scope;
        g->ended = 0;
        g->group = group;
        list_push_last(&group->members, &g->member);
    }
    object_unlock(&group->lock);
    return error == 0 ? 0 : -ECANCELED;
}

/*
 * The group's memory is the opener's: once the last member is out of the list and the lock is
 * released, it may be gone. So the opener is claimed under the lock, and made ready after it.
 */
void group_leave(struct m *m, struct g *g, int result)
{
    struct group *group = g->group;
    struct g *opener = NULL;
    if (result < 0) {
        object_lock(&group->lock);
        bool is_first = group->error == 0;
        if (is_first)
            group->error = result;
        object_unlock(&group->lock);
        if (is_first)
            scope_end(m, &group->scope, -ECANCELED);
    }
    object_lock(&group->lock);
    list_remove(&group->members, &g->member);
    lock_acquire(&g->scope_lock); /* scope_end_root may be looking at it */
    g->scope = NULL;
    g->group = NULL;
    lock_release(&g->scope_lock);
    if (list_is_empty(&group->members) && group->opener_ticket != 0) {
        opener = group->scope.owner;
        if (!claim(opener, group->opener_ticket))
            opener = NULL;
    }
    object_unlock(&group->lock);
    if (opener != NULL)
        ready(m, opener, 0);
}

void rung_group_open(rung_group *public_group, int64_t timeout_ns)
{
    struct group *group = (struct group *)public_group;
    memset(group, 0, sizeof *group);
    open_scope(&group->scope, timeout_ns, false, group);
}

int rung_group_wait(rung_group *public_group)
{
    struct group *group = (struct group *)public_group;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    if (unlikely(group->scope.magic != SCOPE_MAGIC || group->scope.owner != m_g(m)))
        panic("rung_group_wait by another goroutine than the group's opener");
    object_lock(&group->lock);
    while (!list_is_empty(&group->members)) {
        group->opener_ticket = ticket_next(m_g(m), false);
        park(m, WAIT_SYNC, false, &group->lock);
        m = machine_m();
        object_lock(&group->lock);
        group->opener_ticket = 0;
    }
    group->is_closed = true;
    int error = group->error;
    object_unlock(&group->lock);
    int ended = close_scope(m, &group->scope);
    leave_m(m);
    return error != 0 ? error : ended;
}

void rung_group_cancel(rung_group *group)
{
    rung_scope_cancel(&group->scope);
}
