/* SPDX-License-Identifier: MIT */
/* netpoll.c: the table of descriptors, waiting for one, and delivering what epoll says; the recipe is in netpoll.h. */
#define _GNU_SOURCE
#include "sched/netpoll.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/os.h"
#include "base/os_fd.h"
#include "sched/park.h"

enum {
    MOST_DESCRIPTORS = 1 << 22,
    COMMIT = 512,       /* descriptors that get memory at a time */
    WAKE_DATA = 1,      /* of the eventfd; no handle, since its generation is 0 */
    WATCHED = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLOUT | EPOLLET,
};
#define UNPOLLED_NS INT64_C(1000000)

_Static_assert(sizeof(struct descriptor) == 2 * CACHE_LINE, "a descriptor takes two lines");

static struct netpoll {
    struct descriptor *table;   /* set once, before `made` is more than 0 */
    uint32_t made;              /* atomic: slots that have been used; stored under lock */
    uint32_t committed, most;   /* under lock */
    struct descriptor *free;    /* under lock */
    union lock lock;
    int epoll, wake;            /* set once, with table */
    uint32_t polls;             /* atomic: a count of looks, for sysmon; some may be lost */
    uint32_t threads_waiting;   /* atomic: plain threads */
    uint32_t seen_polls;        /* sysmon only */
    int64_t seen_at;
    uint32_t stashed;           /* atomic; stored under sched.lock */
    struct epoll_event stash[2 * POLL_EVENTS]; /* under sched.lock */
} netpoll;

uint32_t rung_registered;

/* ---- the table ---- */

static int table_init_locked(void)
{
    size_t bytes = MOST_DESCRIPTORS * sizeof(struct descriptor);
    int epoll = os_epoll_new();
    if (epoll < 0)
        return epoll;
    int wake = os_event_new();
    int error = wake < 0 ? wake : os_epoll_add(epoll, wake, EPOLLIN | EPOLLET, WAKE_DATA);
    struct descriptor *table = error == 0 ? os_reserve_most(&bytes, COMMIT * sizeof(struct descriptor)) : NULL;
    if (table == NULL) {
        if (wake >= 0)
            os_close(wake);
        os_close(epoll);
        return error != 0 ? error : -ENOMEM;
    }
    netpoll.epoll = epoll;
    netpoll.wake = wake;
    netpoll.most = (uint32_t)(bytes / sizeof(struct descriptor));
    netpoll.table = table;
    return 0;
}

/* A slot that was never used. */
static struct descriptor *slot_new_locked(int *error)
{
    uint32_t slot = netpoll.made;
    *error = netpoll.table == NULL ? table_init_locked() : 0;
    if (*error != 0)
        return NULL;
    *error = -ENOMEM;
    if (slot == netpoll.most)
        return NULL;
    if (slot == netpoll.committed) {
        if (os_commit(&netpoll.table[slot], COMMIT * sizeof(struct descriptor)) != 0)
            return NULL;
        netpoll.committed += COMMIT;
    }
    struct descriptor *d = &netpoll.table[slot];
    d->word = (UINT64_C(1) << 32) | FD_CLOSED;
    atomic_store_release(&netpoll.made, slot + 1); /* release: pairs with netpoll_find */
    return d;
}

static struct descriptor *slot_get(int *error)
{
    lock_acquire(&netpoll.lock);
    struct descriptor *d = netpoll.free;
    if (d != NULL)
        netpoll.free = d->next_free;
    else
        d = slot_new_locked(error);
    lock_release(&netpoll.lock);
    return d;
}

int64_t netpoll_open(int number, uint8_t kind)
{
    int error = 0;
    struct descriptor *d = slot_get(&error);
    if (d == NULL)
        return error;
    uint64_t generation = descriptor_generation(atomic_load_relaxed(&d->word));
    d->number = number;
    d->kind = kind;
    d->is_shared = d->is_odd = false;
    d->half[POLL_READ] = d->half[POLL_WRITE] = (struct poll_half){ .waiter = NULL };
    atomic_store_release(&d->word, generation << 32); /* release: pairs with fd_begin, deliver_one */
    return (int64_t)(generation << 32 | (uint64_t)(d - netpoll.table));
}

/* A generation is positive, so that a handle is; after 2^31 of them a slot begins anew. */
static uint64_t generation_after(uint64_t generation)
{
    return generation < INT32_MAX ? generation + 1 : 1;
}

