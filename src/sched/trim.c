/* SPDX-License-Identifier: MIT */
/*
 * trim.c: gives back the stack pages that a goroutine used once and has not come back to for long.
 *
 * What lies KEEP_BYTES and more below the saved sp of a goroutine that has been parked for RUNG_TRIM (10 s) is
 * returned to the kernel, once for each park (g->trim_ticket). Sweeps over all goroutines find them, in
 * batches of some 100 us, one for each round of sysmon.
 *
 * The goroutine may be claimed at any moment, and then uses these pages. So it is held meanwhile:
 *   trimmer:  1. take a p (below)
 *             2. g->wait: ticket -> ticket | WAIT_HELD, by compare-and-swap. Failed: somebody has claimed g
 *             3. load its sp, discard [stack_low, sp - KEEP_BYTES)     (the guard lies below stack_low)
 *             4. g->wait = ticket
 *   claimer:  1. g->wait: ticket -> ticket without WAIT_OPEN. Failed, and the word is ticket | WAIT_HELD:
 *             2. wait a little, and again from 1 (trim_wait)
 * Between 2 and 4 the word is open, though nobody can claim it: who only asks whether it is open is right, who
 * compares it with a ticket must leave WAIT_HELD out (wait_word). While it holds one the trimmer takes no lock, and
 * discards a piece at most: claimers may hold locks. Who holds a g never claims, so nobody waits for himself.
 *
 * Why a p: in solo mode claims are plain, and made by the holder of the only p, which is the trimmer then. (Plain
 * threads end that mode, and claim by compare-and-swap; a new run begins it when every p idles: no batch is
 * under way.) sysmon takes an idle p and does the batch itself: no m wakes. Where none idles it sets
 * wants_trim, and an m that comes by schedule_slow does it, with its own.
 *
 * Idle programs stay asleep. A sweep is the last one if nothing ran since the one before, at which every p was idle
 * already: each goroutine that waits now did so then, which is long ago. So after the last switch sysmon wakes
 * twice at most, and then not before something has run. Switches are summed up before the ps are counted: one between
 * the two is found to be new the next time.
 *
 * It can be too early: since is sysmon's clock, which stands still while it sleeps. That costs some page faults.
 *
 * Rejected: mincore first (1.6 us for 240 KiB never touched; the discard itself takes 0.6 us, and 7 us with 25
 * pages there); a probe of one page (a large array leaves holes); a list of the parked (a store for each park);
 * status instead of the bit (claimers do not look at it).
 */
#include "base/setting.h"
#include "sched/park.h"

enum { MOST_LOOKS = 512, SPINS = 100 };
#define PIECE_BYTES ((uintptr_t)1 << 20)
#define BATCH_NS    INT64_C(100000)
#define PAUSE_NS    INT64_C(20000)
#define LONG_MS     10000
#define LONGEST_MS  1000000000

static struct {
    union lock lock;       /* held for a batch, without a rank: never waited for */
    uint64_t cursor;       /* under lock: of g_next */
    int64_t long_ns;       /* set once */
    uint32_t is_sweeping;  /* atomic: set by sysmon, cleared at the end under lock */
    /* Sysmon only. */
    int64_t next;          /* when to begin a sweep; INT64_MAX: once something has run */
    uint64_t switches;     /* by the last one's beginning */
    bool was_idle;         /* every p, then */
} trim;

void trim_init(void)
{
    uint64_t wish = setting_number("RUNG_TRIM");
    if (wish == 0)
        wish = LONG_MS;
    trim.long_ns = RUNG_MILLISECONDS((int64_t)(wish < LONGEST_MS ? wish : LONGEST_MS));
}

/* ---- a goroutine ---- */

/* Sleeps, should the trimmer have lost its CPU: yielding is no way to get a thread of lower priority to run. */
void trim_wait(const struct g *g)
{
    for (uint32_t i = 1; atomic_load_relaxed(&g->wait) & WAIT_HELD; i++) {
        if (i % SPINS == 0)
            os_sleep(PAUSE_NS);
        else
            cpu_relax();
    }
}

