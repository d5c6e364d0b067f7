/* SPDX-License-Identifier: MIT */
/* fd.c: the seldom half of fd.h, and what is done to descriptors of any kind. */
#define _GNU_SOURCE
#include "net/fd.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sync/wait.h"

/* ---- users ---- */

int fd_use(rung_fd handle, struct descriptor **found)
{
    struct descriptor *d = *found = netpoll_find(handle);
    if (d == NULL)
        return -EBADF;
    uint64_t word = atomic_load_relaxed(&d->word);
    do {
        if (!fd_is_named(word, handle))
            return -EBADF;
    } while (!atomic_cas_acquire(&d->word, &word, word + FD_USER)); /* pairs with netpoll_open */
    return 0;
}

/* Gives back the number that is to be closed, or -1. */
static int drop(struct descriptor *d)
{
    uint64_t word = atomic_load_relaxed(&d->word), next;
    do
        next = word - FD_USER;
    while (!atomic_cas_acq_rel(&d->word, &word, next)); /* pairs with itself: the last one comes after all others */
    return (next & FD_CLOSED) && (uint32_t)next < FD_USER ? netpoll_close(d) : -1;
}

/* The kernel may take its time to close (a socket that lingers): not with the p in hand. */
int64_t fd_drop(struct m *m, struct descriptor *d, int64_t result)
{
    int number = drop(d);
    leave_m(m);
    int error = number >= 0 ? os_close_fd(number) : 0;
    return error != 0 && result == 0 ? error : result;
}

/* ---- turns ---- */

/* Takes the turn if it is free; else says that somebody is queued. */
static int try_turn_locked(struct descriptor *d, enum poll_side side)
{
    uint64_t word = atomic_load_relaxed(&d->word), next;
    do {
        if (word & FD_CLOSED)
            return -EBADF;
        next = word | ((word & FD_BUSY << side) ? FD_QUEUED << side : FD_BUSY << side);
    } while (!atomic_cas_acquire(&d->word, &word, next)); /* pairs with fd_end */
    return (word & FD_BUSY << side) ? -EAGAIN : 0;
}

int fd_turn_take(struct m **m, struct descriptor *d, enum poll_side side)
{
    struct waiter waiter;
    waiter_init(&waiter, m_g(*m), true);
    object_lock(&d->lock);
    int result = try_turn_locked(d, side);
    if (result != -EAGAIN) {
        object_unlock(&d->lock);
        return result;
    }
    list_push_last(&d->half[side].turns, &waiter.link);
    result = park(*m, WAIT_SYNC, true, &d->lock);
    *m = machine_m();
    if (result < 0) {
        object_lock(&d->lock);
        list_remove(&d->half[side].turns, &waiter.link);
        object_unlock(&d->lock);
    }
    return result;
}

void fd_turn_give(struct m *m, struct descriptor *d, enum poll_side side)
{
    object_lock(&d->lock);
    struct waiter *waiter = waiter_claim_first(&d->half[side].turns);
    uint64_t gone = (waiter == NULL ? FD_BUSY << side : 0) |
                    (list_is_empty(&d->half[side].turns) ? FD_QUEUED << side : 0);
    uint64_t word = atomic_load_relaxed(&d->word);
    while (!atomic_cas_release(&d->word, &word, word & ~gone)) /* pairs with fd_begin */
        continue;
    object_unlock(&d->lock);
    if (waiter != NULL)
        ready(m, waiter->g, 0);
}

int fd_begin_slow(struct m **m, rung_fd handle, enum poll_side side, struct descriptor **found)
{
    int result = fd_use(handle, found);
    if (result != 0)
        return result;
    result = fd_turn_take(m, *found, side);
    if (result != 0) {
        (void)fd_drop(*m, *found, 0);
        *m = enter();
    }
    return result;
}

int64_t fd_end_slow(struct m *m, struct descriptor *d, enum poll_side side, int64_t result)
{
    fd_turn_give(m, d, side);
    return fd_drop(m, d, result);
}

/* ---- opening and closing ---- */

rung_fd fd_open(int number, enum fd_kind kind)
{
    if (number < 0)
        return number;
    rung_fd fd = netpoll_open(number, (uint8_t)kind);
    if (fd < 0)
        os_close_fd(number);
    return fd;
}

int fd_open_both(const int numbers[2], enum fd_kind first, enum fd_kind second, rung_fd pair[2])
{
    rung_fd fd = fd_open(numbers[0], first);
    rung_fd other = fd >= 0 ? fd_open(numbers[1], second) : fd;
    if (fd < 0)
        os_close_fd(numbers[1]);
    else if (other < 0)
        os_close_fd(netpoll_close(netpoll_find(fd)));
    if (other < 0)
        return (int)other;
    pair[0] = fd;
    pair[1] = other;
    return 0;
}

/* Claims everybody who waits for the descriptor, and makes them ready. */
static void wake_all(struct m *m, struct descriptor *d)
{
    struct g *woken[POLL_SIDES];
    object_lock(&d->lock);
    uint32_t count = netpoll_wake_locked(d, woken);
    struct link *turns[POLL_SIDES] = { waiter_claim_all(&d->half[POLL_READ].turns),
                                       waiter_claim_all(&d->half[POLL_WRITE].turns) };
    object_unlock(&d->lock);
    for (uint32_t i = 0; i < count; i++)
        ready(m, woken[i], -EBADF);
    for (int side = 0; side < POLL_SIDES; side++)
        for (struct link *link = turns[side]; link != NULL;) {
            struct waiter *waiter = container_of(link, struct waiter, link);
            link = link->next; /* before ready: then the waiter may be gone */
            ready(m, waiter->g, -EBADF);
        }
}