int netpoll_close(struct descriptor *d)
{
    int number = d->number;
    if (atomic_load_relaxed(&d->is_registered)) {
        atomic_store_relaxed(&d->is_registered, false);
        atomic_add_relaxed(&rung_registered, -1);
        if (atomic_load_relaxed(&d->is_shared)) /* else the kernel forgets it as the number is closed */
            os_epoll_remove(netpoll.epoll, number);
    }
    object_lock(&d->lock); /* an event of this generation may be on its way */
    uint64_t generation = generation_after(descriptor_generation(atomic_load_relaxed(&d->word)));
    atomic_store_relaxed(&d->word, generation << 32 | FD_CLOSED);
    object_unlock(&d->lock);
    lock_acquire(&netpoll.lock);
    d->next_free = netpoll.free;
    netpoll.free = d;
    lock_release(&netpoll.lock);
    return number;
}

struct descriptor *netpoll_find(int64_t handle)
{
    uint32_t slot = (uint32_t)handle;
    uint32_t made = atomic_load_acquire(&netpoll.made); /* acquire: pairs with slot_new_locked */
    return handle >= 0 && slot < made ? &netpoll.table[slot] : NULL;
}

/* ---- waiting ---- */

static int64_t handle_of(const struct descriptor *d)
{
    return (int64_t)(descriptor_generation(atomic_load_relaxed(&d->word)) << 32 | (uint64_t)(d - netpoll.table));
}

/* Who reads and who writes may both come here at once: then the second only asks for the state once more. */
static int register_with_epoll(struct descriptor *d)
{
    uint64_t data = (uint64_t)handle_of(d);
    int error = os_epoll_add(netpoll.epoll, d->number, WATCHED, data);
    if (error == -EEXIST)
        error = os_epoll_change(netpoll.epoll, d->number, WATCHED, data);
    if (error != 0)
        return error;
    if (!atomic_swap_acq_rel(&d->is_registered, true) && atomic_add_acq_rel(&rung_registered, 1) == 0) /* release: pairs with netpoll_is_used */
        keeper_wake(); /* it sleeps where events are not heard */
    return 0;
}

static bool is_ready_locked(const struct descriptor *d, uint32_t sides)
{
    if (MUTANT(MISSED_EDGE))
        return false;
    for (int side = 0; side < POLL_SIDES; side++)
        if ((sides >> side & 1) && atomic_load_relaxed(&d->half[side].is_ready))
            return true;
    return false;
}

static void set_waiter_locked(struct descriptor *d, uint32_t sides, struct poll_waiter *from, struct poll_waiter *to)
{
    for (int side = 0; side < POLL_SIDES; side++)
        if ((sides >> side & 1) && d->half[side].waiter == from)
            d->half[side].waiter = to;
}

static void count_waiting(struct m *m, bool begins)
{
    if (m->p == NULL)
        atomic_add_relaxed(&netpoll.threads_waiting, begins ? 1 : -1);
    else
        atomic_count(begins ? &m->p->fd_parks : &m->p->fd_wakes);
}

/* A plain thread sleeps in poll(2), and no event has to find it. Urgent data would be told again and again: no read takes them. */
static int prepare_thread(struct m *m, struct descriptor *d, uint32_t sides)
{
    struct note *note = &m_g(m)->note;
    if (note->event == 0) {
        int event = os_event_new();
        if (event < 0)
            return event;
        atomic_store_relaxed(&note->event, event);
    }
    m->poll_number = d->number;
    m->poll_events = (short)((sides >> POLL_READ & 1 ? POLLIN | POLLRDHUP : 0) |
                             (sides >> POLL_WRITE & 1 ? POLLOUT : 0));
    return 0;
}

static int prepare(struct m *m, struct descriptor *d, uint32_t sides)
{
    return m_g(m)->is_thread ? prepare_thread(m, d, sides)
           : atomic_load_relaxed(&d->is_registered) ? 0 : register_with_epoll(d);
}

int netpoll_wait_sides(struct m *m, struct descriptor *d, uint32_t sides)
{
    struct g *g = m_g(m);
    int error = prepare(m, d, sides);
    if (error != 0)
        return error;
    bool is_scoped = !MUTANT(DEADLINE_LOST);
    struct poll_waiter waiter = { g, d, ticket_next(g, is_scoped) };
    object_lock(&d->lock);
    error = (atomic_load_relaxed(&d->word) & FD_CLOSED) ? -EBADF : 0;
    if (error != 0 || is_ready_locked(d, sides)) {
        object_unlock(&d->lock);
        return error;
    }
    set_waiter_locked(d, sides, NULL, &waiter);
    count_waiting(m, true);
    int result = park(m, WAIT_IO, is_scoped, &d->lock);
    m = machine_m();
    count_waiting(m, false);
    if (result < 0 || g->is_thread || sides == (1 << POLL_READ | 1 << POLL_WRITE)) { /* not, or not in all places, taken away */
        object_lock(&d->lock);
        set_waiter_locked(d, sides, &waiter, NULL);
        object_unlock(&d->lock);
    }
    return result;
}