/* Where what it uses begins: on another stack than its own, a coroutine's perhaps, nothing tells. */
static uintptr_t unused_end(const struct g *g)
{
    uintptr_t sp = g->machine.sched.sp;
    return sp >= g->stack_low && sp < g->stack_high ? sp - KEEP_BYTES : g->stack_low;
}

/* Steps 2 to 4, for one piece after the other until all is done or g has been claimed. */
static void give_back(struct g *g, uint32_t ticket)
{
    struct stack piece = { .low = g->stack_low };
    uintptr_t end;
    do {
        uint32_t open = ticket;
        if (!MUTANT(TRIM_UNHELD) &&
            !atomic_cas_acq_rel(&g->wait, &open, ticket | WAIT_HELD)) /* pairs with make_reachable */
            return;
        end = unused_end(g);
        if (MUTANT(TRIM_UNHELD))
            os_sleep(BATCH_NS);
        piece.high = end > piece.low + PIECE_BYTES ? piece.low + PIECE_BYTES : end;
        stack_trim(&piece, 0);
        if (!MUTANT(TRIM_UNHELD))
            atomic_store_release(&g->wait, ticket); /* release: pairs with claim: the pages are gone before it runs */
        piece.low = piece.high;
    } while (piece.high < end);
}

/* Whether its stack was given back. */
static bool look_at(struct g *g, int64_t before)
{
    if (atomic_load_relaxed(&g->status) != G_WAITING)
        return false;
    uint32_t ticket = wait_word(g);
    if (!(ticket & WAIT_OPEN) || g->trim_ticket == ticket || atomic_load_relaxed(&g->since) > before)
        return false;
    g->trim_ticket = ticket;
    give_back(g, ticket);
    return true;
}

void trim_batch(void)
{
    if (!lock_try_acquire(&trim.lock))
        return;
    atomic_store_relaxed(&sched.wants_trim, 0);
    int64_t end = os_now() + BATCH_NS;
    int64_t before = atomic_load_relaxed(&sched.coarse_now) - trim.long_ns;
    for (int looks = 0; looks < MOST_LOOKS; looks++) {
        struct g *g = g_next(&trim.cursor);
        if (g == NULL) {
            trim.cursor = 0;
            atomic_store_relaxed(&trim.is_sweeping, 0);
            break;
        }
        if (look_at(g, before) && os_now() >= end)
            break;
    }
    lock_release(&trim.lock);
}

/* ---- sweeps ---- */

static uint64_t count_switches(void)
{
    uint64_t switches = 0;
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        switches += atomic_load_relaxed(&sched.p[i].switches);
    return switches;
}

int64_t trim_due(int64_t now)
{
    if (!atomic_load_relaxed(&sched.is_running))
        return INT64_MAX;
    if (atomic_load_relaxed(&trim.is_sweeping))
        return now;
    if (trim.next == INT64_MAX && count_switches() != trim.switches)
        trim.next = now + trim.long_ns;
    return trim.next;
}

static void begin_sweep(int64_t now)
{
    uint64_t switches = count_switches();
    bool is_last = trim.was_idle && switches == trim.switches;
    trim.was_idle = atomic_load_relaxed(&sched.idle_procs) == atomic_load_relaxed(&sched.procs);
    trim.switches = switches;
    trim.next = is_last ? INT64_MAX : now + trim.long_ns;
    atomic_store_relaxed(&trim.is_sweeping, 1);
}

bool trim_round(int64_t now)
{
    if (now < trim_due(now))
        return false;
    if (!atomic_load_relaxed(&trim.is_sweeping))
        begin_sweep(now);
    struct p *p = p_take_idle();
    atomic_store_relaxed(&sched.wants_trim, p == NULL);
    if (p == NULL)
        return false;
    trim_batch();
    lock_acquire(&sched.lock);
    p_idle_put_locked(p);
    lock_release(&sched.lock);
    return true;
}
