/* SPDX-License-Identifier: MIT */
/* 100,000 goroutines started one after the other, and a tree of them in the manner of skynet, sum up right. */
#include "common.h"

struct node {
    rung_chan *out;
    long number, size;
};

static atomic_long sum;

static int add(void *number)
{
    atomic_fetch_add(&sum, (long)(uintptr_t)number);
    return 0;
}

static int skynet(void *arg)
{
    struct node *me = arg;
    long total = me->number;
    if (me->size > 1) {
        rung_chan *in = chan_open(sizeof(long), 0);
        for (int i = 0; i < 10; i++) {
            struct node child = {in, me->number + i * (me->size / 10), me->size / 10};
            EXPECT_EQ(rung_go_copy(skynet, &child, sizeof child), 0);
        }
        total = 0;
        for (int i = 0; i < 10; i++) {
            long part;
            EXPECT_EQ(rung_recv(in, &part), 1);
            total += part;
        }
        rung_chan_free(in);
    }
    EXPECT_EQ(rung_send(me->out, &total), 0);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    uintptr_t count = (uintptr_t)test_scaled(100000);
    atomic_store(&sum, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < count; i++) {
        group_go(&group, add, (void *)i);
        if (i % 1000 == 999)
            rung_yield();
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(sum, count * (count - 1) / 2);

    long total;
    struct node root = {chan_open(sizeof(long), 0), 0, 10000};
    EXPECT_EQ(rung_go_copy(skynet, &root, sizeof root), 0);
    EXPECT_EQ(rung_recv(root.out, &total), 1);
    EXPECT_EQ(total, 10000L * 9999 / 2);
    rung_chan_free(root.out);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