int netpoll_wait(struct m *m, struct descriptor *d, enum poll_side side)
{
    return netpoll_wait_sides(m, d, 1U << side);
}

/* By address. Who is awake takes the lock that unlock_both releases last first. */
static void lock_both(struct descriptor *const both[2])
{
    object_lock(&both[both[0] > both[1]]->lock);
    object_lock(&both[both[0] < both[1]]->lock);
}

static void unlock_both(struct g *g, void *arg)
{
    struct descriptor *const *both = arg;
    (void)g;
    object_unlock(&both[both[0] < both[1]]->lock);
    object_unlock(&both[both[0] > both[1]]->lock);
}

int netpoll_wait_beside(struct m *m, struct descriptor *d, enum poll_side side, struct descriptor *beside)
{
    struct descriptor *both[2] = { d, beside };
    struct poll_half *halves[2] = { &d->half[side], &beside->half[side == POLL_READ ? POLL_WRITE : POLL_READ] };
    int error = prepare(m, d, 1U << side);
    if (error != 0)
        return error;
    struct poll_waiter waiter = { m_g(m), d, ticket_next(m_g(m), true) };
    lock_both(both);
    error = ((atomic_load_relaxed(&d->word) | atomic_load_relaxed(&beside->word)) & FD_CLOSED) ? -EBADF : 0;
    if (error != 0 || is_ready_locked(d, 1U << side)) {
        unlock_both(NULL, both);
        return error;
    }
    halves[0]->waiter = halves[1]->waiter = &waiter;
    count_waiting(m, true);
    int result = park_with(m, WAIT_IO, true, unlock_both, both);
    count_waiting(machine_m(), false);
    lock_both(both);
    for (int i = 0; i < 2; i++)
        if (halves[i]->waiter == &waiter)
            halves[i]->waiter = NULL;
    unlock_both(NULL, both);
    return result;
}

/* ---- delivering ---- */

/* Takes who waits for this side; NULL: nobody, or somebody else wakes it. */
static struct g *take_waiter_locked(struct poll_half *half)
{
    struct poll_waiter *waiter = half->waiter;
    half->waiter = NULL;
    return waiter != NULL && claim(waiter->g, waiter->ticket) ? waiter->g : NULL;
}

uint32_t netpoll_wake_locked(struct descriptor *d, struct g *woken[POLL_SIDES])
{
    uint32_t count = 0;
    for (int side = 0; side < POLL_SIDES; side++) {
        struct g *g = take_waiter_locked(&d->half[side]);
        if (g != NULL)
            woken[count++] = g;
    }
    return count;
}

static always_inline void make_ready(struct m *m, struct g *g, uint32_t generation)
{
    assert(g->status == G_WAITING);
    g->wait_result = 0;
    if (unlikely(g->is_thread || sched.chaos != 0)) {
        ready_slow(m, g);
        return;
    }
    if (unlikely(generation != 0))
        trace_ready_one(m, generation, g);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    runq_put(m->p, g);
}

