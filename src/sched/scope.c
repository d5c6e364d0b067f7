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
 * a group's members under group->lock. Locks are taken from the parents to the children, which their ranks hold to.
 *
 * The marks and the parks (Dekker; park.h, settling):
 *   end:   1. g->ended = error    2. fence_heavy    3. claim g if it is parked within the scope
 *   park:  1. open g->wait        2. fence_light    3. load g->ended
 *
 * Whoever ends a scope holds locks that keep it from going away: the owner's scope_lock for the chain (close
 * takes it), a group's lock for its members (a member leaves under it), a calendar's lock for a deadline
 * (timer_stop takes it).
 *
 * The root scope keeps no list of members, so that rung_go is cheap: ending it visits every g there is.
 */
#include <errno.h>
#include <string.h>

#include "sched/park.h"

enum { SCOPE_MAGIC = 0x5c09e };

_Static_assert(sizeof(struct scope) <= sizeof(rung_scope), "rung.h: rung_scope");
_Static_assert(sizeof(struct group) <= sizeof(rung_group), "rung.h: rung_group");
_Static_assert(offsetof(struct group, scope) == 0, "a group's scope comes first");

/* ---- the locks' ranks: each step down the tree is one ---- */

static enum lock_rank below(enum lock_rank rank)
{
    return rank < RANK_SCOPE_LAST ? rank + 1 : rank;
}

/* Of g->scope_lock. Neither g nor a group above it may end meanwhile; a group does not before its members. */
static enum lock_rank rank_of(const struct g *g)
{
    enum lock_rank rank = RANK_SCOPE;
    const struct group *group = RANKS_ARE_CHECKED ? g->group : NULL;
    for (; group != NULL; group = group->scope.owner->group)
        rank = below(below(rank));
    return rank;
}

/* Of group->lock, likewise. */
static enum lock_rank rank_of_group(const struct group *group)
{
    return below(rank_of(group->scope.owner));
}

static void lock_chain(struct g *g)
{
    lock_acquire_ranked(&g->scope_lock, rank_of(g));
}

static void lock_group(struct group *group)
{
    object_lock_ranked(&group->lock, rank_of_group(group));
}

/* ---- ending ---- */

/* Step 3: g is parked where its scope may end it. Its scope_lock is held. */
static void wake_ended(struct m *m, struct g *g)
{
    uint32_t ticket = wait_word(g);
    int32_t error = atomic_load_relaxed(&g->ended);
    if (error != 0 && (ticket & WAIT_OPEN) && (ticket & WAIT_SCOPED) && claim(g, ticket))
        ready(m, g, error);
}

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

/* Marks g's scopes within `outer`, from `scope` outwards, up to one that is a group's, which it gives back; or NULL. */
static struct scope *mark_chain(struct g *g, struct scope *scope, const struct scope *outer, int error)
{
    for (; scope != NULL; scope = scope != outer ? scope->parent : NULL)
        if (scope->owner == g && is_within(scope, outer)) {
            mark(scope, error);
            if (scope->group != NULL)
                return scope;
        }
    return NULL;
}

static struct scope *enter_chain(struct g *g, enum lock_rank rank)
{
    lock_acquire_ranked(&g->scope_lock, rank);
    return atomic_load_relaxed(&g->scope);
}

/* All scopes of g have been marked that are within `outer`: wakes it, and lets go of its chain. */
static void leave_chain(struct m *m, struct g *g, const struct scope *outer, int error)
{
    struct scope *innermost = atomic_load_relaxed(&g->scope);
    if (innermost != NULL && is_within(innermost, outer) && atomic_load_relaxed(&g->ended) == 0)
        atomic_store_relaxed(&g->ended, error);
    fence_heavy(); /* pairs with park.h's has_ended */
    wake_ended(m, g);
    lock_release(&g->scope_lock);
}

/* Within which scope all of g's end, where `outer` of `top` does: a member's are in its group's. */
static const struct scope *limit_of(const struct g *g, const struct g *top, const struct scope *outer)
{
    return g == top ? outer : &g->group->scope;
}

/*
 * Marks the scopes of `top` from `outer` inwards, and all that is within them: of each group's members, which are in the
 * group's scope or in their own within that, all of their chains. Groups nest as deep as their users like, and this may
 * run on a small stack: so it is no recursion. The way back is where the locks are held that keep it: from a member
 * to its group, from that to its owner, whose chain goes on after the group's scope. The rank is that of top's lock.
 */
static void end_chain(struct m *m, struct g *top, struct scope *outer, int error, enum lock_rank rank)
{
    struct g *g = top;
    struct scope *scope = enter_chain(g, rank);
    for (;;) {
        const struct scope *limit = limit_of(g, top, outer);
        struct group *group;
        struct link *member;
        scope = mark_chain(g, scope, limit, error);
        if (scope != NULL) {
            group = scope->group;
            object_lock_ranked(&group->lock, below(rank_remembered(&g->scope_lock)));
            member = group->members.first;
        } else {
            leave_chain(m, g, limit, error);
            if (g == top)
                return;
            group = g->group;
            member = g->member.next;
        }
        if (member != NULL) {
            g = container_of(member, struct g, member);
            scope = enter_chain(g, below(rank_remembered(&group->lock)));
        } else {
            g = group->scope.owner;
            scope = &group->scope != limit_of(g, top, outer) ? group->scope.parent : NULL;
            object_unlock(&group->lock);
        }
    }
}

