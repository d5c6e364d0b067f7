/* SPDX-License-Identifier: MIT */
/*
 * Timers in a calendar come up in order and none is lost, whatever is started, stopped and set meanwhile: random
 * calls beside a plain array of times. And when few are pending the next one's time is exact.
 */
#include "../test.h"
#include "sched/calendar.h"

enum { TIMERS = 60000, ROUNDS = 400, CALLS = 4000, FEW = 50 };

static struct calendar calendar;
static struct timer timers[TIMERS];
static int64_t filed[TIMERS]; /* what the calendar goes by; INT64_MIN: not pending */
static int pending;
static int64_t now = INT64_C(5000000000000);
static uint64_t seed;
static bool restarts;

static int64_t below(int64_t most)
{
    return (int64_t)(test_random(&seed) % (uint64_t)most);
}

/* Near, far, equal, past, at the edges of ticks, never. */
static int64_t some_time(void)
{
    int64_t lengths[] = { 1, 5000, 300000, 20000000, INT64_C(70000000000), INT64_C(1) << 50 };
    switch (below(12)) {
    case 0: return now - below(1000000);
    case 1: return now;
    case 2: return INT64_C(6000000000000);
    case 3: return (now / 4096 + below(70)) * 4096 - below(2);
    case 4: return below(50) == 0 ? INT64_MAX : now + below(INT64_MAX - now);
    case 5: return below(50) == 0 ? -below(1000) : now + 1;
    default: return now + below(lengths[below(6)]);
    }
}

static void insert(int i, int64_t when)
{
    EXPECT(calendar_has_room(&calendar));
    calendar_insert(&calendar, &timers[i], when);
    filed[i] = when;
    pending++;
}

static void forgotten(int i)
{
    EXPECT_EQ(timers[i].slot, 0);
    filed[i] = INT64_MIN;
    pending--;
}

static void call(int i)
{
    bool is_pending = filed[i] != INT64_MIN;
    EXPECT_EQ(timers[i].slot != 0, is_pending);
    if (!is_pending) {
        insert(i, some_time());
    } else if (below(2) == 0) {
        calendar_remove(&calendar, &timers[i]);
        forgotten(i);
    } else {
        int64_t when = some_time();
        calendar_set(&calendar, &timers[i], when);
        EXPECT_EQ(timers[i].when, when);
        filed[i] = when < filed[i] ? when : filed[i];
    }
}

static int64_t earliest_filed(void)
{
    int64_t earliest = INT64_MAX;
    for (int i = 0; i < TIMERS; i++)
        if (filed[i] != INT64_MIN && filed[i] < earliest)
            earliest = filed[i];
    return earliest;
}

/* What is due comes, in order; it may be started again at once, as by timer_restart_locked. */
static void advance(int64_t time)
{
    uint32_t slot;
    int64_t last = INT64_MIN;
    now = time;
    while ((slot = calendar_take(&calendar, now)) != 0) {
        struct timer *timer = calendar.timers[slot];
        int i = (int)(timer - timers);
        EXPECT(filed[i] >= last && filed[i] <= now);
        last = filed[i];
        if (timer->when > now) {
            calendar_file_again(&calendar, timer);
            filed[i] = timer->when;
            continue;
        }
        calendar_forget(&calendar, timer);
        forgotten(i);
        if (restarts && below(8) == 0)
            insert(i, now + 1 + below(100000));
    }
    int64_t earliest = earliest_filed(), next = calendar_next(&calendar);
    EXPECT(earliest > now && next <= earliest && next > now);
    if (calendar.used_levels == 0)
        EXPECT_EQ(next, earliest);
}

/* Each that is pending can be found where its slot says. */
static void look_up(void)
{
    for (int i = 0; i < TIMERS; i++) {
        if (filed[i] == INT64_MIN)
            continue;
        EXPECT(calendar.timers[timers[i].slot] == &timers[i]);
        uint32_t place = calendar.places[timers[i].slot];
        EXPECT_EQ(place < CALENDAR_MOST ? calendar.heap[place].when : calendar_bucket_filed(&calendar, place), filed[i]);
    }
}

/* Calls on the first `count` timers, while the time goes on. */
static void run(int count, int64_t rounds, int calls)
{
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < calls; i++)
            call((int)below(count));
        if (below(8) == 0)
            look_up();
        int64_t steps[] = { 1, 4096, 100000, 20000000, INT64_C(100000000000) };
        int64_t next = calendar_next(&calendar);
        advance(below(3) != 0 || next > now + INT64_C(100000000000) || next < now ? now + below(steps[below(5)]) : next);
    }
}

/* Nothing is left, nor any memory lost. */
static void remove_all(void)
{
    for (int i = 0; i < TIMERS; i++) {
        if (filed[i] == INT64_MIN)
            continue;
        calendar_remove(&calendar, &timers[i]);
        forgotten(i);
    }
    EXPECT_EQ(pending, 0);
    EXPECT_EQ(calendar_next(&calendar), INT64_MAX);
    EXPECT(calendar_take(&calendar, INT64_MAX) == 0);
    uint32_t free = 0;
    for (uint32_t block = calendar.free_block; block != 0; block = calendar.blocks[block].next)
        free += (uint32_t)__builtin_popcountll(calendar.blocks[block].free);
    EXPECT_EQ(free, calendar.capacity);
}

/* Some in one bucket, with the heap full of earlier ones: the earliest of them may go, and the next is known. */
static void few_in_bucket(void)
{
    int64_t bucket = (now / 4096 + 100000) * 4096;
    for (int i = 0; i < CALENDAR_FEW; i++)
        insert(i, now + 1);
    for (int i = CALENDAR_FEW; i < CALENDAR_FEW + 10; i++)
        insert(i, bucket + i);
    calendar_remove(&calendar, &timers[CALENDAR_FEW]);
    forgotten(CALENDAR_FEW);
    while (pending > 9)
        advance(now + 1);
    EXPECT_EQ(calendar_next(&calendar), bucket + CALENDAR_FEW + 1);
    remove_all();
}

/* All at once, in one bucket after another, and all out again by time. */
static void fill(int64_t first, int64_t width)
{
    for (int i = 0; i < TIMERS; i++)
        insert(i, first + below(width));
    look_up();
    advance(first + width / 2);
    advance(first + width);
    while (pending > 0)
        advance(now + 100000);
}

int main(void)
{
    seed = test_seed();
    for (int i = 0; i < TIMERS; i++)
        filed[i] = INT64_MIN;
    few_in_bucket();
    restarts = true;
    run(FEW, test_scaled(ROUNDS) * 4, 40);
    run(TIMERS, test_scaled(ROUNDS), CALLS);
    remove_all();
    run(CALENDAR_FEW, test_scaled(ROUNDS) * 4, 300);
    remove_all();
    run(CALENDAR_FEW * 2, test_scaled(ROUNDS) * 4, 100);
    remove_all();
    fill(now + 1000, 1);
    fill(now + INT64_C(600000000), 600000);
    fill(now + INT64_C(3600000000000), INT64_C(3600000000000));
    return 0;
}