/* Steps 1 to 3. How many goroutines were made ready; they are told of in this generation of a trace, or 0. */
static uint32_t deliver_one(struct m *m, uint64_t data, uint32_t events, uint32_t generation)
{
    static const uint32_t wakes[POLL_SIDES] = {
        [POLL_READ] = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR,
        [POLL_WRITE] = EPOLLOUT | EPOLLHUP | EPOLLERR,
    };
    struct g *woken[POLL_SIDES] = { NULL, NULL };
    struct descriptor *d = netpoll_find((int64_t)data);
    if (d == NULL)
        return 0; /* the wake of an m that slept here */
    object_lock(&d->lock);
    if (descriptor_generation(atomic_load_acquire(&d->word)) == data >> 32) { /* acquire: pairs with netpoll_open */
        if (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            atomic_store_relaxed(&d->is_odd, true);
        for (int side = 0; side < POLL_SIDES; side++) {
            if ((events & wakes[side]) == 0)
                continue;
            atomic_store_release(&d->half[side].is_ready, true); /* release: pairs with fd_try: is_odd */
            if (d->half[side].waiter != NULL && d->half[side].waiter->of == d)
                woken[side] = take_waiter_locked(&d->half[side]);
        }
    }
    object_unlock(&d->lock);
    for (int side = 0; side < POLL_SIDES; side++)
        if (woken[side] != NULL)
            make_ready(m, woken[side], generation);
    return (woken[POLL_READ] != NULL) + (woken[POLL_WRITE] != NULL);
}

bool netpoll_deliver(struct m *m, const struct poll_events *events)
{
    uint32_t woken = 0, generation = is_traced() && sched.chaos == 0 ? trace_ready_begin(m) : 0; /* chaos: ready_slow tells */
    for (int i = 0; i < events->count; i++) {
        struct descriptor *d = netpoll_find((int64_t)events->event[i].data.u64);
        __builtin_prefetch(d, 1);
        __builtin_prefetch((char *)d + CACHE_LINE, 1);
    }
    for (int i = 0; i < events->count; i++)
        woken += deliver_one(m, events->event[i].data.u64, events->event[i].events, generation);
    if (woken > 1)
        wake_others(m);
    return woken > 0;
}

/* ---- asking ---- */

bool netpoll_has_stash(void)
{
    return atomic_load_relaxed(&netpoll.stashed) != 0;
}

void netpoll_stash_locked(struct poll_events *events)
{
    uint32_t stashed = netpoll.stashed;
    check(stashed + (uint32_t)events->count <= array_length(netpoll.stash));
    memcpy(&netpoll.stash[stashed], events->event, (size_t)events->count * sizeof *events->event);
    atomic_store_relaxed(&netpoll.stashed, stashed + (uint32_t)events->count);
    events->count = 0;
}

static void take_stash(struct poll_events *events)
{
    lock_acquire(&sched.lock);
    uint32_t stashed = netpoll.stashed;
    uint32_t taken = stashed < POLL_EVENTS ? stashed : POLL_EVENTS;
    memcpy(events->event, &netpoll.stash[stashed - taken], taken * sizeof *events->event);
    atomic_store_relaxed(&netpoll.stashed, stashed - taken);
    lock_release(&sched.lock);
    events->count = (int)taken;
}

/* EINTR is no event. With all other errors nobody would ever hear of a descriptor again. */
static void ask(struct poll_events *events, int64_t until)
{
    int count = os_epoll_wait(netpoll.epoll, events->event, POLL_EVENTS, until);
    if (unlikely(count < 0 && count != -EINTR))
        panic("somebody has closed a descriptor of rung's own (error %d): no other can be waited for any more", -count);
    events->count = count > 0 ? count : 0;
    atomic_store_relaxed(&netpoll.polls, atomic_load_relaxed(&netpoll.polls) + 1);
}

/* As ask, but the wake of the one who sleeps in there is not for us: passed on. */
static void ask_beside(struct poll_events *events)
{
    ask(events, 0);
    for (int i = 0; i < events->count; i++)
        if (events->event[i].data.u64 == WAKE_DATA && atomic_load_relaxed(&sched.poller) != NULL)
            (void)os_event_set(netpoll.wake); /* it was there just now */
}

bool netpoll_look(struct m *m)
{
    struct poll_events events;
    bool found = false;
    if (netpoll_has_stash()) {
        take_stash(&events);
        found = netpoll_deliver(m, &events);
    }
    if (found || !netpoll_is_used())
        return found;
    ask_beside(&events);
    return netpoll_deliver(m, &events);
}

void netpoll_sleep(struct m *m, int64_t until, struct poll_events *events)
{
    atomic_store_relaxed(&m->note.event, netpoll.wake); /* a late waker may still look at it */
    if (!note_poll_begin(&m->note))
        return;
    ask(events, until);
    note_poll_end(&m->note);
}

void netpoll_round(int64_t now)
{
    uint32_t polls = atomic_load_relaxed(&netpoll.polls);
    if (!netpoll_is_used() || polls != netpoll.seen_polls || atomic_load_relaxed(&sched.poller) != NULL ||
        netpoll_has_stash()) {
        netpoll.seen_polls = polls;
        netpoll.seen_at = now;
        return;
    }
    if (now - netpoll.seen_at < UNPOLLED_NS)
        return;
    struct poll_events events;
    ask_beside(&events);
    lock_acquire(&sched.lock);
    netpoll_stash_locked(&events);
    lock_release(&sched.lock);
}

bool netpoll_has_waiters(void)
{
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        waiting += atomic_load_relaxed(&sched.p[i].fd_parks) - atomic_load_relaxed(&sched.p[i].fd_wakes);
    return waiting != 0 || atomic_load_relaxed(&netpoll.threads_waiting) != 0;
}