static void scope_end(struct m *m, struct scope *scope, int error)
{
    end_chain(m, scope->owner, scope, error, rank_of(scope->owner));
}

static void end_at_deadline(struct timer *timer, int64_t now)
{
    (void)now;
    struct scope *scope = container_of(timer, struct scope, timer);
    scope_end(machine_m(), scope, -ETIMEDOUT);
}

/*
 * A plain thread keeps the deadlines of its scopes by itself too: no rung_run need be there that would run their
 * timers. Its chain is changed by itself only.
 */
int64_t scope_thread_deadline(const struct g *g)
{
    int64_t earliest = INT64_MAX;
    for (const struct scope *scope = g->scope; scope != NULL; scope = scope->parent)
        if (atomic_load_relaxed(&scope->error) == 0 && scope->deadline < earliest)
            earliest = scope->deadline;
    return earliest;
}

void scope_thread_expire(struct m *m, struct g *g)
{
    int64_t now = os_now();
    for (struct scope *scope = g->scope; scope != NULL; scope = scope->parent)
        if (atomic_load_relaxed(&scope->error) == 0 && scope->deadline <= now)
            scope_end(m, scope, -ETIMEDOUT);
}

/* As long as it has a deadline to keep, each call of the thread's takes the slow way in, and looks at the clock. */
void scope_thread_look(struct m *m)
{
    if (scope_thread_deadline(m_g(m)) == INT64_MAX)
        return;
    atomic_store_relaxed(&m->yield, 1);
    scope_thread_expire(m, m_g(m));
}

void scope_end_root(struct m *m, int error)
{
    atomic_store_relaxed(&sched.root.error, error);
    fence_heavy(); /* pairs with g_publish: who did not see it is in the walk below */
    uint64_t cursor = 0;
    struct g *g;
    while ((g = g_next(&cursor)) != NULL) {
        uint32_t status = atomic_load_acquire(&g->status); /* acquire: pairs with g_make */
        if (status != 0 && status != G_DEAD && atomic_load_relaxed(&g->group) == NULL)
            end_chain(m, g, &sched.root, error, RANK_SCOPE);
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
    scope->timer.slot = 0;
    scope->timer.fire = end_at_deadline;
    scope->timer.touched_lines = scope->timer.lines_before = 0;
    scope->deadline = timeout_ns != RUNG_FOREVER ? time_after(clock_now(&m->clock), timeout_ns) : INT64_MAX;
    lock_chain(g);
    int32_t error = is_shield ? 0 : atomic_load_relaxed(&g->ended);
    scope->parent = g->scope;
    atomic_store_relaxed(&scope->error, error);
    atomic_store_relaxed(&g->scope, scope);
    atomic_store_relaxed(&g->ended, error);
    lock_release(&g->scope_lock);
    if (timeout_ns != RUNG_FOREVER && error == 0) {
        error = timeout_ns <= 0 ? -ETIMEDOUT : timer_start(m, &scope->timer, scope->deadline);
        if (unlikely(error < 0))
            scope_end(m, scope, error); /* a deadline that nobody would keep has passed */
    }
    if (unlikely(m->is_thread))
        scope_thread_look(m);
    leave_m(m);
}

/* Unlinks the innermost scope, whose timer has been stopped. */
static void pop_scope(struct g *g, struct scope *scope)
{
    lock_chain(g);
    struct scope *parent = scope->parent;
    atomic_store_relaxed(&g->scope, parent);
    atomic_store_relaxed(&g->ended, parent != NULL ? atomic_load_relaxed(&parent->error) : 0);
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
    return atomic_load_relaxed(&scope->error);
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
    lock_group(group);
    int error = group->is_closed ? -ECANCELED : atomic_load_relaxed(&group->scope.error);
    if (error == 0) {
        lock_acquire_ranked(&g->scope_lock, below(rank_of_group(group))); /* scope_end_root may look at who had this stack */
        atomic_store_relaxed(&g->scope, &group->scope);
        atomic_store_relaxed(&g->group, group);
        atomic_store_relaxed(&g->ended, 0);
        lock_release(&g->scope_lock);
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
        lock_group(group);
        bool is_first = group->error == 0;
        if (is_first)
            group->error = result;
        object_unlock(&group->lock);
        if (is_first)
            scope_end(m, &group->scope, -ECANCELED);
    }
    lock_group(group);
    list_remove(&group->members, &g->member);
    lock_chain(g); /* scope_end_root may be looking at it */
    atomic_store_relaxed(&g->scope, NULL);
    atomic_store_relaxed(&g->group, NULL);
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
    lock_group(group);
    while (!list_is_empty(&group->members)) {
        group->opener_ticket = ticket_next(m_g(m), false);
        park(m, WAIT_SYNC, false, &group->lock);
        m = machine_m();
        lock_group(group);
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