int rung_close(rung_fd handle)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    struct descriptor *d;
    int error = fd_use(handle, &d);
    if (error != 0) {
        leave_m(m);
        return error;
    }
    uint64_t word = atomic_load_relaxed(&d->word);
    while (!(word & FD_CLOSED) && !atomic_cas_acq_rel(&d->word, &word, word | FD_CLOSED)) /* pairs with fd_begin */
        continue;
    if (word & FD_CLOSED) /* somebody else was faster */
        return (int)fd_drop(m, d, -EBADF);
    if (!MUTANT(CLOSE_UNWOKEN))
        wake_all(m, d);
    return (int)fd_drop(m, d, 0);
}

int fd_kind_of(int number)
{
    int type = os_file_type(number), protocol = 0;
    uint32_t length = sizeof protocol;
    if (type < 0)
        return type;
    if (type == S_IFDIR)
        return -EINVAL;
    if (type == S_IFREG || type == S_IFBLK)
        return FD_FILE;
    if (type != S_IFSOCK)
        return FD_STREAM;
    int error = os_option_get(number, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
    return error == 0 && protocol == IPPROTO_TCP ? FD_TCP : FD_SOCKET;
}

rung_fd rung_fd_adopt(int number)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    rung_fd fd = fd_kind_of(number);
    if (fd > 0) {
        int error = os_set_blocking(number, false);
        fd = error == 0 ? netpoll_open(number, (uint8_t)fd) : error;
    }
    if (fd > 0)
        atomic_store_relaxed(&netpoll_find(fd)->is_shared, true);
    leave_m(m);
    return fd;
}

static int64_t share_number(struct descriptor *d, void *arg)
{
    (void)arg;
    atomic_store_relaxed(&d->is_shared, true);
    return d->number;
}

int rung_fd_number(rung_fd fd)
{
    return (int)fd_ask(fd, share_number, NULL);
}

int rung_fd_release(rung_fd handle)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    struct descriptor *d = netpoll_find(handle);
    uint64_t word = d != NULL ? atomic_load_relaxed(&d->word) : FD_CLOSED;
    int number = -EBADF;
    while (fd_is_named(word, handle)) {
        number = -EBUSY;
        if ((uint32_t)word != 0)
            break;
        if (atomic_cas_acq_rel(&d->word, &word, word | FD_CLOSED)) { /* pairs with fd_end */
            atomic_store_relaxed(&d->is_shared, true);
            number = netpoll_close(d);
            break;
        }
    }
    leave_m(m);
    return number;
}

/* ---- waiting ---- */

/* Directions in which it would not block now. */
static int poll_now(const struct descriptor *d, int directions)
{
    struct pollfd poll = { .fd = d->number,
                           .events = (short)(((directions & RUNG_READ) ? POLLIN | POLLRDHUP : 0) |
                                             ((directions & RUNG_WRITE) ? POLLOUT : 0)) };
    int count = os_poll(&poll, 1, 0);
    if (count <= 0)
        return count;
    int ready = ((poll.revents & (POLLIN | POLLRDHUP)) ? RUNG_READ : 0) | ((poll.revents & POLLOUT) ? RUNG_WRITE : 0);
    return (poll.revents & (POLLERR | POLLHUP | POLLNVAL)) ? directions : ready;
}

static int wait_in_turn(struct m **m, struct descriptor *d, int directions)
{
    for (;;) {
        for (int side = 0; side < POLL_SIDES; side++)
            if (directions >> side & 1)
                fd_begin_look(&d->half[side]);
        int ready = poll_now(d, directions);
        if (ready != 0)
            return ready;
        int result = netpoll_wait_sides(*m, d, (uint32_t)directions);
        *m = machine_m();
        if (result != 0)
            return result;
    }
}

_Static_assert(RUNG_READ == 1 << POLL_READ && RUNG_WRITE == 1 << POLL_WRITE, "directions are a set of sides");

int rung_fd_wait(rung_fd handle, int directions)
{
    if (directions == 0 || (directions & ~(RUNG_READ | RUNG_WRITE)) != 0)
        return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    struct descriptor *d;
    int result = atomic_load_relaxed(&m_g(m)->ended);
    if (result == 0)
        result = fd_use(handle, &d);
    if (result != 0) {
        leave_m(m);
        return result;
    }
    int taken = 0;
    for (int side = 0; side < POLL_SIDES && result == 0; side++)
        if ((directions >> side & 1) && (result = fd_turn_take(&m, d, (enum poll_side)side)) == 0)
            taken |= 1 << side;
    if (result == 0)
        result = wait_in_turn(&m, d, directions);
    for (int side = 0; side < POLL_SIDES; side++)
        if (taken >> side & 1)
            fd_turn_give(m, d, (enum poll_side)side);
    return (int)fd_drop(m, d, result);
}
